"""The shapes of a cluster's answers, as far as argo-submit reads them: another system may answer at the same address.

The fields are those of https://argo-workflows.readthedocs.io/en/latest/fields/ and of the Kubernetes API reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from mlops_actions.argo_submit.status import LABEL_COMPLETED
from mlops_actions.core.argo import ENDED_PHASES
from mlops_actions.core.types import Json


class OddAnswer(ValueError):
    """An answer that the API does not give; the message says what is wrong with it."""


@dataclass(frozen=True)
class Each:
    """An object whose names are free, and whose values all have one shape."""

    shape: Shape


# A type; the fields of an object (`!` after a name: required, and not empty); the one shape of a list's items; or Each.
Shape: TypeAlias = "type | Mapping[str, Shape] | list[Shape] | Each"

_TEXTS = Each(str)
_METADATA: Mapping[str, Shape] = {"resourceVersion": str, "labels": _TEXTS, "annotations": _TEXTS}
_NAMED: Mapping[str, Shape] = {**_METADATA, "name!": str}
_OUTPUTS: Shape = {"parameters": [{"name": str}], "artifacts": [{"name": str}], "exitCode": str}
_NODE: Shape = {
    "type": str,
    "phase": str,
    "templateRef": {"template": str},
    "memoizationStatus": {"hit": bool},
    "resourcesDuration": Each(int),
    "hostNodeName": str,
    "children": [str],
    "outputs": _OUTPUTS,
}
WORKFLOW: Mapping[str, Shape] = {
    "metadata!": {**_NAMED, "namespace!": str, "uid!": str, "resourceVersion!": str},
    "spec": {"suspend": bool, "shutdown": str},
    "status": {
        "phase": str,
        "message": str,
        "progress": str,
        "nodes": Each(_NODE),
        "compressedNodes": str,
        "outputs": _OUTPUTS,
        "resourcesDuration": Each(int),
        "storedTemplates": Each({}),
        "storedWorkflowTemplateSpec": {"templates": [{}]},
    },
}
# Of a list, of which only the metadata is asked for. The Argo Server writes an empty one as null.
WORKFLOWS: Shape = {"metadata!": {"continue": str}, "items": [{"metadata!": _NAMED}]}
# The database holds a workflow without the fields that only a cluster needs.
ARCHIVED: Shape = {**WORKFLOW, "metadata!": {**_NAMED, "namespace!": str, "uid!": str}}
# The API server gives the name and the uid of an object of which nothing is stored, too.
IDENTITY: Shape = {"metadata!": {**_NAMED, "uid!": str}}
DRY_RUN: Shape = {"metadata!": _NAMED}
# The Argo Server returns a workflow that passes its lint as it was sent.
LINTED: Shape = {"metadata!": {}, "spec!": {}}
_SPEC: Shape = {"arguments": {"parameters": [{"name!": str}]}, "templates": [{}], "workflowMetadata": {"labels": _TEXTS}}
TEMPLATES: Mapping[str, Shape] = {
    "workflowtemplate": {"metadata!": _NAMED, "spec!": _SPEC},
    "clusterworkflowtemplate": {"metadata!": _NAMED, "spec!": _SPEC},
    "cronworkflow": {
        "metadata!": _NAMED,
        "spec!": {"workflowSpec!": _SPEC, "workflowMetadata": {"labels": _TEXTS, "annotations": _TEXTS}},
    },
}
_STATE: Shape = {"terminated": {"exitCode": int, "reason": str}, "running": {}}
POD: Shape = {
    "metadata!": _NAMED,
    "status": {"phase": str, "message": str, "containerStatuses": [{"name!": str, "state": _STATE}]},
}
# Of an event of a watch: a bookmark has a version alone.
WATCHED: Shape = {"metadata!": _METADATA}
SERVER_INFO: Shape = {"managedNamespace": str}


def check(value: Any, shape: Shape) -> Json:
    """Return an object that has the shape; raises OddAnswer."""
    if not isinstance(value, dict):
        raise OddAnswer("it sent no JSON object")
    _check(value, shape, "")
    return value


def check_workflow(value: Any) -> Json:
    """Return a workflow, whose record does not contradict itself about its end; raises OddAnswer."""
    workflow = check(value, WORKFLOW)
    phase = (workflow.get("status") or {}).get("phase")
    if (workflow["metadata"].get("labels") or {}).get(LABEL_COMPLETED) == "true" and phase not in ENDED_PHASES:
        raise OddAnswer(f"it sent a completed workflow whose status.phase is {phase or 'missing'}")
    return workflow


def _check(value: Any, shape: Shape, path: str) -> None:
    if isinstance(shape, Each):
        for name, inner in _of_type(value, dict, path).items():
            _check(inner, shape.shape, f"{path}.{name}")
    elif isinstance(shape, list):
        for item in _of_type(value, list, path):
            _check(item, shape[0], f"{path}[]")
    elif isinstance(shape, Mapping):
        fields = _of_type(value, dict, path)
        for name, inner in shape.items():
            field, whole = name.rstrip("!"), f"{path}.{name}".strip(".!")
            if fields.get(field) not in (None, ""):
                _check(fields[field], inner, whole)
            elif name.endswith("!"):
                raise OddAnswer(f"its {whole} is missing")
    else:
        _of_type(value, shape, path)


def _of_type(value: Any, kind: type, path: str) -> Any:
    if type(value) is not kind:  # True would be an int to isinstance
        raise OddAnswer(f"its {path} is no {_NAMES[kind]}")
    return value


_NAMES = {dict: "object", list: "list", str: "text", int: "number", bool: "true or false"}
