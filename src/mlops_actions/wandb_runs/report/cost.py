"""What the runs cost: time and GPU-hours as the tracker recorded them, against the bar's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mlops_actions.core import markdown
from mlops_actions.core.duration_text import duration_text
from mlops_actions.core.runs import Run
from mlops_actions.wandb_runs.report.numbers import aligned, format_percent

_HOUR = 3600.0


@dataclass(frozen=True)
class Cost:
    """The cost of some runs together. None: the tracker recorded too little of at least one of them.

    `hardware` names the GPUs of each run, where all have the same; empty where they differ or are not known.
    """

    seconds: float | None
    gpu_hours: float | None
    hardware: str = ""

    @property
    def without_gpu(self) -> bool:
        """Whether the tracker recorded that no GPU was there."""
        return self.gpu_hours == 0 and self.seconds != 0


def cost_of(runs: Sequence[Run]) -> Cost:
    """Add up what runs cost. What is not known of one run is not known of their sum."""
    seconds = [run.seconds for run in runs if run.seconds is not None]
    used = [run.seconds / _HOUR * run.gpus for run in runs if run.seconds is not None and run.gpus is not None]
    kinds = {(run.gpus, run.gpu_name) for run in runs}
    gpus, name = next(iter(kinds)) if len(kinds) == 1 else (None, "")
    return Cost(
        seconds=sum(seconds) if runs and len(seconds) == len(runs) else None,
        gpu_hours=sum(used) if runs and len(used) == len(runs) else None,
        hardware=f"{gpus} × {name}" if gpus and name else "",
    )


def cost_line(judged: Sequence[Run], bar: Sequence[Run], candidates: Sequence[Run], tracker: str) -> str:
    """Return the line of costs as Markdown: of what was judged, of the bar, and of all candidates if there are more.

    Empty where nothing was judged.
    """
    if not judged:
        return ""
    ours, theirs = cost_of(judged), cost_of(bar)
    if ours.seconds is None and theirs.seconds is None:
        return f"**Cost:** unknown, since {tracker} did not record how long these runs took."
    parts = [_text("candidate", ours, len(judged))]
    if bar:
        # The same GPUs need not be named again.
        others = replace(theirs, hardware="") if theirs.hardware == ours.hardware else theirs
        parts.append(_text("bar", others, len(bar)) + _change(ours, theirs))
    if len(candidates) > len(judged):
        parts.append(_text(f"all {len(candidates)} candidates", cost_of(candidates), len(candidates)))
    return f"**Cost:** {' · '.join(parts)}"


def _text(name: str, cost: Cost, runs: int) -> str:
    if cost.seconds is None:
        return f"{name} unknown"
    duration = duration_text(cost.seconds) + (f" in {runs} runs" if runs > 1 else "")
    if cost.gpu_hours is None:
        return f"{name} {duration}, GPUs unknown"
    if cost.without_gpu:
        return f"{name} {duration} without a GPU"
    hardware = f" on {markdown.escape(cost.hardware)}" if cost.hardware else ""
    return f"{name} **{_hours(cost.gpu_hours)}** ({duration}{hardware})"


def _hours(hours: float) -> str:
    (text,) = aligned([round(hours, 2) if hours >= 0.1 else round(hours, 4)], digits=3)
    return f"{text} GPU-hour{'' if text == '1' else 's'}"


def _change(ours: Cost, theirs: Cost) -> str:
    """Return the difference in per cent: of GPU-hours where both are known, else of time; nothing where neither is."""
    pairs = ((ours.gpu_hours, theirs.gpu_hours), (ours.seconds, theirs.seconds))
    value, reference = next(((a, b) for a, b in pairs if a is not None and b), (None, None))
    return f", {format_percent((value - reference) / reference * 100)}" if value is not None and reference else ""
