"""What the Argo Server changes in a workflow that is resumed or retried. Pure functions of its object; raise ApiError."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from mlops_actions.core.types import Json
from mlops_sandbox.cluster import status
from mlops_sandbox.cluster.engine.nodes import UNSUCCESSFUL, pod_name
from mlops_sandbox.cluster.status import ApiError
from mlops_sandbox.timestamps import timestamp


@dataclass(frozen=True)
class NodeValues:
    """What is set on nodes; an empty phase or message stays as it is."""

    phase: str
    message: str
    outputs: Mapping[str, str]


def resumed(workflow: Json) -> Json:
    """Return the workflow without `spec.suspend`, and with its waiting suspend nodes succeeded."""
    (workflow.get("spec") or {}).pop("suspend", None)
    for node in ((workflow.get("status") or {}).get("nodes") or {}).values():
        if node.get("type") == "Suspend" and node.get("phase") == "Running":
            for parameter in (node.get("outputs") or {}).get("parameters") or []:
                _supply(parameter)
            node |= {"phase": "Succeeded", "message": "", "finishedAt": timestamp()}
    return workflow


def node_values(body: Json) -> tuple[str, NodeValues]:
    """Read a request to set something on nodes: their selector, and what to set. Raises ApiError."""
    phase, given = str(body.get("phase") or ""), str(body.get("outputParameters") or "")
    if phase not in ("", "Succeeded", "Failed", "Error"):
        raise status.bad_request(f"{phase} is an invalid phase to set to")
    try:
        outputs = dict(json.loads(given)) if given else {}
    except (ValueError, TypeError) as error:
        raise status.bad_request(f"unable to parse output parameter set request: {error}") from None
    if not all(isinstance(text, str) for text in outputs.values()):
        problem = "json: cannot unmarshal into Go value of type string"
        raise status.bad_request(f"unable to parse output parameter set request: {problem}")
    selector = str(body.get("nodeFieldSelector") or "")
    if not selector:
        raise _failed("'set' currently only targets suspend nodes, use a node field selector to target them")
    return selector, NodeValues(phase, str(body.get("message") or ""), outputs)


def updated_nodes(workflow: Json, selector: str, values: NodeValues) -> Json:
    """Return the workflow with its waiting suspend nodes that a selector selects changed, as `updateSuspendedNode` does.

    It gives no output parameter its default, and leaves `spec.suspend` as it is.
    """
    found = False
    for node in _nodes(workflow).values():
        if node.get("type") != "Suspend" or node.get("phase") != "Running" or not selects(selector, node):
            continue
        if values.phase:
            node |= {"phase": values.phase, "finishedAt": timestamp()}
            found = True
        if values.message:
            node["message"] = values.message
            found = True
        for name, text in values.outputs.items():
            _give(workflow, node, name, text)
            found = True
    if not found:
        raise _failed(f"currently, set only targets suspend nodes: no suspend nodes matching nodeFieldSelector: {selector}")
    return workflow


def selects(selector: str, node: Json) -> bool:
    """Tell whether a selector of fields selects a node; one that names an unknown field finds an empty text there."""
    reference = node.get("templateRef") or {}
    fields = {key: str(node.get(key) or "") for key in ("displayName", "phase", "name", "id")}
    fields["templateName"] = str(reference.get("template") or "" if reference else node.get("templateName") or "")
    fields |= {f"templateRef.{key}": str(reference.get(key) or "") for key in ("name", "template") if reference}
    for parameter in (node.get("inputs") or {}).get("parameters") or []:
        fields[f"inputs.parameters.{parameter['name']}.value"] = str(parameter.get("value") or "")
    for term in filter(None, re.split(r"(?<!\\),", selector)):
        match = re.fullmatch(r"([^!=]*)(!=|==|=)((?:\\.|[^\\=])*)", term)
        if match is None:
            raise _failed(f"invalid selector: '{selector}'; can't understand '{term}'")
        is_equal = fields.get(match[1], "") == re.sub(r"\\(.)", r"\1", match[3])
        if is_equal is (match[2] == "!="):
            return False
    return True


def _give(workflow: Json, node: Json, name: str, text: str) -> None:
    if node.get("outputs") is None:
        raise _failed("cannot set output parameters because node is not expecting any raw parameters")
    for parameter in node["outputs"].get("parameters") or []:
        if parameter["name"] != name:
            continue
        if "supplied" not in (parameter.get("valueFrom") or {}):
            raise _failed(
                f"cannot set output parameter '{name}' because it does not use valueFrom.raw or it was already set"
            )
        del parameter["valueFrom"]
        parameter["value"] = text
        if exported := parameter.get("globalName"):
            outputs = workflow["status"].setdefault("outputs", {})
            others = [one for one in outputs.get("parameters") or [] if one["name"] != exported]
            outputs["parameters"] = [*others, {"name": exported, "value": text}]
        return
    raise _failed(f"node is not expecting output parameter '{name}'")


def _failed(message: str) -> ApiError:
    """Return a refusal of a change to nodes, which the server calls its own fault."""
    return ApiError(500, "InternalError", message)


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
