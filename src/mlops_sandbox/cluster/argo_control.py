"""What the Argo Server changes in a workflow that is resumed or retried. Pure functions of its object; raise ApiError."""

from __future__ import annotations

import re

from mlops_actions.core.types import Json
from mlops_sandbox.cluster import status
from mlops_sandbox.cluster.engine.nodes import UNSUCCESSFUL, pod_name
from mlops_sandbox.cluster.status import ApiError
from mlops_sandbox.timestamps import timestamp


def resumed(workflow: Json) -> Json:
    """Return the workflow without `spec.suspend`, and with its waiting suspend nodes succeeded."""
    (workflow.get("spec") or {}).pop("suspend", None)
    for node in ((workflow.get("status") or {}).get("nodes") or {}).values():
        if node.get("type") == "Suspend" and node.get("phase") == "Running":
            for parameter in (node.get("outputs") or {}).get("parameters") or []:
                _supply(parameter)
            node |= {"phase": "Succeeded", "message": "", "finishedAt": timestamp()}
    return workflow


def repeated(message: str) -> ApiError:
    """Return the refusal of a resumption: the server repeats the write, and then calls any refusal a timeout."""
    return ApiError(500, "InternalError", f"timed out waiting for the condition: {message}")


def _supply(parameter: Json) -> None:
    source = parameter.get("valueFrom") or {}
    if "supplied" not in source:
        return
    if "default" not in source:
        raise repeated(f"raw output parameter '{parameter['name']}' has not been set and does not have a default value")
    parameter["value"] = parameter.pop("valueFrom")["default"]


def pods_to_delete(workflow: Json, restart: str = "") -> list[str]:
    """Return the names of the pods of nodes that run again, under the same names."""
    name = workflow["metadata"]["name"]
    return [
        pod_name(name, node["name"], str(node.get("templateName") or ""))
        for key, node in _nodes(workflow).items()
        if node.get("type") == "Pod" and (node.get("phase") in UNSUCCESSFUL or key in _restarted(workflow, restart))
    ]


def retried(workflow: Json, parameters: list[str], restart: str = "") -> Json:
    """Return a workflow that begins again at its failed nodes; `parameters` are `NAME=VALUE`. Raises ApiError.

    `restart` selects nodes that begin again though they succeeded.
    """
    phase = str((workflow.get("status") or {}).get("phase") or "")
    if phase == "Succeeded" and not restart:
        raise status.bad_request("To retry a succeeded workflow, set the options restartSuccessful and nodeFieldSelector")
    if phase not in (*UNSUCCESSFUL, "Succeeded"):
        raise status.bad_request(f"Cannot retry a workflow in phase {phase}")
    labels = workflow["metadata"].setdefault("labels", {})
    for label in ("completed", "workflow-archiving-status"):  # the label of the phase stays until the controller is at work
        labels.pop(f"workflows.argoproj.io/{label}", None)
    workflow["spec"].pop("shutdown", None)
    for text in parameters:
        _override(workflow["spec"], *text.split("=", 1))
    restarted = _restarted(workflow, restart)
    kept = {key: node for key, node in _nodes(workflow).items() if not _begins_again(node) and key not in restarted}
    around = {_nodes(workflow)[key].get("boundaryID") for key in restarted}
    for key, node in kept.items():
        if node.get("phase") in UNSUCCESSFUL or key in around:
            node |= {"phase": "Running", "message": ""}
            node.pop("finishedAt", None)
        node["children"] = [child for child in node.get("children") or [] if child in kept]
    workflow["status"] |= {"phase": "", "message": "", "finishedAt": None, "startedAt": timestamp(), "nodes": kept}
    return workflow


def _begins_again(node: Json) -> bool:
    return node.get("type") in ("Pod", "Container", "Suspend", "Skipped") and node.get("phase") in UNSUCCESSFUL


def _restarted(workflow: Json, selector: str) -> set[str]:
    """Return the ids of the selected nodes and of all that follow them.

    Only the fields of a node itself are known, and only one group of tasks: no template within another.
    """
    nodes = _nodes(workflow)
    terms = [re.fullmatch(r"(\w+)(!?)==?(.*)", term) for term in selector.split(",") if term]
    found: set[str] = set()
    for key, node in nodes.items():
        if terms and all(term and (str(node.get(term[1])) == term[3]) is not bool(term[2]) for term in terms):
            found.add(key)
    waiting = list(found)
    while waiting:
        children = set(nodes.get(waiting.pop(), {}).get("children") or []) - found
        found |= children
        waiting += children
    return found


def _nodes(workflow: Json) -> dict[str, Json]:
    return dict((workflow.get("status") or {}).get("nodes") or {})


def _override(spec: Json, name: str, value: str) -> None:
    parameters = spec.setdefault("arguments", {}).setdefault("parameters", [])
    spec["arguments"]["parameters"] = [{"name": name, "value": value}, *(one for one in parameters if one["name"] != name)]
