"""What a workflow's pods tell of its nodes, for workflows whose own record of them cannot be read here. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from mlops_actions.argo_submit.status import Node, Status, moment

Json = dict[str, Any]

NODE_ID: Final = "workflows.argoproj.io/node-id"
NODE_NAME: Final = "workflows.argoproj.io/node-name"
# Argo's own containers; the second fetches the logs' artifacts and says nothing of the work.
ARGOS_OWN: Final = frozenset({"init", "wait"})


def node_of(pod: Json, workflow: str) -> Node | None:
    """Return the node that a pod runs, as far as the pod knows it; None where it is none of Argo's."""
    metadata, state = pod.get("metadata") or {}, pod.get("status") or {}
    annotations = metadata.get("annotations") or {}
    identity = str(annotations.get(NODE_ID) or "")
    if not identity:
        return None
    ends = [_terminated(one) for one in state.get("containerStatuses") or [] if one.get("name") not in ARGOS_OWN]
    failed = next((one for one in ends if one.get("exitCode")), {})
    finished = [at for one in ends if (at := moment(one.get("finishedAt"))) is not None]
    phase = str(state.get("phase") or "Pending")
    over = phase in ("Succeeded", "Failed")
    message = f"{failed.get('reason') or 'Error'} (exit code {failed['exitCode']})" if failed else ""
    name = str(annotations.get(NODE_NAME) or identity)
    return Node(
        id=identity,
        name=name,
        display_name=name.removeprefix(f"{workflow}."),
        type="Pod",
        template="",
        phase=phase,
        message=message or str(state.get("message") or ""),
        started=moment(state.get("startTime")),
        finished=max(finished) if finished and over else None,
        exit_code=str(failed.get("exitCode") or ("0" if phase == "Succeeded" else "")),
    )


def supplied(status: Status, nodes: Iterable[Node]) -> Status:
    """Return the status with the nodes of its pods, where it has none of its own and says why."""
    known = {node.id: node for node in nodes}
    if status.readable or not known:
        return status
    return replace(status, nodes=known)


def _terminated(container: Json) -> Json:
    return dict((container.get("state") or {}).get("terminated") or {})
