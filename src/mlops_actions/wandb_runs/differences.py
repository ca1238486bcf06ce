"""Differences between one candidate and its baselines, metric by metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlops_actions.core.runs import Run, finite_number, metric_value
from mlops_actions.wandb_runs.metrics.metric import Metric, finite_values, mean


@dataclass(frozen=True)
class Difference:
    """A candidate's value minus a reference value.

    `percent` is None for a reference of zero; `better` is None where the values are equal or the direction is not known.
    """

    reference: float
    absolute: float
    percent: float | None
    better: bool | None


@dataclass(frozen=True)
class MetricRow:
    """One metric of the comparison. `value` is the candidate's value of any type (`MISSING`: none)."""

    metric: Metric
    value: Any
    best: Difference | None
    mean: Difference | None
    latest: Difference | None


def difference(metric: Metric, value: float, reference: float) -> Difference:
    """Return the difference of two numbers."""
    absolute = value - reference
    return Difference(
        reference=reference,
        absolute=absolute,
        percent=absolute / abs(reference) * 100 if reference else None,
        better=None if not metric.direction or absolute == 0 else metric.better(value, reference),
    )


def compare(candidate: Run, baselines: Sequence[Run], metrics: Sequence[Metric]) -> tuple[MetricRow, ...]:
    """Compare a candidate with the best, the mean and the latest baseline (`baselines` are newest first).

    A baseline without a finite value is left out; the latest is the newest one with a value.
    """
    return tuple(_row(metric, metric_value(candidate, metric.name), finite_values(baselines, metric)) for metric in metrics)


def _row(metric: Metric, value: Any, references: Sequence[float]) -> MetricRow:
    number, best = finite_number(value), metric.best(references)
    if number is None or not references:
        return MetricRow(metric=metric, value=value, best=None, mean=None, latest=None)
    return MetricRow(
        metric=metric,
        value=value,
        best=difference(metric, number, best) if best is not None else None,
        mean=difference(metric, number, mean(references)),
        latest=difference(metric, number, references[0]),
    )


def best_ids(runs: Sequence[Run], metric: Metric) -> frozenset[str]:
    """Return the ids of the runs with the best value of a metric; none where the direction is not known."""
    best = metric.best(finite_values(runs, metric))
    if best is None:
        return frozenset()
    return frozenset(run.id for run in runs if finite_number(metric_value(run, metric.name)) == best)
