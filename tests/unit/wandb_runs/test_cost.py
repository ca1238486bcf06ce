"""What runs cost: what is known is added up, and what is not known is said."""

from __future__ import annotations

import pytest

from mlops_actions.core.runs import Run
from mlops_actions.wandb_runs.report.cost import cost_line


def run(seconds: float | None = None, gpus: int | None = None, gpu_name: str = "") -> Run:
    return Run(
        id="r", name="r", state="finished", url="", entity="e", project="p", seconds=seconds, gpus=gpus, gpu_name=gpu_name
    )


HOUR = run(3600, 4, "A100")
LINES: dict[str, tuple[list[Run], list[Run], list[Run], str]] = {
    "nothing judged": ([], [HOUR], [HOUR], ""),
    "one run": ([HOUR], [], [HOUR], "**Cost:** candidate **4 GPU-hours** (1h 00m on 4 × A100)"),
    "one GPU-hour": ([run(3600, 1, "T4")], [], [], "**Cost:** candidate **1 GPU-hour** (1h 00m on 1 × T4)"),
    "against the bar": (
        [run(1800, 4, "A100")],
        [HOUR],
        [],
        "**Cost:** candidate **2 GPU-hours** (30m 00s on 4 × A100) · bar **4 GPU-hours** (1h 00m), −50.00 %",
    ),
    "against a bar on other GPUs": (
        [HOUR],
        [run(3600, 8, "T4")],
        [],
        "**Cost:** candidate **4 GPU-hours** (1h 00m on 4 × A100) · bar **8 GPU-hours** (1h 00m on 8 × T4), −50.00 %",
    ),
    "groups": (
        [HOUR, HOUR],
        [HOUR],
        [],
        "**Cost:** candidate **8 GPU-hours** (2h 00m in 2 runs on 4 × A100) · bar **4 GPU-hours** (1h 00m), +100 %",
    ),
    "all candidates, where there are more": (
        [HOUR],
        [],
        [HOUR, run(1800, 2, "T4")],
        "**Cost:** candidate **4 GPU-hours** (1h 00m on 4 × A100) · all 2 candidates **5 GPU-hours** (1h 30m in 2 runs)",
    ),
    "a few seconds": ([run(7, 1, "T4")], [], [], "**Cost:** candidate **0.0019 GPU-hours** (7s on 1 × T4)"),
    "a long training": ([run(1e6, 64, "H100")], [], [], "**Cost:** candidate **17778 GPU-hours** (277h 46m on 64 × H100)"),
    "no GPU": ([run(60, 0)], [], [], "**Cost:** candidate 1m 00s without a GPU"),
    "GPUs not recorded": ([run(60)], [], [], "**Cost:** candidate 1m 00s, GPUs unknown"),
    "time is compared where GPUs are not known": (
        [run(60)],
        [run(120)],
        [],
        "**Cost:** candidate 1m 00s, GPUs unknown · bar 2m 00s, GPUs unknown, −50.00 %",
    ),
    "no time of the bar": ([run(60, 0)], [run()], [], "**Cost:** candidate 1m 00s without a GPU · bar unknown"),
    "no time of the candidate": ([run()], [run(60, 0)], [], "**Cost:** candidate unknown · bar 1m 00s without a GPU"),
    "what one run lacks, the sum lacks": ([HOUR], [], [HOUR, run()], "unknown"),
    "nothing recorded": ([run()], [run()], [], "**Cost:** unknown, since Ledger did not record how long these runs took."),
    "zero seconds": ([run(0, 1, "T4")], [run(0, 1, "T4")], [], "**Cost:** candidate **0 GPU-hours** (0s on 1 × T4)"),
    "a hostile GPU": ([run(3600, 1, "<b>|`x`")], [], [], "1 × &#60;b&#62;&#124;&#96;x&#96;"),
}


@pytest.mark.parametrize(("judged", "bar", "candidates", "line"), LINES.values(), ids=LINES)
def test_costs_are_one_line(judged: list[Run], bar: list[Run], candidates: list[Run], line: str) -> None:
    shown = cost_line(judged, bar, candidates, "Ledger")
    assert line in shown
    assert bool(line) == bool(shown)
