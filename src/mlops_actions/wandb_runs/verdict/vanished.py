"""Metrics that vanished: the bar has a number, and the judged candidate has none. They count as worse."""

from __future__ import annotations

from collections.abc import Sequence

from mlops_actions.wandb_runs.differences import MetricRow

_MAX_NAMED = 3


def vanished_doubt(rows: Sequence[MetricRow]) -> str:
    """Say which metrics vanished; empty where none did."""
    names = [row.metric.name for row in rows if row.vanished]
    if not names:
        return ""
    shown = ", ".join(names[:_MAX_NAMED]) + (f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else "")
    metrics = "a metric" if len(names) == 1 else f"{len(names)} metrics"
    return f"The candidate has no finite value of {metrics} that the bar has: {shown}. That counts as worse."
