"""Write the log lines about a running workflow: nodes that start or end, and their durations. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlops_actions.argo_submit.node_status import NodeStatus
from mlops_actions.argo_submit.status import WorkflowStatus
from mlops_actions.core.duration_text import duration_text

duration = duration_text
MAX_LINES = 30
MAX_MESSAGE_LENGTH = 200
MARKS: Mapping[str, str] = {
    "Pending": "·",
    "Running": "▶",
    "Succeeded": "✔",
    "Failed": "✖",
    "Error": "✖",
    "Skipped": "○",
    "Omitted": "○",
}
# Groups of nodes, which get no line of their own.
UNREPORTED_TYPES = frozenset({"StepGroup", "TaskGroup"})


def changes(before: WorkflowStatus | None, after: WorkflowStatus) -> list[str]:
    """Return a line for each node whose phase has changed since `before`; only failed nodes where there are too many."""
    old = before.nodes if before else {}
    new = [
        node
        for node in after.nodes.values()
        if node.type not in UNREPORTED_TYPES
        and (node.id not in old or old[node.id].phase != node.phase)
        and node.phase != "Pending"
        and node.id != after.name
    ]
    new.sort(key=lambda node: (str(node.finished or node.started or ""), node.name))
    if after.root and after.root.type == "Pod" and (not old or old.get(after.name, after.root).phase != after.root.phase):
        new.append(after.root)
    if len(new) <= MAX_LINES:
        return [line(node) for node in new]
    failed = [node for node in new if node.phase in ("Failed", "Error")][:MAX_LINES]
    rest = len(new) - len(failed)
    return [*(line(node) for node in failed), f"… and {rest} more: {_counts([node for node in new if node not in failed])}"]


def line(node: NodeStatus) -> str:
    """Write one node: mark, name, duration, message."""
    parts = [MARKS.get(node.phase, "?"), _shortened(node.display_name)]
    if node.finished is not None and node.phase in ("Succeeded", "Failed", "Error"):
        parts.append(f"({duration(node.seconds)})")
    if node.phase in ("Skipped", "Omitted") and not node.message:
        parts.append(f"({node.phase.lower()})")
    if node.message and node.phase not in ("Succeeded", "Running"):
        parts.append(_shortened(node.message))
    if node.type == "Suspend" and node.phase == "Running":
        parts.append("(suspended)")
    return " ".join(parts)


def tree(status: WorkflowStatus) -> list[str]:
    """Return the workflow as an indented tree of limited length; loops with many items are summarised."""
    children: dict[str, list[NodeStatus]] = {}
    groups = {
        child: node.id
        for node in status.nodes.values()
        if node.type in ("TaskGroup", "Retry")
        for child in node.children
        if child in status.nodes and status.nodes[child].loop_name == node.display_name
    }
    for node in status.nodes.values():
        parent = groups.get(node.id) or node.boundary
        children.setdefault(parent if parent in status.nodes else "", []).append(node)
    lines: list[str] = []
    _write(sorted(children.get("", []), key=_when), children, 0, lines)
    if len(lines) > 4 * MAX_LINES:
        left_out = len(lines) - 4 * MAX_LINES
        lines = [*lines[: 4 * MAX_LINES], f"… and {left_out} more lines"]
    return lines


def _write(nodes: Sequence[NodeStatus], children: Mapping[str, list[NodeStatus]], depth: int, lines: list[str]) -> None:
    for node in nodes:
        below = sorted(children.get(node.id, []), key=_when)
        if node.type == "StepGroup":
            _write(below, children, depth, lines)
            continue
        lines.append("  " * depth + line(node))
        if node.type == "TaskGroup" and len(below) > MAX_LINES:
            failed = [child for child in below if child.phase in ("Failed", "Error")][:MAX_LINES]
            _write(failed, children, depth + 1, lines)
            lines.append("  " * (depth + 1) + f"… {len(below)} items: {_counts(below)}")
        else:
            _write(below, children, depth + 1, lines)


def _when(node: NodeStatus) -> tuple[str, int, str]:
    return str(node.started or ""), len(node.name), node.name


def _counts(nodes: Sequence[NodeStatus]) -> str:
    phases = sorted({node.phase for node in nodes})
    return ", ".join(f"{sum(node.phase == phase for node in nodes)} {phase.lower()}" for phase in phases)


def _shortened(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= MAX_MESSAGE_LENGTH else flat[: MAX_MESSAGE_LENGTH - 1] + "…"
