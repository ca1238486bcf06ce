"""Prepare the workflow to submit: manifest, overrides, parameters, provenance, name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mlops_actions.argo_submit import callback, documents, idempotency, manifest, parameters
from mlops_actions.argo_submit.inputs import Inputs
from mlops_actions.argo_submit.lint import workflow as lint
from mlops_actions.argo_submit.ports import Cluster
from mlops_actions.argo_submit.revision import WorkflowRevision, parameters_by_input
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

    def with_name(self, attempt: int = 0) -> Json:
        """Return the workflow with its name; `attempt` (from 2 on) marks a request that is repeated after a failure."""
        metadata = idempotency.with_name(self.workflow["metadata"], self.key, attempt=attempt)
        return {**self.workflow, "metadata": metadata}


def prepare(
    inputs: Inputs, context: Context, revision: WorkflowRevision, workspace: Workspace, cluster: Callable[[], Cluster]
) -> WorkflowRequest:
    """Return the request; raises BadInput. `cluster` is called only after every check that needs no cluster."""
    explicit = dict(inputs.parameters or {})
    file = _parameter_file(inputs, workspace)
    overrides = manifest.Overrides(
        namespace=inputs.namespace,
        name=inputs.name,
        generate_name=inputs.generate_name,
        labels=inputs.labels or {},
        annotations=inputs.annotations or {},
        service_account=inputs.service_account,
        entrypoint=inputs.entrypoint,
        priority=inputs.priority,
    )
    warnings: tuple[str, ...] = ()
    document: documents.ManifestDocument | None = None
    if inputs.from_:
        kind, name = inputs.from_
        namespace = inputs.namespace or cluster().namespace
        template = cluster().get_template(kind, namespace, name)
        workflow = manifest.from_template(kind, template, copied=bool(inputs.callback))
    else:
        document = manifest.select(_documents(inputs.workflow or "", workspace))
        workflow, warnings = manifest.to_workflow(document, strict=inputs.strict)
    workflow = manifest.with_overrides(workflow, overrides)
    if inputs.adds_parameters:
        workflow = {**workflow, "spec": parameters.with_declared(workflow["spec"], file)}
    if inputs.is_legacy:
        workflow = {**workflow, "metadata": idempotency.with_commit(workflow["metadata"], revision.sha)}
    spec = workflow["spec"]
    declared = parameters.declared_parameters(spec)
    known = revision.known_parameters()
    by_reference = bool(spec.get("workflowTemplateRef"))
    values, dropped = parameters.resolve(
        declared,
        explicit,
        file,
        parameters.without_value(declared, known) if inputs.is_legacy else known,
        parameters_by_input(inputs),
        # A manifest that refers to a template may leave declarations and defaults to the template.
        drop_unknown=inputs.unknown_parameters == "drop",
        complete=not by_reference,
    )
    if entries := parameters.argument_entries(spec, values):
        spec["arguments"] = {**(spec.get("arguments") or {}), "parameters": entries}
    key = idempotency.request_key(workflow, inputs.idempotency, context, revision.sha)
    if inputs.callback:  # after the key: the callback names the run, and `idempotency: sha` must ignore the run
        request = callback.callback_request(revision, context, inputs.callback_image, inputs.callback_secret or "")
        workflow = callback.with_exit_handler(workflow, request)
    metadata = workflow["metadata"]
    metadata["labels"] = {**(metadata.get("labels") or {}), **revision.labels(context)}
    metadata["annotations"] = {**(metadata.get("annotations") or {}), **revision.annotations()}
    namespace = str(metadata.get("namespace") or "") or cluster().namespace
    metadata["namespace"] = namespace
    _check_size(workflow)
    if document and (problems := lint.problems(workflow)):
        raise manifest.invalid(document, workflow["spec"], problems)
    if dropped:
        names = ", ".join(dropped)
        warnings = (*warnings, f"the workflow does not declare these parameters, so they are left out: {names}")
    return WorkflowRequest(namespace=namespace, workflow=workflow, key=key, parameters=values, warnings=warnings)


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
