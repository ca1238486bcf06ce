"""What to log of a workflow while it runs: what began, what ended, how long it took; never a flood. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlops_actions.argo_submit.status import NodeStatus, WorkflowStatus

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
# Of what holds other nodes only the end is news, and of a step group not even that.
QUIET = frozenset({"StepGroup", "TaskGroup"})


def duration(seconds: float | None) -> str:
    """Write seconds as people do: `7s`, `3m 12s`, `2h 05m`; empty for None."""
    if seconds is None:
        return ""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02}m"


def changes(before: WorkflowStatus | None, after: WorkflowStatus) -> list[str]:
    """Return lines for the nodes whose phase is new since `before`, failures first where there are too many."""
    old = before.nodes if before else {}
    new = [
        node
        for node in after.nodes.values()
        if node.type not in QUIET
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
    return [*(line(node) for node in failed), f"… and {rest} more: {_counts([one for one in new if one not in failed])}"]


def line(node: NodeStatus) -> str:
    """Write one node: mark, name, how long, what it says."""
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
    """Return the whole workflow as an indented tree of at most a few screens; loops with many items are summed up."""
    inside: dict[str, list[NodeStatus]] = {}
    groups = {
        child: node.id
        for node in status.nodes.values()
        if node.type in ("TaskGroup", "Retry")
        for child in node.children
        if child in status.nodes and status.nodes[child].loop_name == node.display_name
    }
    for node in status.nodes.values():
        parent = groups.get(node.id) or node.boundary
        inside.setdefault(parent if parent in status.nodes else "", []).append(node)
    lines: list[str] = []
    _write(sorted(inside.get("", []), key=_when), inside, 0, lines)
    if len(lines) > 4 * MAX_LINES:
        left_out = len(lines) - 4 * MAX_LINES
        lines = [*lines[: 4 * MAX_LINES], f"… and {left_out} more lines"]
    return lines


def suspended(status: WorkflowStatus) -> list[NodeStatus]:
    """Return the nodes that wait for somebody to resume them."""
    return [node for node in status.nodes.values() if node.type == "Suspend" and node.phase == "Running"]


def _write(nodes: Sequence[NodeStatus], inside: Mapping[str, list[NodeStatus]], depth: int, lines: list[str]) -> None:
    for node in nodes:
        below = sorted(inside.get(node.id, []), key=_when)
        if node.type == "StepGroup":
            _write(below, inside, depth, lines)
            continue
        lines.append("  " * depth + line(node))
        if node.type == "TaskGroup" and len(below) > MAX_LINES:
            failed = [one for one in below if one.phase in ("Failed", "Error")][:MAX_LINES]
            _write(failed, inside, depth + 1, lines)
            lines.append("  " * (depth + 1) + f"… {len(below)} items: {_counts(below)}")
        else:
            _write(below, inside, depth + 1, lines)


def _when(node: NodeStatus) -> tuple[str, int, str]:
    return str(node.started or ""), len(node.name), node.name


def _counts(nodes: Sequence[NodeStatus]) -> str:
    phases = sorted({node.phase for node in nodes})
    return ", ".join(f"{sum(node.phase == phase for node in nodes)} {phase.lower()}" for phase in phases)


def _shortened(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= MAX_MESSAGE_LENGTH else flat[: MAX_MESSAGE_LENGTH - 1] + "…"
