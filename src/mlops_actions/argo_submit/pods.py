"""Read nodes from a workflow's pods, where the workflow's own record of them cannot be read. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from mlops_actions.argo_submit.status import NodeStatus, WorkflowStatus, parse_time
from mlops_actions.core.argo import NODE_ID_ANNOTATION, NODE_NAME_ANNOTATION
from mlops_actions.core.types import Json

# Argo's own containers: their logs and exit codes say nothing of the work.
EXECUTOR_CONTAINERS = frozenset({"init", "wait"})


def node_of(pod: Json, workflow: str) -> NodeStatus | None:
    """Return the node that a pod runs, as far as the pod shows it; None where Argo did not create the pod."""
    metadata, state = pod.get("metadata") or {}, pod.get("status") or {}
    annotations = metadata.get("annotations") or {}
    node_id = str(annotations.get(NODE_ID_ANNOTATION) or "")
    if not node_id:
        return None
    ends = [
        dict((container.get("state") or {}).get("terminated") or {})
        for container in state.get("containerStatuses") or []
        if container.get("name") not in EXECUTOR_CONTAINERS
    ]
    failed = next((end for end in ends if end.get("exitCode")), {})
    finished = [time for end in ends if (time := parse_time(end.get("finishedAt"))) is not None]
    phase = str(state.get("phase") or "Pending")
    has_ended = phase in ("Succeeded", "Failed")
    message = f"{failed.get('reason') or 'Error'} (exit code {failed['exitCode']})" if failed else ""
    name = str(annotations.get(NODE_NAME_ANNOTATION) or node_id)
    return NodeStatus(
        id=node_id,
        name=name,
        display_name=name.removeprefix(f"{workflow}."),
        type="Pod",
        template="",
        phase=phase,
        message=message or str(state.get("message") or ""),
        started=parse_time(state.get("startTime")),
        finished=max(finished) if finished and has_ended else None,
        exit_code=str(failed.get("exitCode") or ("0" if phase == "Succeeded" else "")),
    )


def with_pod_nodes(status: WorkflowStatus, nodes: Iterable[NodeStatus]) -> WorkflowStatus:
    """Return the status with the nodes of its pods, where its own record of the nodes cannot be read."""
    known = {node.id: node for node in nodes}
    if status.readable or not known:
        return status
    return replace(status, nodes=known)
