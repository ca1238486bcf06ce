"""From the inputs to the workflow that is sent: manifest, overrides, parameters, provenance, name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from mlops_actions.argo_submit import callback, documents, manifest, names, parameters
from mlops_actions.argo_submit.inputs import Inputs
from mlops_actions.argo_submit.ports import Cluster, Files
from mlops_actions.argo_submit.subject import Subject, given_by_inputs
from mlops_actions.core.context import Context
from mlops_actions.core.errors import BadInput
from mlops_actions.core.types import Json

# What Kubernetes takes, and what etcd stores in one object unless it is told otherwise.
MOST_ANNOTATED: Final = 256 * 1024
MOST_BYTES: Final = 1024 * 1024 * 3 // 2
_INLINE: Final = re.compile(r"^\s*(\{|apiVersion\s*:|kind\s*:)", re.MULTILINE)


@dataclass(frozen=True)
class Request:
    """What will be submitted. `metadata` is as yet unnamed: `named` gives it its name."""

    namespace: str
    workflow: Json
    key: str
    values: Mapping[str, str]
    dropped: tuple[str, ...]

    def named(self, attempt: int = 0) -> Json:
        """Return the workflow with its name; `attempt` from 2 on tells a repetition from a failed first one."""
        metadata = names.named(self.workflow["metadata"], self.key, attempt=attempt)
        return {**self.workflow, "metadata": metadata}


def prepare(inputs: Inputs, context: Context, subject: Subject, files: Files, cluster: Callable[[], Cluster]) -> Request:
    """Return the request; raises BadInput. The cluster is asked for only when nothing is wrong on this side."""
    explicit = dict(inputs.parameters or {})
    file = _parameter_file(inputs, files)
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
        template = cluster().template(kind, namespace, name)
        workflow = manifest.from_template(kind, template, copied=bool(inputs.callback))
    else:
        workflow = manifest.to_workflow(manifest.select(_documents(inputs.workflow or "", files)))
    workflow = manifest.overridden(workflow, overrides)
    if inputs.adds_parameters:
        workflow = {**workflow, "spec": parameters.added(workflow["spec"], file)}
    if inputs.is_legacy:
        workflow = {**workflow, "metadata": names.of_commit(workflow["metadata"], subject.sha)}
    spec = workflow["spec"]
    declared = parameters.declared_by(spec)
    known = subject.known_parameters()
    by_reference = bool(spec.get("workflowTemplateRef"))
    values, dropped = parameters.chosen(
        declared,
        explicit,
        file,
        parameters.unsettled(declared, known) if inputs.is_legacy else known,
        given_by_inputs(inputs),
        # A manifest that refers to a template may leave the declarations, and the defaults, to it.
        drop_unknown=inputs.unknown_parameters == "drop",
        complete=not by_reference,
    )
    if entries := parameters.applied(spec, values):
        spec["arguments"] = {**(spec.get("arguments") or {}), "parameters": entries}
    key = names.key(workflow, inputs.idempotency, context, subject.sha)
    if inputs.callback:  # after the key: it names the run, and one commit's workflow is the same whichever run asks
        what = callback.told(subject, context, inputs.callback_image, inputs.callback_secret or "")
        workflow = callback.added(workflow, what)
    metadata = workflow["metadata"]
    metadata["labels"] = {**(metadata.get("labels") or {}), **subject.labels(context)}
    metadata["annotations"] = {**(metadata.get("annotations") or {}), **subject.annotations()}
    namespace = str(metadata.get("namespace") or "") or cluster().namespace
    metadata["namespace"] = namespace
    _refuse_what_is_too_large(workflow)
    return Request(namespace, workflow, key, values, tuple(dropped))


def _refuse_what_is_too_large(workflow: Json) -> None:
    """Say so with names before the cluster says it without: its store is not asked for more than it takes."""
    annotations = {str(key): str(value) for key, value in workflow["metadata"]["annotations"].items()}
    sizes = {key: len(key.encode()) + len(value.encode()) for key, value in annotations.items()}
    if sum(sizes.values()) > MOST_ANNOTATED:
        largest = max(sizes, key=lambda key: sizes[key])
        raise BadInput(
            f"the annotations take {sum(sizes.values()):,} bytes, and Kubernetes takes {MOST_ANNOTATED:,}: the largest is "
            f"'{largest}' ({sizes[largest]:,} bytes)",
            "shorten it, or hand what it says over by an artifact",
        )
    size = len(json.dumps(workflow, separators=(",", ":"), ensure_ascii=False).encode())
    if size > MOST_BYTES:
        entries = (workflow["spec"].get("arguments") or {}).get("parameters") or []
        lengths = {str(one.get("name")): len(str(one.get("value") or "")) for one in entries}
        largest = max(lengths, key=lambda name: lengths[name], default="")
        of_it = f"; parameter '{largest}' alone {lengths[largest]:,}" if largest else ""
        raise BadInput(
            f"the workflow takes {size:,} bytes, and a cluster stores {MOST_BYTES:,}{of_it}",
            "hand large values over by an artifact or a config map",
        )


def _documents(source: str, files: Files) -> list[documents.Document]:
    if "\n" in source.strip() or _INLINE.search(source):
        return documents.read(source, "")
    pattern = source.strip()
    found = files.find(pattern)
    if not found:
        raise BadInput(
            f"input 'workflow' names no file in the workspace: {pattern!r}",
            "give a path or glob relative to the workspace (is actions/checkout before this step?), or inline YAML",
        )
    return [document for path in found for document in documents.read(files.read(path), path)]


def _parameter_file(inputs: Inputs, files: Files) -> dict[str, str]:
    if not inputs.parameter_file:
        return {}
    found = files.find(inputs.parameter_file)
    if len(found) != 1:
        raise BadInput(
            f"input 'parameter-file' names {'no file' if not found else 'several files'} in the workspace: "
            f"{inputs.parameter_file!r}",
            "give the path of one YAML or JSON file, relative to the workspace",
        )
    try:
        return parameters.parse(files.read(found[0]))
    except ValueError as error:
        raise BadInput(f"the parameter file {found[0]!r} {error}", "correct the file") from None
