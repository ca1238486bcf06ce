"""Reduce a workflow's nodes to those that do work, connected through the nodes that only group others. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from mlops_actions.argo_submit.node_status import NodeStatus
from mlops_actions.argo_submit.status import WorkflowStatus

GROUPING_TYPES = frozenset({"DAG", "Steps", "StepGroup", "TaskGroup"})


class NodeGraph:
    """The nodes of a workflow that do work, in the order in which they started.

    A retry node represents its attempts. With `collapsed` the items of a loop share one key; else each node has its own.
    """

    def __init__(self, status: WorkflowStatus) -> None:
        self._nodes = status.nodes
        attempts = {child for node in self._nodes.values() if node.type == "Retry" for child in node.children}
        shown = [node for node in self._nodes.values() if node.type not in GROUPING_TYPES and node.id not in attempts]
        self._shown = {node.id: node for node in sorted(shown, key=lambda node: (str(node.started or ""), node.name))}

    @property
    def nodes(self) -> dict[str, NodeStatus]:
        """The nodes by id."""
        return dict(self._shown)

    def groups(self, *, collapsed: bool) -> dict[str, list[NodeStatus]]:
        """Return the nodes by key."""
        members: dict[str, list[NodeStatus]] = {}
        for node in self._shown.values():
            members.setdefault(_key(node, collapsed=collapsed), []).append(node)
        return members

    def edges(self, *, collapsed: bool) -> list[tuple[str, str]]:
        """Return the pairs of keys of which the second follows the first."""
        edges: dict[tuple[str, str], None] = {}
        for node in self._shown.values():
            for following in self._following(node.id):
                start = _key(node, collapsed=collapsed)
                end = _key(self._shown[following], collapsed=collapsed)
                if start != end:
                    edges[start, end] = None
        return list(edges)

    def _following(self, node_id: str) -> Iterator[str]:
        waiting = list(self._nodes[node_id].children)
        seen: set[str] = set()
        while waiting:
            child = waiting.pop()
            if child in seen or child not in self._nodes:
                continue
            seen.add(child)
            if child in self._shown:
                yield child
            else:  # Argo lists the successors of a retry at its last attempt, those of a group at its members
                waiting.extend(self._nodes[child].children)


def _key(node: NodeStatus, *, collapsed: bool) -> str:
    return f"{node.boundary}/{node.loop_name}" if collapsed and node.loop_name != node.display_name else node.id
