"""What keeps a workflow suspended, and the change that continues it, as `argo resume` makes it. Pure.

Argo suspends a workflow by `spec.suspend`, and at each node of the type Suspend while its phase is Running: see
https://argo-workflows.readthedocs.io/en/latest/walk-through/suspending/.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mlops_actions.argo_submit import compressed_nodes
from mlops_actions.core.errors import BadInput
from mlops_actions.core.types import Json


def resumption(workflow: Json, now: datetime) -> Json:
    """Return the merge patch that continues a workflow of this version; empty where it is not suspended.

    Raises BadInput where the nodes cannot be read, or where a node waits for the value of an output parameter.
    """
    nodes = _nodes(workflow)
    changed = {identity: _succeeded(node, now) for identity, node in nodes.items() if _is_waiting(node)}
    if not changed and not (workflow.get("spec") or {}).get("suspend"):
        return {}
    patch: Json = {
        "metadata": {"resourceVersion": workflow["metadata"]["resourceVersion"]},
        "spec": {"suspend": None},
    }
    if changed and _record(workflow):
        whole = {identity: {**node, **changed.get(identity, {})} for identity, node in nodes.items()}
        text = json.dumps(whole, separators=(",", ":"))
        patch["status"] = {"compressedNodes": base64.b64encode(gzip.compress(text.encode())).decode()}
    elif changed:
        patch["status"] = {"nodes": changed}
    return patch


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


def _succeeded(node: Mapping[str, Any], now: datetime) -> Json:
    """Return the fields of a node that is resumed; its output parameters get their defaults, as Argo gives them."""
    change: Json = {"phase": "Succeeded", "finishedAt": now.strftime("%Y-%m-%dT%H:%M:%SZ")}
    outputs = node.get("outputs") or {}
    parameters = [_supplied(parameter, node) for parameter in outputs.get("parameters") or []]
    if parameters != (outputs.get("parameters") or []):
        change["outputs"] = {**outputs, "parameters": parameters}
    return change


def _supplied(parameter: Mapping[str, Any], node: Mapping[str, Any]) -> Json:
    source = parameter.get("valueFrom") or {}
    if "supplied" not in source:
        return dict(parameter)
    if source.get("default") is None:
        raise BadInput(
            f"'{node.get('displayName')}' waits for a value of its output parameter '{parameter['name']}'",
            f"set it: argo node set WORKFLOW --node-field-selector id={node.get('id')} "
            f"--output-parameter {parameter['name']}=VALUE; or give it a default in the manifest",
        )
    return {**{key: value for key, value in parameter.items() if key != "valueFrom"}, "value": source["default"]}
