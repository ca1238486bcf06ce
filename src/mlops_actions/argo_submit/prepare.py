"""From the inputs to the workflow that is sent: manifest, overrides, parameters, provenance, name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mlops_actions.argo_submit import callback, documents, idempotency, manifest, parameters
from mlops_actions.argo_submit.inputs import Inputs
from mlops_actions.argo_submit.ports import Cluster
from mlops_actions.argo_submit.revision import WorkflowRevision, parameters_by_input
from mlops_actions.core.context import Context
from mlops_actions.core.errors import BadInput
from mlops_actions.core.ports import Workspace
from mlops_actions.core.types import Json

# What Kubernetes takes, and what etcd stores in one object unless it is told otherwise.
MAX_ANNOTATION_BYTES = 256 * 1024
MAX_WORKFLOW_BYTES = 1024 * 1024 * 3 // 2
_INLINE = re.compile(r"^\s*(\{|apiVersion\s*:|kind\s*:)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class WorkflowRequest:
    """What will be submitted. `metadata` is as yet unnamed: `with_name` gives it its name."""

    namespace: str
    workflow: Json
    key: str
    parameters: Mapping[str, str]
    dropped: tuple[str, ...]

    def with_name(self, attempt: int = 0) -> Json:
        """Return the workflow with its name; `attempt` from 2 on tells a repetition from a failed first one."""
        metadata = idempotency.with_name(self.workflow["metadata"], self.key, attempt=attempt)
        return {**self.workflow, "metadata": metadata}


def prepare(
    inputs: Inputs, context: Context, revision: WorkflowRevision, workspace: Workspace, cluster: Callable[[], Cluster]
) -> WorkflowRequest:
    """Return the request; raises BadInput. The cluster is asked for only when nothing is wrong on this side."""
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
    if inputs.from_:
        kind, name = inputs.from_
        namespace = inputs.namespace or cluster().namespace
        template = cluster().get_template(kind, namespace, name)
        workflow = manifest.from_template(kind, template, copied=bool(inputs.callback))
    else:
        workflow = manifest.to_workflow(manifest.select(_documents(inputs.workflow or "", workspace)))
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
        # A manifest that refers to a template may leave the declarations, and the defaults, to it.
        drop_unknown=inputs.unknown_parameters == "drop",
        complete=not by_reference,
    )
    if entries := parameters.argument_entries(spec, values):
        spec["arguments"] = {**(spec.get("arguments") or {}), "parameters": entries}
    key = idempotency.request_key(workflow, inputs.idempotency, context, revision.sha)
    if inputs.callback:  # after the key: it names the run, and one commit's workflow is the same whichever run asks
        what = callback.callback_request(revision, context, inputs.callback_image, inputs.callback_secret or "")
        workflow = callback.with_exit_handler(workflow, what)
    metadata = workflow["metadata"]
    metadata["labels"] = {**(metadata.get("labels") or {}), **revision.labels(context)}
    metadata["annotations"] = {**(metadata.get("annotations") or {}), **revision.annotations()}
    namespace = str(metadata.get("namespace") or "") or cluster().namespace
    metadata["namespace"] = namespace
    _refuse_what_is_too_large(workflow)
    return WorkflowRequest(namespace=namespace, workflow=workflow, key=key, parameters=values, dropped=tuple(dropped))


def _refuse_what_is_too_large(workflow: Json) -> None:
    """Say so with names before the cluster says it without: its store is not asked for more than it takes."""
    annotations = {str(key): str(value) for key, value in workflow["metadata"]["annotations"].items()}
    sizes = {key: len(key.encode()) + len(value.encode()) for key, value in annotations.items()}
    if sum(sizes.values()) > MAX_ANNOTATION_BYTES:
        largest = max(sizes, key=lambda key: sizes[key])
        raise BadInput(
            f"the annotations take {sum(sizes.values()):,} bytes, and Kubernetes takes {MAX_ANNOTATION_BYTES:,}: "
            f"the largest is '{largest}' ({sizes[largest]:,} bytes)",
            "shorten it, or hand over its text by an artifact",
        )
    size = len(json.dumps(workflow, separators=(",", ":"), ensure_ascii=False).encode())
    if size > MAX_WORKFLOW_BYTES:
        entries = (workflow["spec"].get("arguments") or {}).get("parameters") or []
        lengths = {str(one.get("name")): len(str(one.get("value") or "")) for one in entries}
        largest = max(lengths, key=lambda name: lengths[name], default="")
        of_it = f"; parameter '{largest}' alone {lengths[largest]:,}" if largest else ""
        raise BadInput(
            f"the workflow takes {size:,} bytes, and a cluster stores {MAX_WORKFLOW_BYTES:,}{of_it}",
            "hand large values over by an artifact or a config map",
        )


def _documents(source: str, workspace: Workspace) -> list[documents.ManifestDocument]:
    if "\n" in source.strip() or _INLINE.search(source):
        return documents.parse(source, "")
    pattern = source.strip()
    found = workspace.find(pattern)
    if not found:
        raise BadInput(
            f"input 'workflow' names no file in the workspace: {pattern!r}",
            "give a path or glob relative to the workspace (is actions/checkout before this step?), or inline YAML",
        )
    return [document for path in found for document in documents.parse(workspace.read(path), path)]


def _parameter_file(inputs: Inputs, workspace: Workspace) -> dict[str, str]:
    if not inputs.parameter_file:
        return {}
    found = workspace.find(inputs.parameter_file)
    if len(found) != 1:
        raise BadInput(
            f"input 'parameter-file' names {'no file' if not found else 'several files'} in the workspace: "
            f"{inputs.parameter_file!r}",
            "give the path of one YAML or JSON file, relative to the workspace",
        )
    try:
        return parameters.parse(workspace.read(found[0]))
    except ValueError as error:
        raise BadInput(f"the parameter file {found[0]!r} {error}", "correct the file") from None
