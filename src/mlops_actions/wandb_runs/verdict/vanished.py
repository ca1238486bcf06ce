"""Metrics that vanished: the bar has a number, and the judged candidate has none. They count as worse."""

from __future__ import annotations

from collections.abc import Sequence

from mlops_actions.core.runs import Run, finite_number, metric_value
from mlops_actions.wandb_runs.differences import MetricRow

_MAX_NAMED = 3


def vanished(rows: Sequence[MetricRow], bar: Run | None) -> tuple[str, ...]:
    """Return the names of the metrics of which the bar has a finite number and the candidate has none."""
    if bar is None:
        return ()
    lost = (row.metric.name for row in rows if finite_number(row.value) is None)
    return tuple(name for name in lost if finite_number(metric_value(bar, name)) is not None)


def vanished_doubt(names: Sequence[str]) -> str:
    """Say which metrics vanished; empty where none did."""
    if not names:
        return ""
    shown = ", ".join(names[:_MAX_NAMED]) + (f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else "")
    metrics = "a metric" if len(names) == 1 else f"{len(names)} metrics"
    return f"The candidate has no finite value of {metrics} that the bar has: {shown}. That counts as worse."
