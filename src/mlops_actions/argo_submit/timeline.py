"""Draw a Gantt chart of the nodes, and find the critical path: the nodes that determined the workflow's end. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mlops_actions.argo_submit.graph import NodeGraph
from mlops_actions.argo_submit.node_status import NodeStatus
from mlops_actions.argo_submit.progress import MARKS, duration
from mlops_actions.argo_submit.status import WorkflowStatus
from mlops_actions.core import markdown as md
from mlops_actions.core.argo import FAILED_PHASES

# Beyond the first limit the items of a loop become one bar; beyond the second only the most important bars are drawn.
MAX_SINGLE_NODES = 24
MAX_BARS = 24
MAX_NAMED_NODES = 8
EXIT = ".onExit"
IDLE = frozenset({"Skipped", "Omitted", "Pending"})
_DAY = 86_400
# The width keeps the letters' size on GitHub; the fills are transparent, since the page may be light or dark.
_THEME = json.dumps(
    {
        "gantt": {"useWidth": 860, "fontSize": 13, "barHeight": 20, "barGap": 5, "leftPadding": 40, "rightPadding": 40},
        "themeVariables": {
            "critBkgColor": "rgba(207, 34, 46, 0.3)",
            "critBorderColor": "#cf222e",
            "activeTaskBkgColor": "rgba(9, 105, 218, 0.35)",
            "activeTaskBorderColor": "#0969da",
            "doneTaskBkgColor": "rgba(140, 149, 159, 0.25)",
            "doneTaskBorderColor": "#8c959f",
        },
    }
)


@dataclass(frozen=True)
class _Bar:
    nodes: Sequence[NodeStatus]
    start: datetime
    end: datetime
    critical: bool
    failed: int  # nodes, without those whose failure the workflow tolerates

    @property
    def importance(self) -> tuple[bool, bool, float]:
        return self.failed > 0, self.critical, (self.end - self.start).total_seconds()


def critical_path(status: WorkflowStatus) -> list[NodeStatus]:
    """Return the nodes, first to last, that each waited for the one before; shortening another node would gain nothing.

    The path is built backwards from the node that ended last: each node waited for the predecessor that ended last.
    """
    graph = NodeGraph(status)
    before: dict[str, list[str]] = {}
    for start, end in graph.edges(collapsed=False):
        before.setdefault(end, []).append(start)
    ended = {key: node for key, node in graph.nodes.items() if node.started is not None and node.finished is not None}
    path: list[NodeStatus] = []
    candidates = list(ended)
    while candidates:
        last = max((ended[key] for key in candidates), key=lambda node: (node.finished, node.started, node.name))
        path.append(last)
        del ended[last.id]  # so that the loop ends even where the cluster reports a circle
        candidates = [key for key in before.get(last.id, []) if key in ended]
        if not candidates and EXIT in last.name:  # an exit handler follows every other node
            candidates = [key for key, node in ended.items() if EXIT not in node.name]
    return [node for node in reversed(path) if node.phase not in IDLE]


def describe(status: WorkflowStatus) -> str:
    """Return the critical path as a sentence of Markdown; empty where it has fewer than two nodes."""
    path = critical_path(status)
    first, last = (path[0].started, path[-1].finished) if path else (None, None)
    if len(path) < 2 or first is None or last is None:
        return ""
    names = [f"{md.escape(node.display_name)} ({duration(node.seconds)})" for node in path]
    if len(names) > MAX_NAMED_NODES:
        half = MAX_NAMED_NODES // 2
        names = [*names[:half], f"… {len(names) - 2 * half} more …", *names[-half:]]
    total = (last - first).total_seconds()
    waited = total - sum(node.seconds or 0 for node in path)
    waiting = f", of which {duration(waited)} between them" if waited >= 1 else ""
    return f"**Critical path** ({duration(total)}{waiting}): {' → '.join(names)}"


def draw(status: WorkflowStatus) -> str:
    """Return the fenced Gantt chart, and a line about bars that were left out; empty where there are fewer than two bars."""
    bars = _bars(status)
    if len(bars) < 2:
        return ""
    kept = bars
    if len(bars) > MAX_BARS:
        chosen = sorted(bars, key=lambda bar: bar.importance, reverse=True)[:MAX_BARS]
        kept = [bar for bar in bars if bar in chosen]
    seconds = (max(bar.end for bar in kept) - min(bar.start for bar in kept)).total_seconds()
    lines = [
        f"%%{{init: {_THEME}}}%%",
        "gantt",
        "  dateFormat x",
        f"  axisFormat {'%H:%M:%S' if seconds < _DAY else '%d %b %H:%M'}",
    ]
    lines += [_line(bar, number) for number, bar in enumerate(kept)]
    chart = md.mermaid("\n".join(lines))
    if len(kept) < len(bars):
        chart += f"\n\n_{len(kept)} of {len(bars)} bars: failed nodes, the critical path, and the nodes that took longest._"
    return chart


def _bars(status: WorkflowStatus) -> list[_Bar]:
    graph = NodeGraph(status)
    critical = {node.id for node in critical_path(status)}
    moments = [at for node in status.nodes.values() for at in (node.started, node.finished) if at is not None]
    bars = []
    for nodes in graph.groups(collapsed=len(graph.nodes) > MAX_SINGLE_NODES).values():
        ran = [node for node in nodes if node.started is not None and node.phase not in IDLE]
        starts = [node.started for node in ran if node.started is not None]
        if starts:
            end = max(node.finished or max(moments) for node in ran)  # a running node's bar ends at the latest known time
            is_critical = any(node.id in critical for node in ran)
            failed = sum(node.phase in FAILED_PHASES and not status.is_tolerated(node) for node in ran)
            bars.append(_Bar(nodes=ran, start=min(starts), end=end, critical=is_critical, failed=failed))
    return bars


def _line(bar: _Bar, number: int) -> str:
    phases = [node.phase for node in bar.nodes]
    first = bar.nodes[0]
    # The mark comes first: mermaid would read a name that starts with section, click or title as its own keyword.
    if len(bar.nodes) == 1:
        label = f"{MARKS.get(first.phase, '·')} {_name(first.display_name)} {duration(first.seconds)}"
    else:
        mark = MARKS["Failed"] if bar.failed else MARKS["Running"] if "Running" in phases else MARKS["Succeeded"]
        counts = f"×{len(bar.nodes)}" + (f" {bar.failed} failed" if bar.failed else "")
        label = f"{mark} {_name(first.loop_name)} {counts} {duration((bar.end - bar.start).total_seconds())}"
    # Mermaid's names of three colours: red for failed nodes, blue for the critical path, grey for the rest.
    tag = "crit" if bar.failed else "active" if bar.critical else "done"
    return f"  {label.rstrip()} :{tag}, n{number}, {_milliseconds(bar.start)}, {_milliseconds(bar.end)}"


def _name(text: str) -> str:
    return md.mermaid_text(text, limit=32)


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
