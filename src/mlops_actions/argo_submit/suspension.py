"""What keeps a workflow suspended, and the change that continues it, as `argo resume` and `argo node set` make it. Pure.

Argo suspends a workflow by `spec.suspend`, and at each node of the type Suspend while its phase is Running: see
https://argo-workflows.readthedocs.io/en/latest/walk-through/suspending/. A suspend node may ask for values of its output
parameters: see https://argo-workflows.readthedocs.io/en/latest/intermediate-inputs/.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mlops_actions.argo_submit import compressed_nodes, node_selector
from mlops_actions.core.argo import ENDED_PHASES
from mlops_actions.core.errors import BadInput
from mlops_actions.core.suggest import did_you_mean
from mlops_actions.core.types import Json

MAX_SHOWN = 10


@dataclass(frozen=True)
class ResumeRequest:
    """What to resume: the nodes that a selector selects; empty: all that waits, and the workflow itself.

    `values` are those of the nodes' output parameters; `message` becomes theirs.
    """

    selector: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    message: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether everything is resumed, as `argo resume` without options does."""
        return not (self.selector or self.values or self.message)


@dataclass(frozen=True)
class WaitingNode:
    """A suspend node that is to be resumed; `values` are those that its output parameters get, with the defaults."""

    id: str
    name: str
    values: Mapping[str, str]
    parameters: Sequence[Json] = ()  # its output parameters afterwards

    def has_got(self, workflow: Json) -> bool:
        """Tell whether a workflow shows this node resumed with these values."""
        node = _nodes(workflow).get(self.id) or {}
        found = {str(one.get("name")): one.get("value") for one in _output_parameters(node)}
        return node.get("phase") == "Succeeded" and all(found.get(key) == text for key, text in self.values.items())


def is_suspended(workflow: Json) -> bool:
    """Tell whether the workflow as a whole is suspended."""
    return bool((workflow.get("spec") or {}).get("suspend"))


def waits(workflow: Json, identity: str) -> bool:
    """Tell whether a node waits."""
    return _is_waiting(_nodes(workflow).get(identity))


def nodes_to_resume(workflow: Json, request: ResumeRequest) -> list[WaitingNode]:
    """Return the nodes to resume; empty where none waits, or where the selected ones have ended.

    Raises BadInput where the nodes cannot be read, where a selector selects none, and where values are missing or do not
    fit.
    """
    nodes = {key: node for key, node in _nodes(workflow).items() if isinstance(node, dict) and node.get("type") == "Suspend"}
    waiting = {key: node for key, node in nodes.items() if _is_waiting(node)}
    chosen = {key: node for key, node in waiting.items() if node_selector.matches(request.selector, node)}
    if request.selector and not chosen:
        # As they were when they waited, so that a repetition with a selector of the phase is none.
        ended = [{**node, "phase": "Running"} for node in nodes.values() if node.get("phase") in ENDED_PHASES]
        if not any(node_selector.matches(request.selector, node) for node in ended):
            raise BadInput(
                f"no node of workflow '{workflow['metadata']['name']}' that waits is selected by {request.selector!r}",
                f"select one of those that wait in 'node-field-selector': {_listed(waiting.values())}",
            )
    if request.values and not request.selector and (len(chosen) > 1 or (not chosen and is_suspended(workflow))):
        raise BadInput(
            f"'output-parameters' is for one node, and {len(chosen)} nodes of workflow "
            f"'{workflow['metadata']['name']}' wait",
            f"select it in 'node-field-selector': {_listed(waiting.values())}",
        )
    return [_with_values(key, node, request.values) for key, node in chosen.items()]


def resumption(workflow: Json, request: ResumeRequest, now: datetime) -> Json:
    """Return the merge patch that continues a workflow of this version; empty where nothing waits.

    Raises BadInput as `nodes_to_resume` does.
    """
    chosen = nodes_to_resume(workflow, request)
    if not chosen and (request.selector or not is_suspended(workflow)):
        return {}
    patch: Json = {"metadata": {"resourceVersion": workflow["metadata"]["resourceVersion"]}}
    if not request.selector:
        patch["spec"] = {"suspend": None}
    if chosen:
        patch["status"] = _changed_status(workflow, chosen, request.message, now)
    return patch


def _changed_status(workflow: Json, chosen: Sequence[WaitingNode], message: str, now: datetime) -> Json:
    nodes = _nodes(workflow)
    changed = {one.id: _succeeded(nodes[one.id], one, message, now) for one in chosen}
    status: Json = {"nodes": changed}
    if _record(workflow):
        whole = {identity: {**node, **changed.get(identity, {})} for identity, node in nodes.items()}
        text = json.dumps(whole, separators=(",", ":"))
        status = {"compressedNodes": base64.b64encode(gzip.compress(text.encode())).decode()}
    outputs = (workflow.get("status") or {}).get("outputs") or {}
    exported = {
        parameter["globalName"]: {"name": parameter["globalName"], "value": parameter["value"]}
        for one in chosen
        for parameter in one.parameters
        if parameter.get("globalName") and parameter["name"] in one.values
    }
    if exported:
        others = [one for one in outputs.get("parameters") or () if one.get("name") not in exported]
        status["outputs"] = {"parameters": [*others, *exported.values()]}
    return status


def _nodes(workflow: Json) -> dict[str, Any]:
    status = workflow.get("status") or {}
    if status.get("nodes"):
        return dict(status["nodes"])
    if record := _record(workflow):
        try:
            return dict(compressed_nodes.read_nodes(record))
        except ValueError as problem:
            raise _unreadable(workflow, str(problem)) from None
    if status.get("offloadNodeStatusVersion"):
        raise _unreadable(workflow, "Argo keeps the nodes of a workflow of this size in its database")
    return {}


def _record(workflow: Json) -> str:
    """Return the compressed nodes; Argo reads them only where there are no others."""
    status = workflow.get("status") or {}
    return "" if status.get("nodes") else str(status.get("compressedNodes") or "")


def _unreadable(workflow: Json, reason: str) -> BadInput:
    return BadInput(
        f"the nodes of workflow '{workflow['metadata']['name']}' cannot be read: {reason}",
        "give 'argo-server': the Argo Server reads them",
    )


def _is_waiting(node: object) -> bool:
    return isinstance(node, dict) and node.get("type") == "Suspend" and node.get("phase") == "Running"


def _succeeded(node: Mapping[str, Any], resumed: WaitingNode, message: str, now: datetime) -> Json:
    """Return the fields of a node that is resumed."""
    change: Json = {"phase": "Succeeded", "finishedAt": now.strftime("%Y-%m-%dT%H:%M:%SZ")}
    if message:
        change["message"] = message
    if resumed.values:
        change["outputs"] = {**node["outputs"], "parameters": list(resumed.parameters)}
    return change


def _with_values(identity: str, node: Mapping[str, Any], values: Mapping[str, str]) -> WaitingNode:
    """Give the output parameters of a node their values, else their defaults; raises BadInput."""
    parameters = _output_parameters(node)
    asked = {str(one["name"]): one for one in parameters if "supplied" in (one.get("valueFrom") or {})}
    name = str(node.get("displayName") or identity)
    for parameter, text in values.items():
        if parameter not in asked:
            known = f"it asks for: {', '.join(asked)}" if asked else "it asks for none"
            raise BadInput(
                f"'{name}' asks for no value of an output parameter '{parameter}'{did_you_mean(parameter, asked)}",
                f"correct 'output-parameters': {known}",
            )
        choices = [str(choice) for choice in asked[parameter].get("enum") or ()]
        if choices and text not in choices:
            raise BadInput(
                f"output parameter '{parameter}' of '{name}' must be one of {', '.join(choices)}, not {text!r}",
                "give one of these values in 'output-parameters'",
            )
    given = {key: values.get(key, (one.get("valueFrom") or {}).get("default")) for key, one in asked.items()}
    if missing := [key for key, text in given.items() if text is None]:
        raise BadInput(
            f"'{name}' waits for a value of its output parameter '{missing[0]}'",
            f"give it: 'output-parameters: {missing[0]}=VALUE' with 'node-field-selector: id={identity}'; "
            "or give it a default in the manifest",
        )
    texts = {key: str(text) for key, text in given.items()}
    return WaitingNode(identity, name, texts, [_supplied(one, texts) for one in parameters])


def _supplied(parameter: Mapping[str, Any], values: Mapping[str, str]) -> Json:
    if parameter["name"] not in values:
        return dict(parameter)
    return {**{key: value for key, value in parameter.items() if key != "valueFrom"}, "value": values[parameter["name"]]}


def _output_parameters(node: Mapping[str, Any]) -> list[Json]:
    parameters = (node.get("outputs") or {}).get("parameters") or []
    return [one for one in parameters if isinstance(one, dict) and one.get("name")]


def _listed(nodes: Iterable[Mapping[str, Any]]) -> str:
    names = [f"displayName={node.get('displayName')}" for node in nodes]
    return (", ".join(names[:MAX_SHOWN]) + (" …" if len(names) > MAX_SHOWN else "")) or "none waits"
