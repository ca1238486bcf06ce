"""The outputs, and JSON Schemas of parts of the output `result`."""

from __future__ import annotations

from collections.abc import Mapping

from mlops_actions.core.declare import Output
from mlops_actions.core.types import Json

_TEXT: Json = {"type": "string"}

_FAILED_NODE: Json = {
    "name": {**_TEXT, "description": "The name that Argo's user interface shows."},
    "id": _TEXT,
    "template": _TEXT,
    "phase": {**_TEXT, "description": "`Failed` or `Error`."},
    "message": _TEXT,
    "exit-code": {**_TEXT, "description": "Empty where no container ended with one."},
    "reason": {**_TEXT, "description": "Kubernetes' word for the reason, such as `OOMKilled`; else empty."},
    "pod": {**_TEXT, "description": "Name of the pod; empty where the node has none."},
    "node": {**_TEXT, "description": "Name of the machine; empty where it is not known."},
    "container": {**_TEXT, "description": "Of a container set the container that failed first; else empty."},
    "log-url": {**_TEXT, "description": "The log on Argo's page; empty without `argo-url` and `argo-server`."},
    "last-lines": {"type": "array", "items": _TEXT, "description": "The last lines of the node's log."},
}
FAILED_NODES: Json = {
    "description": "The nodes that failed for good: of a retry the last attempt, and none that `continueOn` tolerates.",
    "type": "array",
    "items": {
        "type": "object",
        "properties": _FAILED_NODE,
        "required": list(_FAILED_NODE),
        "additionalProperties": False,
    },
}

RESOURCES: Json = {
    "description": "What all pods together requested, by the time that they ran, as far as Argo has recorded it.",
    "type": "object",
    "properties": {
        "cpu-hours": {"type": "number", "description": "Hours of one core."},
        "memory-gib-hours": {"type": "number"},
        "gpu-hours": {"type": "number", "description": "Hours of one GPU, of any vendor."},
    },
    "additionalProperties": False,
}

_ARTIFACT: Json = {
    "name": _TEXT,
    "node": {**_TEXT, "description": "The node that has written it, as Argo's user interface names it."},
    "bucket": _TEXT,
    "key": _TEXT,
    "url": {**_TEXT, "description": "Its address on the Argo Server; empty without `argo-url` and `argo-server`."},
    "path": {**_TEXT, "description": "Its folder in the workspace; empty where it was not brought there."},
    "size": {"type": ["integer", "null"], "description": "Bytes as they are stored; null where it was not read."},
}
ARTIFACTS: Json = {
    "description": "The output artifacts of all nodes, without archived logs.",
    "type": "array",
    "items": {"type": "object", "properties": _ARTIFACT, "required": list(_ARTIFACT), "additionalProperties": False},
}

OUTPUTS = (
    Output("workflow-name", "Name of the workflow"),
    Output("workflow-namespace", "Namespace of the workflow"),
    Output("workflow-uid", "UID of the workflow"),
    Output("workflow-url", "Page of the workflow; empty without `argo-url` and `argo-server`"),
    Output("phase", "`Succeeded`, `Failed` or `Error`; with `wait: false`, the phase after the submission"),
    Output("message", "Argo's message about the end"),
    Output("outputs", "JSON object of the output parameters: global ones and those of the entrypoint"),
    Output(
        "failed-nodes",
        "JSON list of the nodes that failed for good: name, phase, message, exit code, reason, pod, node, last lines",
    ),
    Output("artifacts", "JSON list of the output artifacts: name, node, bucket, key, url, path and size"),
    Output("resources", "JSON object of what all pods requested: `cpu-hours`, `memory-gib-hours`, `gpu-hours`"),
    Output("duration", "Seconds from the workflow's start to its end"),
    Output("attached", "`true` when the workflow existed already and was joined"),
    Output("stopped", "JSON list of the names of the workflows that this step stopped"),
    Output("comment-url", "Address of the comment; empty where none was written"),
    Output("result", "All outputs and more as one JSON document"),
    Output("WORKFLOW_URL", "`workflow-url`", legacy=True),
)

_TEXTS_BY_NAME: Json = {"type": "object", "additionalProperties": _TEXT}

RESULT: Mapping[str, Json] = {
    "workflow-name": _TEXT,
    "workflow-namespace": _TEXT,
    "workflow-uid": _TEXT,
    "workflow-url": _TEXT,
    "phase": _TEXT,
    "message": _TEXT,
    "outputs": {**_TEXTS_BY_NAME, "description": "The output parameters, global and of the entrypoint."},
    "failed-nodes": FAILED_NODES,
    "artifacts": ARTIFACTS,
    "resources": RESOURCES,
    "failed-count": {"type": "integer", "description": "How many nodes failed for good."},
    "duration": {
        "description": "Seconds from the workflow's start to its end; null where it had not ended.",
        "type": ["number", "null"],
    },
    "attached": {"type": "boolean", "description": "Whether the workflow existed already, and was joined."},
    "stopped": {"type": "array", "items": _TEXT, "description": "The names of the workflows that this step stopped."},
    "comment-url": _TEXT,
    "sha": {**_TEXT, "description": "The commit that the workflow is about; empty where it is not known."},
    "image": {**_TEXT, "description": "The input 'image'; empty without it."},
    "pr-number": {"type": ["integer", "null"], "description": "The pull request that the workflow is about."},
    "parameters": {**_TEXTS_BY_NAME, "description": "The parameters that this step set."},
    "dry-run": {"const": True, "description": "Present where the workflow was validated and not submitted."},
    "checked": {"type": "array", "items": _TEXT, "description": "What a dry run has checked; absent without one."},
    "not-checked": {"type": "array", "items": _TEXT, "description": "What it could not check; absent without one."},
}
