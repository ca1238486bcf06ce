"""What the Argo Server changes in a workflow that is resumed. Pure functions of its object; they raise ApiError."""

from __future__ import annotations

from mlops_actions.core.types import Json
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


def _supply(parameter: Json) -> None:
    source = parameter.get("valueFrom") or {}
    if "supplied" not in source:
        return
    if "default" not in source:
        problem = f"raw output parameter '{parameter['name']}' has not been set and does not have a default value"
        raise ApiError(500, "InternalError", problem)
    parameter["value"] = parameter.pop("valueFrom")["default"]
