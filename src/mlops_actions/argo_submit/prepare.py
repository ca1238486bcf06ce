"""Prepare the workflow to submit: manifest, overrides, parameters, provenance, name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from mlops_actions.argo_submit import (
    callback,
    cluster_templates,
    documents,
    idempotency,
    manifest,
    parameters,
    schema,
)
from mlops_actions.argo_submit.inputs import Inputs
from mlops_actions.argo_submit.lint import workflow as lint
from mlops_actions.argo_submit.lint.hooks import late_failures
from mlops_actions.argo_submit.lint.references import ReferencedSpecs
from mlops_actions.argo_submit.ports import Cluster
from mlops_actions.argo_submit.revision import WorkflowRevision, parameters_by_input
from mlops_actions.core import provenance
from mlops_actions.core.context import Context
from mlops_actions.core.errors import BadInput
from mlops_actions.core.ports import Workspace
from mlops_actions.core.types import Json

# The limits of Kubernetes for annotations, and of etcd's default configuration for one object.
MAX_ANNOTATION_BYTES = 256 * 1024
MAX_WORKFLOW_BYTES = 1024 * 1024 * 3 // 2
_INLINE = re.compile(r"^\s*(\{|apiVersion\s*:|kind\s*:)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class WorkflowRequest:
    """The workflow to submit, which has no name yet: `with_name` sets it."""

    namespace: str
    workflow: Json
    key: str
    parameters: Mapping[str, str]
    warnings: tuple[str, ...]
    # Whether the server shall refuse fields that it does not know, as it does for `kubectl create`.
    strict: bool
    # What was found to be right before the cluster judges it, and what could not be checked.
    checked: tuple[str, ...]
    not_checked: tuple[str, ...]

    def with_name(self, attempt: int = 0, identity: str = "") -> Json:
        """Return the workflow with its name; `attempt` (from 2 on) marks a request that is repeated after a failure.

        `identity` is the value of a label that no other creation has.
        """
        metadata = idempotency.with_name(self.workflow["metadata"], self.key, attempt=attempt)
        known = {idempotency.KEY_ANNOTATION: self.key, provenance.REQUEST: identity}
        labels = {**(metadata.get("labels") or {}), **provenance.labels(known)}
        return {**self.workflow, "metadata": {**metadata, "labels": labels}}


@dataclass(frozen=True, kw_only=True)
class _Source:
    """What the workflow is made of: a document of the workspace, or an object of the cluster, which is read already."""

    workflow: Json
    document: documents.ManifestDocument | None = None
    label: str = ""
    line: str = ""
    unknown_fields: tuple[str, ...] = ()  # a warning for each
    beside: tuple[str, ...] = ()  # a warning for each other document
    known: ReferencedSpecs = field(default_factory=dict)

    def warning(self, workflow: Json, problem: schema.Problem) -> str:
        """Return a problem that is no reason to refuse the workflow, with its place where it stands in a file."""
        told = schema.text(workflow["spec"], problem)
        if not self.document:
            return f"the {self.label} in the cluster: {told}"
        return f"{self.document.at(*manifest.spec_path(self.document), *problem.path)}: {told}"

    def refuse(self, workflow: Json, problems: Sequence[schema.Problem]) -> BadInput:
        """Return the error that lists problems of the workflow."""
        if self.document:
            return manifest.invalid(self.document, workflow["spec"], problems)
        texts = "; ".join(schema.text(workflow["spec"], problem) for problem in problems[: manifest.MAX_PROBLEMS])
        return BadInput(f"the {self.label} in the cluster cannot be run: {texts}", problems[0].remedy)


def prepare(
    inputs: Inputs,
    context: Context,
    revision: WorkflowRevision,
    workspace: Workspace,
    cluster: Callable[[], Cluster],
    now: datetime,
) -> WorkflowRequest:
    """Return the request; raises BadInput. `cluster` is called only after every check that needs no cluster."""
    try:
        return _prepare(inputs, context, revision, workspace, cluster, now)
    except RecursionError:
        raise BadInput("the manifest is nested too deeply", "flatten it: move inline templates to 'templates'") from None


def _prepare(
    inputs: Inputs,
    context: Context,
    revision: WorkflowRevision,
    workspace: Workspace,
    cluster: Callable[[], Cluster],
    now: datetime,
) -> WorkflowRequest:
    explicit = dict(inputs.parameters or {})
    file = _parameter_file(inputs, workspace)
    source = _source(inputs, workspace, cluster)
    workflow = manifest.with_overrides(source.workflow, _overrides(inputs))
    spec = workflow["spec"]

    def namespace() -> str:
        return str(workflow["metadata"].get("namespace") or "") or cluster().namespace

    templates = cluster_templates.read(spec, namespace, cluster, source.known)
    if inputs.adds_parameters:
        spec = parameters.with_declared(spec, file)
    if inputs.is_legacy:
        workflow = {**workflow, "metadata": idempotency.with_commit(workflow["metadata"], revision.sha)}
    declared = parameters.declared_parameters(spec)
    if template := templates.of_workflow(spec):
        own = {parameter.name for parameter in declared}
        declared += [parameter for parameter in parameters.declared_parameters(template) if parameter.name not in own]
    known = revision.known_parameters()
    given = parameters_by_input(inputs)
    offered = [*explicit, *file, *(name for source in given for name in parameters.KNOWN.get(source, ()))]
    declared += parameters.undeclared(declared, (spec, *templates.specs.values()), offered)
    values, dropped = parameters.resolve(
        declared,
        explicit,
        file,
        parameters.without_value(declared, known) if inputs.is_legacy else known,
        given,
        drop_unknown=inputs.unknown_parameters == "drop",
        # A template that may not be read may supply declarations and defaults.
        complete=bool(template) or not spec.get("workflowTemplateRef"),
    )
    spec = parameters.with_declared(spec, values)
    if entries := parameters.argument_entries(spec, values):
        spec = {**spec, "arguments": {**(spec.get("arguments") or {}), "parameters": entries}}
    workflow = {**workflow, "spec": spec}
    key = idempotency.request_key(
        workflow, inputs.idempotency, context, revision.sha, matrix=inputs.matrix, section=inputs.section
    )
    # After the key: the callback names the run, which `idempotency: sha` must ignore, and the time passes.
    if inputs.callback:
        request = callback.callback_request(revision, context, inputs.callback_image, inputs.callback_secret or "")
        workflow = callback.with_exit_handler(workflow, request)
    metadata = workflow["metadata"]
    metadata["labels"] = {**_without_ours(metadata.get("labels")), **revision.labels(context)}
    metadata["annotations"] = {**_without_ours(metadata.get("annotations")), **revision.annotations()}
    if manifest.LABEL_CRON in metadata["labels"]:
        scheduled = {manifest.SCHEDULED_TIME: f"{now:%Y-%m-%dT%H:%M:%SZ}"}
        metadata["annotations"] = {**scheduled, **metadata["annotations"]}
    metadata["namespace"] = namespace()
    _check_size(workflow)
    seen = {**workflow, "spec": schema.without_unknown(workflow["spec"], source.line)}
    if problems := lint.problems(seen, templates.specs):
        raise source.refuse(workflow, problems)
    late = late_failures(lint.without_nulls(seen["spec"]), templates.specs)
    hooks = [source.warning(workflow, problem) for problem in islice(late, lint.MAX_PROBLEMS)]
    warnings = (*source.unknown_fields, *source.beside, *hooks)
    if dropped:
        names = ", ".join(dropped)
        warnings = (*warnings, f"the workflow does not declare these parameters, so they are left out: {names}")
    return WorkflowRequest(
        namespace=metadata["namespace"],
        workflow=workflow,
        key=key,
        parameters=values,
        warnings=warnings,
        strict=inputs.strict and not source.unknown_fields,
        checked=tuple(_checked(source, templates)),
        not_checked=templates.unread,
    )


def _source(inputs: Inputs, workspace: Workspace, cluster: Callable[[], Cluster]) -> _Source:
    if not inputs.from_:
        found = _documents(inputs.workflow or "", workspace)
        document = manifest.select(found)
        read = manifest.to_workflow(document, strict=inputs.strict)
        beside = manifest.beside(found, document)
        return _Source(
            workflow=read.workflow, document=document, line=read.line, unknown_fields=read.warnings, beside=beside
        )
    kind, name = inputs.from_
    template = cluster().get_template(kind, inputs.namespace or cluster().namespace, name)
    by_reference = kind != "cronworkflow" and not inputs.callback
    label = f"{kind} '{name}'"
    holder = template["spec"]["workflowSpec"] if kind == "cronworkflow" else template["spec"]
    spec, line = cluster_templates.checked(kind, name, holder)
    if kind == "cronworkflow":
        template = {**template, "spec": {**template["spec"], "workflowSpec": spec}}
    else:
        template = {**template, "spec": spec}
    workflow = manifest.from_template(kind, template, copied=bool(inputs.callback))
    known = {(kind, name): schema.without_unknown(spec, line)} if by_reference else {}
    return _Source(workflow=workflow, label=label, line=line, known=known)


def _checked(source: _Source, templates: cluster_templates.ClusterTemplates) -> Iterator[str]:
    """Yield what was checked here, for people."""
    yield f"fields and types of the {source.label or 'manifest'} by the schema of Argo {source.line}"
    others = [f"{key[0]}/{key[1]}" for key, spec in templates.specs.items() if spec is not None and key not in source.known]
    if others:
        yield f"types of the cluster's {', '.join(others)}"
    yield "names, references, variables and arguments, as 'argo lint' does"


def _overrides(inputs: Inputs) -> manifest.Overrides:
    return manifest.Overrides(
        namespace=inputs.namespace,
        name=inputs.name,
        generate_name=inputs.generate_name,
        labels=inputs.labels or {},
        annotations=inputs.annotations or {},
        service_account=inputs.service_account,
        entrypoint=inputs.start,
        priority=inputs.priority,
    )


def _without_ours(texts: Mapping[str, str] | None) -> dict[str, str]:
    """Leave out what this suite records: a manifest may not say for which repository or pull request it was submitted."""
    return {key: text for key, text in (texts or {}).items() if key not in provenance.RECORDED}


def parameters_of_retry(inputs: Inputs, workflow: Json, workspace: Workspace) -> dict[str, str]:
    """Return the parameters that a retry replaces; raises BadInput, also where one would change commit, image or PR.

    The annotations say for which of these the workflow was submitted, and half of its nodes have run with them.
    """
    stored = (workflow.get("status") or {}).get("storedWorkflowTemplateSpec") or {}
    entries = [
        entry
        for spec in (workflow.get("spec") or {}, stored)
        for entry in (spec.get("arguments") or {}).get("parameters") or ()
        if isinstance(entry, dict) and isinstance(entry.get("name"), str)
    ]
    declared = parameters.declared_parameters({"arguments": {"parameters": entries}})
    explicit, file = dict(inputs.parameters or {}), _parameter_file(inputs, workspace)
    drop = inputs.unknown_parameters == "drop"
    values, _ = parameters.resolve(declared, explicit, file, {}, {}, drop_unknown=drop, complete=False)
    present = {parameter.name: parameter.value for parameter in declared}
    for name in (name for names in parameters.KNOWN.values() for name in names):
        if name in values and values[name] != present[name]:
            raise BadInput(
                f"parameter '{name}' says what the workflow was submitted for, and a retry cannot change it",
                f"leave '{name}' out, or submit a new workflow",
            )
    return values


def _check_size(workflow: Json) -> None:
    """Refuse a workflow beyond the cluster's limits, and name its largest part, which the cluster does not."""
    annotations = {str(key): str(value) for key, value in workflow["metadata"]["annotations"].items()}
    sizes = {key: len(key.encode()) + len(value.encode()) for key, value in annotations.items()}
    if sum(sizes.values()) > MAX_ANNOTATION_BYTES:
        largest = max(sizes, key=lambda key: sizes[key])
        raise BadInput(
            f"the annotations take {sum(sizes.values()):,} bytes, and Kubernetes accepts {MAX_ANNOTATION_BYTES:,}: "
            f"the largest is '{largest}' ({sizes[largest]:,} bytes)",
            "shorten it, or pass its text by an artifact",
        )
    size = len(json.dumps(workflow, separators=(",", ":"), ensure_ascii=False).encode())
    if size > MAX_WORKFLOW_BYTES:
        entries = (workflow["spec"].get("arguments") or {}).get("parameters") or []
        lengths = {str(entry.get("name")): len(str(entry.get("value") or "")) for entry in entries}
        largest = max(lengths, key=lambda name: lengths[name], default="")
        share = f"; parameter '{largest}' alone takes {lengths[largest]:,}" if largest else ""
        raise BadInput(
            f"the workflow takes {size:,} bytes, and a cluster stores {MAX_WORKFLOW_BYTES:,}{share}",
            "pass large values by an artifact or a config map",
        )


def _documents(source: str, workspace: Workspace) -> list[documents.ManifestDocument]:
    if "\n" in source.strip() or _INLINE.search(source):
        return documents.parse(source, "")
    pattern = source.strip()
    paths = workspace.find(pattern)
    if not paths:
        raise BadInput(
            f"input 'workflow' names no file in the workspace: {pattern!r}",
            "give a path or glob relative to the workspace (is actions/checkout before this step?), or inline YAML",
        )
    return [document for path in paths for document in documents.parse(workspace.read(path), path)]


def _parameter_file(inputs: Inputs, workspace: Workspace) -> dict[str, str]:
    if not inputs.parameter_file:
        return {}
    paths = workspace.find(inputs.parameter_file)
    if len(paths) != 1:
        raise BadInput(
            f"input 'parameter-file' names {'no file' if not paths else 'several files'} in the workspace: "
            f"{inputs.parameter_file!r}",
            "give the path of one YAML or JSON file, relative to the workspace",
        )
    try:
        return parameters.parse(workspace.read(paths[0]))
    except ValueError as error:
        raise BadInput(f"the parameter file {paths[0]!r} {error}", "correct the file") from None
