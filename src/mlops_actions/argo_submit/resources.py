"""What a workflow's pods requested, by the time that they ran (`resourcesDuration`), in hours. Pure.

Argo counts seconds of a base amount: one core, 100 MiB of memory, one piece of everything else
(https://argo-workflows.readthedocs.io/en/latest/resource-duration/). It calls the values indicative.
"""

from __future__ import annotations

from collections.abc import Mapping

from mlops_actions.argo_submit.node_status import NodeStatus
from mlops_actions.argo_submit.status import WorkflowStatus
from mlops_actions.core import markdown as md

CPU, MEMORY, GPU = "cpu-hours", "memory-gib-hours", "gpu-hours"
UNITS: Mapping[str, str] = {CPU: "CPU hours", MEMORY: "GiB hours of memory", GPU: "GPU hours"}
MAX_NODES = 20
_MEMORY_BASE = 100 / 1024  # GiB


def hours(used: Mapping[str, int]) -> dict[str, float]:
    """Return the hours of cores, GiB of memory and GPUs; what was not requested is left out."""
    gpus = [seconds for name, seconds in used.items() if name.endswith("/gpu") or name.startswith("nvidia.com/mig-")]
    seconds_by_unit = {CPU: used.get("cpu"), MEMORY: used.get("memory"), GPU: sum(gpus) if gpus else None}
    factors = {CPU: 1.0, MEMORY: _MEMORY_BASE, GPU: 1.0}
    return {
        unit: round(seconds * factors[unit] / 3600, 4) for unit, seconds in seconds_by_unit.items() if seconds is not None
    }


def describe(status: WorkflowStatus) -> str:
    """Return the sum as a line of Markdown, and the nodes that took most in a fold; empty where nothing is recorded."""
    total = hours(status.resources)
    if not total:
        return ""
    line = f"**Requested resources**: {', '.join(f'{value:.3g} {UNITS[unit]}' for unit, value in total.items())}"
    nodes = sorted((node for node in status.nodes.values() if node.type == "Pod" and node.resources), key=_amount)
    if len(nodes) < 2:
        return line
    units = [unit for unit in UNITS if unit in total]
    rows = []
    for node in nodes[: -MAX_NODES - 1 : -1]:
        used = hours(node.resources)
        rows.append((md.code(node.display_name), *(f"{used[unit]:.3g}" if unit in used else "" for unit in units)))
    table = md.table(["Node", *(UNITS[unit] for unit in units)], rows, "l" + "r" * len(units))
    rest = f"\n\n… and {len(nodes) - MAX_NODES} more" if len(nodes) > MAX_NODES else ""
    return f"{line}\n\n{md.fold('Requested resources by node', table + rest)}"


def _amount(node: NodeStatus) -> tuple[float, float, float, str]:
    used = hours(node.resources)
    return used.get(GPU, 0.0), used.get(CPU, 0.0), used.get(MEMORY, 0.0), node.name
