"""Build the Workflow to submit from a manifest, or from a template in the cluster. Pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlops_actions.argo_submit import object_names, schema
from mlops_actions.argo_submit.documents import InvalidManifest, ManifestDocument
from mlops_actions.core.errors import BadInput
from mlops_actions.core.types import Json

API_VERSION = "argoproj.io/v1alpha1"
KINDS = ("Workflow", "WorkflowTemplate", "CronWorkflow")
LABEL_TEMPLATE = "workflows.argoproj.io/workflow-template"
LABEL_CLUSTER_TEMPLATE = "workflows.argoproj.io/cluster-workflow-template"
MAX_PROBLEMS = 8  # that one error lists
_NAME_REMEDY = "give it a name: 'name: …'"
LABEL_CRON = "workflows.argoproj.io/cron-workflow"
# A controller may look only at workflows with its own identifier.
INHERITED_LABELS = ("workflows.argoproj.io/controller-instanceid",)
# What `{{workflow.scheduledTime}}` stands for. A schedule sets it, and so does `argo submit --from cronwf/NAME`.
SCHEDULED_TIME = "workflows.argoproj.io/scheduled-time"


@dataclass(frozen=True)
class Overrides:
    """Values of inputs that replace the manifest's; None and empty mappings leave the manifest as it is."""

    namespace: str | None = None
    name: str | None = None
    generate_name: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    service_account: str | None = None
    entrypoint: str | None = None
    priority: int | None = None


def select(documents: Sequence[ManifestDocument]) -> ManifestDocument:
    """Return the one document to run; raises InvalidManifest where there is none, or more than one.

    Beside one Workflow, documents of other kinds may stand, as for `argo submit`; see `beside`.
    """
    if not documents:
        raise BadInput("the manifest is empty", "give a manifest with a Workflow, WorkflowTemplate or CronWorkflow")
    workflows = [document for document in documents if _kind(document) == "Workflow"]
    runnable = workflows or [document for document in documents if _kind(document) in KINDS]
    if len(runnable) > 1:
        places = ", ".join(f"{_kind(document)} at {document.location}" for document in runnable)
        raise InvalidManifest(
            runnable[1].location,
            f"several documents, but only one can be run: {places}",
            "give each workflow a file of its own and name one in 'workflow'; to run several, use a step or a job for each",
        )
    document = (runnable or documents)[0]
    if not isinstance(document.value, dict) or document.value.get("kind") not in KINDS:
        raise InvalidManifest(
            document.at("kind"), f"{_kind(document)} is not a Workflow", f"'kind' must be one of {', '.join(KINDS)}"
        )
    if document.value.get("apiVersion") != API_VERSION:
        raise InvalidManifest(
            document.at("apiVersion"), f"apiVersion is {document.value.get('apiVersion')!r}", f"write {API_VERSION}"
        )
    return document


def beside(documents: Sequence[ManifestDocument], chosen: ManifestDocument) -> tuple[str, ...]:
    """Return a warning for each document that is not submitted with the chosen one; `argo submit` leaves them out too."""
    return tuple(
        f"{document.location}: {_kind(document)} stands beside the {_kind(chosen)} and is not submitted: if the workflow "
        "needs it, apply it before, for example by `kubectl apply`"
        for document in documents
        if document is not chosen
    )


@dataclass(frozen=True)
class CheckedWorkflow:
    """The Workflow that a manifest describes, the line of Argo that can read it, and the fields that this line lacks."""

    workflow: Json
    line: str
    warnings: tuple[str, ...]


def to_workflow(document: ManifestDocument, *, strict: bool = True) -> CheckedWorkflow:
    """Return the Workflow that a document of one of the three kinds describes; raises InvalidManifest.

    Values become texts where Argo makes texts of them, before anything is checked. An unknown field is a warning where
    `strict` is false.
    """
    value = document.value
    metadata, spec = value.get("metadata") or {}, value.get("spec")
    for key, mapping in (("metadata", metadata), ("spec", spec)):
        if not isinstance(mapping, dict):
            raise InvalidManifest(document.at(key), f"'{key}' is missing or not a mapping", f"give '{key}' as a mapping")
    kind = value["kind"]
    path = spec_path(document)
    if kind == "CronWorkflow":
        if not isinstance(spec.get("workflowSpec"), dict):
            raise InvalidManifest(document.at(*path), "a CronWorkflow needs 'spec.workflowSpec'", "give it as a mapping")
        workflow = _from_cron(value)
    elif kind == "WorkflowTemplate":
        base = f"{metadata['name']}-" if metadata.get("name") else metadata.get("generateName") or "workflow-"
        workflow = _workflow({"generateName": base}, spec)
        workflow["metadata"] |= {key: metadata[key] for key in ("namespace", "labels", "annotations") if key in metadata}
    else:
        kept = ("name", "generateName", "namespace", "labels", "annotations", "finalizers", "ownerReferences")
        workflow = _workflow({key: metadata[key] for key in kept if metadata.get(key)}, spec)
    workflow["spec"] = schema.with_texts(workflow["spec"])
    more, line = _check_fields(document, workflow["spec"], strict=strict)
    _check_metadata(document, workflow["metadata"])
    warnings = _check_around_spec(document, strict=strict)
    _check_spec(document, path, workflow["spec"])
    return CheckedWorkflow(copy.deepcopy(workflow), line, (*warnings, *more))


def from_template(kind: str, template: Mapping[str, Any], *, copied: bool = False) -> Json:
    """Return a Workflow that runs a template of the cluster: by reference, or (`copied`) by a copy that can be extended.

    A CronWorkflow's spec is always copied, because a workflow cannot refer to one.
    """
    name = str(template["metadata"]["name"])
    if kind == "cronworkflow":
        return copy.deepcopy(_from_cron(template))
    cluster_wide = kind == "clusterworkflowtemplate"
    reference: Json = {"name": name, **({"clusterScope": True} if cluster_wide else {})}
    label = LABEL_CLUSTER_TEMPLATE if cluster_wide else LABEL_TEMPLATE
    metadata: Json = {"generateName": f"{name}-", "labels": {label: name}}
    if copied:
        extra = template["spec"].get("workflowMetadata") or {}
        metadata["labels"] = {**(extra.get("labels") or {}), label: name}
        return copy.deepcopy(_workflow(metadata, template["spec"]))
    workflow = _workflow(metadata, {"workflowTemplateRef": reference})
    # The template declares the parameters; they are listed here so that the workflow can set their values.
    arguments = template.get("spec", {}).get("arguments") or {}
    if arguments.get("parameters"):
        workflow["spec"]["arguments"] = {"parameters": copy.deepcopy(arguments["parameters"])}
    return workflow


def with_overrides(workflow: Json, overrides: Overrides) -> Json:
    """Return the workflow with the inputs' values set."""
    workflow = copy.deepcopy(workflow)
    metadata, spec = workflow["metadata"], workflow["spec"]
    if overrides.namespace:
        metadata["namespace"] = overrides.namespace
    if overrides.name:
        metadata.pop("generateName", None)
        metadata["name"] = overrides.name
    if overrides.generate_name:
        metadata.pop("name", None)
        metadata["generateName"] = overrides.generate_name
    for key, more in (("labels", overrides.labels), ("annotations", overrides.annotations)):
        if more:
            metadata[key] = {**(metadata.get(key) or {}), **more}
    if overrides.service_account:
        spec["serviceAccountName"] = overrides.service_account
    if overrides.entrypoint:
        names = [template.get("name") for template in spec.get("templates") or []]
        if names and overrides.entrypoint not in names:
            raise BadInput(
                f"input 'entrypoint' names no template: '{overrides.entrypoint}'", f"give one of {', '.join(names)}"
            )
        spec["entrypoint"] = overrides.entrypoint
    if overrides.priority is not None:
        spec["priority"] = overrides.priority
    return workflow


def _workflow(metadata: Json, spec: object) -> Json:
    return {"apiVersion": API_VERSION, "kind": "Workflow", "metadata": metadata, "spec": spec}


def _from_cron(cron: Mapping[str, Any]) -> Json:
    """Return the workflow that the schedule would start, but for its name and the time that it was scheduled for."""
    own = cron.get("metadata") or {}
    extra = cron["spec"].get("workflowMetadata") or cron["spec"].get("workflowMeta") or {}
    inherited = {key: text for key, text in (own.get("labels") or {}).items() if key in INHERITED_LABELS}
    name = str(own.get("name", "cron"))
    metadata: Json = {
        "generateName": f"{name}-",
        "labels": {**inherited, LABEL_CRON: name, **(extra.get("labels") or {})},
        "annotations": {**(extra.get("annotations") or {})},
    }
    if extra.get("finalizers"):
        metadata["finalizers"] = extra["finalizers"]
    if own.get("uid"):  # of the cluster: Argo makes it the owner, so that its history limits count the workflow
        # Argo also sets `blockOwnerDeletion`, for which some clusters ask the right to update the owner's finalizers.
        owner = {"apiVersion": API_VERSION, "kind": "CronWorkflow", "name": name, "uid": own["uid"], "controller": True}
        metadata["ownerReferences"] = [owner]
    if own.get("namespace"):
        metadata["namespace"] = own["namespace"]
    return _workflow(metadata, cron["spec"]["workflowSpec"])


def _kind(document: ManifestDocument) -> str:
    if not isinstance(document.value, dict):
        return f"a {type(document.value).__name__}"
    return str(document.value.get("kind") or "a document without 'kind'")


def _check_around_spec(document: ManifestDocument, *, strict: bool) -> tuple[str, ...]:
    """Refuse wrong types around the spec, and unknown fields, which would be left out; else return these as warnings."""
    problems = schema.problems_around_spec(document.value)
    texts = {}
    for problem in problems:
        owner = schema.place({}, problem.path[:-1] if problem.is_unknown else problem.path) if len(problem.path) > 1 else ""
        texts[problem] = f"{owner or document.value['kind']} {problem.cause}"
    if refused := [problem for problem in problems if strict or not problem.is_unknown]:
        listed = "; ".join(texts[problem] for problem in refused[:MAX_PROBLEMS])
        raise InvalidManifest(document.at(*refused[0].path), listed, refused[0].remedy)
    return tuple(f"{document.at(*problem.path)}: {text}" for problem, text in texts.items())


def _check_fields(document: ManifestDocument, spec: Json, *, strict: bool) -> tuple[tuple[str, ...], str]:
    """Refuse what no supported line of Argo takes; return the other unknown fields as warnings, and the line."""
    problems, line = schema.refusals(spec)
    if refused := [item for item in problems if not (item.is_overlooked if strict else item.is_unknown)]:
        raise invalid(document, spec, refused, f" (Argo {line})")
    path = spec_path(document)
    return tuple(f"{document.at(*path, *problem.path)}: {schema.text(spec, problem)}" for problem in problems), line


def spec_path(document: ManifestDocument) -> tuple[str, ...]:
    """Return the path of the workflow's spec in a document."""
    return ("spec", "workflowSpec") if document.value.get("kind") == "CronWorkflow" else ("spec",)


def invalid(document: ManifestDocument, spec: Json, problems: Sequence[schema.Problem], note: str = "") -> InvalidManifest:
    """Return the error that lists problems of a spec: the first with its remedy, and the places of the others."""
    path = spec_path(document)
    first, *others = problems[:MAX_PROBLEMS]
    texts = [
        schema.text(spec, first),
        *(f"{document.at(*path, *other.path)}: {schema.text(spec, other)}" for other in others),
    ]
    if len(problems) > MAX_PROBLEMS:
        texts.append(f"and {len(problems) - MAX_PROBLEMS} more")
    return InvalidManifest(document.at(*path, *first.path), "; ".join(texts) + note, first.remedy)


def _check_metadata(document: ManifestDocument, metadata: Json) -> None:
    """Refuse names, labels and annotations that the API server would refuse without saying where they stand."""
    rules = {
        "name": (object_names.is_name, object_names.NAME_RULE),
        "generateName": (object_names.is_name_base, object_names.NAME_RULE),
        "namespace": (object_names.is_namespace, object_names.NAMESPACE_RULE),
    }
    for key, (is_valid, rule) in rules.items():
        if key in metadata and not (isinstance(metadata[key], str) and is_valid(metadata[key])):
            # The workflow's generateName comes from the name of a template or a cron workflow.
            place = key if key in (document.value.get("metadata") or {}) else "name"
            given = document.value["metadata"].get(place) if place != key else metadata[key]
            raise InvalidManifest(
                document.at("metadata", place), f"metadata.{place} is not a Kubernetes name: {given!r}", rule
            )
    for key in ("labels", "annotations"):
        values = metadata.get(key) or {}
        if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
            raise InvalidManifest(
                document.at("metadata", key), f"metadata.{key} must map to texts", 'quote numbers and true/false: "1"'
            )
        problems = object_names.label_problems(values) if key == "labels" else object_names.key_problems(values)
        for name, problem, rule in problems:
            raise InvalidManifest(document.at("metadata", key, name), f"metadata.{key}: {problem}", rule)


def _check_spec(document: ManifestDocument, path: tuple[str, ...], spec: Json) -> None:
    """Refuse what the schema cannot say: names that are missing, given twice, or name nothing."""
    names: list[object] = []
    for number, template in enumerate(spec.get("templates") or []):
        name = template.get("name")
        where = document.at(*path, "templates", number, "name")
        if not name:
            raise InvalidManifest(where, f"template {number + 1} has no name", _NAME_REMEDY)
        if name in names:
            raise InvalidManifest(where, f"two templates have the name '{name}'", "rename one of them")
        names.append(name)
    _check_entrypoint(document, path, spec, names)
    _check_arguments(document, path, spec)


def _check_entrypoint(document: ManifestDocument, path: tuple[str, ...], spec: Json, names: list[object]) -> None:
    if spec.get("workflowTemplateRef"):
        return
    for key in ("entrypoint", "onExit"):
        named = spec.get(key)
        if named is None and key == "entrypoint":
            raise InvalidManifest(document.at(*path), "'entrypoint' is missing", f"name one of: {_listed(names)}")
        if named is not None and named not in names:
            raise InvalidManifest(
                document.at(*path, key), f"'{key}' names no template: {named!r}", f"name one of: {_listed(names)}"
            )


def _check_arguments(document: ManifestDocument, path: tuple[str, ...], spec: Json) -> None:
    seen: set[str] = set()
    for number, entry in enumerate((spec.get("arguments") or {}).get("parameters") or []):
        where, name = document.at(*path, "arguments", "parameters", number), entry.get("name")
        if not name:
            raise InvalidManifest(where, f"parameter {number + 1} has no name", _NAME_REMEDY)
        if name in seen:
            raise InvalidManifest(where, f"the parameter '{name}' is declared twice", "keep one of them")
        seen.add(name)


def _listed(names: list[object]) -> str:
    return ", ".join(str(name) for name in names) or "(there are no templates)"
