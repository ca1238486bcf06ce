"""Differences between one candidate and its baselines, metric by metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlops_actions.core.runs import Run, finite_number, metric_value
from mlops_actions.core.statistics.of_runs import mean
from mlops_actions.wandb_runs.metrics.metric import Metric, finite_values


@dataclass(frozen=True)
class Difference:
    """A candidate's value minus a reference value.

    `percent` is None for a reference of zero; `better` is None where the values are equal, the direction is not known, or a
    comparison of seeds does not exceed the noise.
    """

    reference: float
    absolute: float
    percent: float | None
    better: bool | None


@dataclass(frozen=True)
class MetricRow:
    """One metric of the comparison. `value` is the candidate's value of any type (`MISSING`: none).

    `bar` compares with the bar, one baseline; `best` with the best value that any baseline has, which different metrics can
    have from different baselines; `latest` with the newest baseline.
    """

    metric: Metric
    value: Any
    bar: Difference | None
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


def compare(
    candidate: Run, baselines: Sequence[Run], metrics: Sequence[Metric], bar: Run | None = None
) -> tuple[MetricRow, ...]:
    """Compare a candidate with the bar, and with the best value, the mean and the latest of all baselines.

    `baselines` are newest first, so the latest is the first one: a metric that it lacks is not taken from another one. A
    baseline without a finite value is left out of best and mean.
    """
    return tuple(_row(metric, metric_value(candidate, metric.name), baselines, bar) for metric in metrics)


def _row(metric: Metric, value: Any, baselines: Sequence[Run], bar: Run | None) -> MetricRow:
    references = finite_values(baselines, metric)

    def against(reference: float | None) -> Difference | None:
        number = finite_number(value)
        return None if number is None or reference is None else difference(metric, number, reference)

    def value_of(run: Run | None) -> float | None:
        return finite_number(metric_value(run, metric.name)) if run else None

    return MetricRow(
        metric=metric,
        value=value,
        bar=against(value_of(bar)),
        best=against(metric.best(references)),
        mean=against(mean(references) if references else None),
        latest=against(value_of(baselines[0] if baselines else None)),
    )


def beyond_noise(rows: Sequence[MetricRow], better: Mapping[str, bool | None]) -> tuple[MetricRow, ...]:
    """Return the rows of a comparison of seeds, in which better and worse are only what is more than noise.

    `better` maps metrics to what the comparison with the bar claims; nothing is claimed against the other references.
    """

    def claimed(found: Difference | None, claim: bool | None = None) -> Difference | None:
        return replace(found, better=claim) if found else None

    return tuple(
        replace(
            row,
            bar=claimed(row.bar, better.get(row.metric.name)),
            best=claimed(row.best),
            mean=claimed(row.mean),
            latest=claimed(row.latest),
        )
        for row in rows
    )


def best_ids(runs: Sequence[Run], metric: Metric) -> frozenset[str]:
    """Return the ids of the runs with the best value of a metric; none where the direction is not known."""
    if not metric.direction:
        return frozenset()
    values = {run.id: finite_number(metric_value(run, metric.name)) for run in runs}
    best = metric.best(value for value in values.values() if value is not None)
    return frozenset() if best is None else frozenset(run_id for run_id, value in values.items() if value == best)
