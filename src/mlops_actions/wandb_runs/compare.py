"""One candidate against its baselines, metric by metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlops_actions.wandb_runs.metrics import Metric, mean, numbers
from mlops_actions.wandb_runs.model import Run, metric_value, number


@dataclass(frozen=True)
class Difference:
    """A candidate's value less a reference's; `percent` is None for a reference of zero, `better` where nobody can say."""

    reference: float
    absolute: float
    percent: float | None
    better: bool | None


@dataclass(frozen=True)
class Row:
    """One metric. `value` is what the candidate has, whatever it is (`model.MISSING`: nothing)."""

    metric: Metric
    value: Any
    best: Difference | None
    mean: Difference | None
    latest: Difference | None


def difference(metric: Metric, value: float, reference: float) -> Difference:
    """Set two numbers against each other; equal ones are neither better nor worse."""
    absolute = value - reference
    better = None if not metric.direction or absolute == 0 else metric.better(value, reference)
    return Difference(reference, absolute, absolute / abs(reference) * 100 if reference else None, better)


def compare(candidate: Run, baselines: Sequence[Run], metrics: Sequence[Metric]) -> tuple[Row, ...]:
    """Compare with the best, the mean and the latest baseline (`baselines` are newest first).

    A baseline without a finite value takes no part; the latest is the newest that has one.
    """
    rows = []
    for metric in metrics:
        shown = metric_value(candidate, metric.name)
        value, known = number(shown), numbers(baselines, metric)
        best = metric.best(known)
        rows.append(
            Row(
                metric,
                shown,
                difference(metric, value, best) if value is not None and best is not None else None,
                difference(metric, value, mean(known)) if value is not None and known else None,
                difference(metric, value, known[0]) if value is not None and known else None,
            )
        )
    return tuple(rows)


def best_ids(runs: Sequence[Run], metric: Metric) -> frozenset[str]:
    """The runs that hold the best value of a metric; nobody, where no direction is known."""
    best = metric.best(numbers(runs, metric))
    if best is None:
        return frozenset()
    return frozenset(run.id for run in runs if number(metric_value(run, metric.name)) == best)
