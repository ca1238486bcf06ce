"""Learn the end of a workflow that was deleted before this step could read its last status. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from mlops_actions.argo_submit.node_status import NodeStatus
from mlops_actions.argo_submit.status import LABEL_PHASE, WorkflowStatus
from mlops_actions.core.argo import ENDED_PHASES

NOTE = "the workflow was deleted before this step could read its last status, so that outputs and durations may be missing"


def status_of_gone(
    known: WorkflowStatus | None, metadata: Mapping[str, Any], pods: Iterable[NodeStatus]
) -> WorkflowStatus | None:
    """Return the last status of a workflow that is gone; None where nothing says that it had ended.

    `known` is the last status that was read, `metadata` the last that a watch received, `pods` the nodes of its pods. Argo
    writes the phase into the labels in the same update as into the status. Without them, the entrypoint's node tells the
    end where no exit handler follows it. A pod that has failed tells nothing: the deletion itself may have ended it.
    """
    by_id = {node.id: node for node in pods}
    label = str((metadata.get("labels") or {}).get(LABEL_PHASE) or "")
    if label in ENDED_PHASES:
        phase = label
    elif known is None or known.has_exit_handler:
        return None
    elif known.root is not None and known.root.phase in ENDED_PHASES:
        phase = known.root.phase
    elif known.name in by_id and by_id[known.name].phase == "Succeeded":
        phase = "Succeeded"
    else:
        return None
    if known is None:
        unread = WorkflowStatus.unread(str(metadata.get("namespace") or ""), str(metadata.get("name") or ""))
        known = replace(unread, uid=str(metadata.get("uid") or ""))
    nodes = {key: _completed(node, by_id.get(key)) for key, node in known.nodes.items()}
    return replace(known, phase=phase, ended=True, is_gone=True, nodes=nodes, notes=(*known.notes, NOTE))


def _completed(node: NodeStatus, pod: NodeStatus | None) -> NodeStatus:
    """Return a recorded node with the success of its pod, which the record does not show yet."""
    if node.phase in ENDED_PHASES or pod is None or pod.phase != "Succeeded":
        return node
    return replace(node, phase=pod.phase, finished=node.finished or pod.finished, exit_code=pod.exit_code)
