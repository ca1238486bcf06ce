"""Draw a workflow as a mermaid flowchart, each node coloured by its phase. Pure; every name in it is untrusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlops_actions.argo_submit.graph import NodeGraph
from mlops_actions.argo_submit.node_status import NodeStatus
from mlops_actions.argo_submit.progress import MARKS, duration
from mlops_actions.argo_submit.status import WorkflowStatus
from mlops_actions.core.markdown import mermaid, mermaid_text

# Beyond the first limit the items of a loop become one box; beyond the second the workflow is not drawn.
MAX_SINGLE_NODES = 24
MAX_BOXES = 80
_MARKS: Mapping[str, str] = {**MARKS, "Tolerated": "⚠"}
STYLES: Mapping[str, str] = {
    "Succeeded": "fill:#dafbe1,stroke:#1a7f37,color:#1f2328",
    "Failed": "fill:#ffebe9,stroke:#cf222e,color:#1f2328",
    "Tolerated": "fill:#fff8c5,stroke:#9a6700,color:#1f2328",
    "Running": "fill:#ddf4ff,stroke:#0969da,color:#1f2328",
    "Waiting": "fill:#f6f8fa,stroke:#8c959f,color:#1f2328",
    "Skipped": "fill:#f6f8fa,stroke:#8c959f,color:#59636e,stroke-dasharray:4",
}


@dataclass(frozen=True)
class _Box:
    label: str
    style: str


def draw(status: WorkflowStatus) -> str:
    """Return the fenced diagram; empty where there are fewer than two boxes, or too many."""
    graph = NodeGraph(status)
    collapsed = len(graph.nodes) > MAX_SINGLE_NODES
    boxes = {key: _box(nodes, status) for key, nodes in graph.groups(collapsed=collapsed).items()}
    if len(boxes) < 2 or len(boxes) > MAX_BOXES:
        return ""
    numbers = {key: f"n{number}" for number, key in enumerate(boxes)}
    lines = ["flowchart LR"]
    lines += [f'  {numbers[key]}["{box.label}"]:::{box.style}' for key, box in boxes.items()]
    lines += [f"  {numbers[start]} --> {numbers[end]}" for start, end in graph.edges(collapsed=collapsed)]
    used = sorted({box.style for box in boxes.values()})
    lines += [f"  classDef {style} {STYLES[style]}" for style in used]
    return mermaid("\n".join(lines))


def _box(nodes: list[NodeStatus], status: WorkflowStatus) -> _Box:
    phases = [_phase(node, status) for node in nodes]
    if "Failed" in phases or "Error" in phases:
        style = "Failed"
    elif "Running" in phases:
        style = "Running"
    elif "Tolerated" in phases:
        style = "Tolerated"
    elif set(phases) <= {"Skipped", "Omitted"}:
        style = "Skipped"
    else:
        style = "Succeeded" if "Succeeded" in phases and "Pending" not in phases else "Waiting"
    first = nodes[0]
    if len(nodes) == 1:
        seconds = duration(first.seconds) if first.phase in ("Succeeded", "Failed", "Error") else ""
        name = first.display_name
        label = f"{_MARKS.get(phases[0], '')} {mermaid_text(name)} {_remarks(first, status)}{seconds}".strip()
    else:
        counts = " ".join(f"{phases.count(phase)}{_MARKS.get(phase, '')}" for phase in sorted(set(phases)))
        label = f"{mermaid_text(first.loop_name)} ×{len(nodes)} {counts}"
    return _Box(label, style)


def _phase(node: NodeStatus, status: WorkflowStatus) -> str:
    """Return the phase; of a failure that does not fail the workflow, `Tolerated`."""
    return "Tolerated" if status.is_tolerated(node) else node.phase


def _remarks(node: NodeStatus, status: WorkflowStatus) -> str:
    attempts = [child for child in node.children if child in status.nodes] if node.type == "Retry" else []
    return "".join(
        [
            f"({len(attempts)} attempts) " if len(attempts) > 1 else "",
            "(cached) " if node.is_cached or any(status.nodes[attempt].is_cached for attempt in attempts) else "",
        ]
    )
