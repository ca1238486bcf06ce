"""The nodes that do something, joined through those that only hold others. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from mlops_actions.argo_submit.status import NodeStatus, WorkflowStatus

THROUGH = frozenset({"DAG", "Steps", "StepGroup", "TaskGroup"})


class Graph:
    """A workflow's work by key, in the order in which it began.

    A retry stands for its attempts. With `collapsed` the items of a loop share one key; else each node has its own.
    """

    def __init__(self, status: WorkflowStatus) -> None:
        self._nodes = status.nodes
        attempts = {child for node in self._nodes.values() if node.type == "Retry" for child in node.children}
        shown = [node for node in self._nodes.values() if node.type not in THROUGH and node.id not in attempts]
        self._shown = {node.id: node for node in sorted(shown, key=lambda one: (str(one.started or ""), one.name))}

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

    def arrows(self, *, collapsed: bool) -> list[tuple[str, str]]:
        """Return which key follows on which."""
        found: dict[tuple[str, str], None] = {}
        for node in self._shown.values():
            for following in self._following(node.id):
                start = _key(node, collapsed=collapsed)
                end = _key(self._shown[following], collapsed=collapsed)
                if start != end:
                    found[start, end] = None
        return list(found)

    def _following(self, identity: str) -> Iterator[str]:
        waiting = list(self._nodes[identity].children)
        seen: set[str] = set()
        while waiting:
            child = waiting.pop()
            if child in seen or child not in self._nodes:
                continue
            seen.add(child)
            if child in self._shown:
                yield child
            else:  # what follows a retry hangs from its last attempt, what follows a group from its members
                waiting.extend(self._nodes[child].children)


def _key(node: NodeStatus, *, collapsed: bool) -> str:
    return f"{node.boundary}/{node.loop_name}" if collapsed and node.loop_name != node.display_name else node.id
