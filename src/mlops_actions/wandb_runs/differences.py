"""Differences between one candidate and its baselines, metric by metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlops_actions.core.decimals import mean, percent, subtract
from mlops_actions.core.runs import Run, finite_number, metric_value
from mlops_actions.core.statistics.of_runs import lacking
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

    `vanished` is whether the bar has a finite number and the candidate has none, which counts as worse. `partial` says which
    seeds of a group have no finite value although others have one: the group's mean is then not known.
    """

    metric: Metric
    value: Any
    bar: Difference | None
    best: Difference | None
    mean: Difference | None
    latest: Difference | None
    vanished: bool = False
    partial: str = ""


def difference(metric: Metric, value: float, reference: float) -> Difference:
    """Return the difference of two numbers, computed as gates compute: what a gate takes for equal is equal here, too."""
    absolute = subtract(value, reference)
    return Difference(
        reference=reference,
        absolute=absolute,
        percent=percent(value, reference),
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

    of_bar = value_of(bar)
    return MetricRow(
        metric=metric,
        value=value,
        bar=against(of_bar),
        best=against(metric.best(references)),
        mean=against(mean(references) if references else None),
        latest=against(value_of(baselines[0] if baselines else None)),
        vanished=of_bar is not None and finite_number(value) is None,
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


def of_members(rows: Sequence[MetricRow], candidates: Sequence[Run], bar: Sequence[Run]) -> tuple[MetricRow, ...]:
    """Return the rows of a comparison of groups, told by their members: a mean is missing where one seed lacks a value.

    A metric vanished where no candidate has a finite value, and a member of the bar has one.
    """

    def by_members(row: MetricRow) -> MetricRow:
        name, ours = row.metric.name, finite_values(candidates, row.metric)
        partial = lacking(candidates, name, "candidate seeds") or lacking(bar, name, "baseline seeds")
        vanished = not ours and bool(finite_values(bar, row.metric))
        return replace(row, vanished=vanished, partial="" if vanished else partial)

    return tuple(map(by_members, rows))


def best_ids(runs: Sequence[Run], metric: Metric) -> frozenset[str]:
    """Return the ids of the runs with the best value of a metric; none where the direction is not known."""
    if not metric.direction:
        return frozenset()
    values = {run.id: finite_number(metric_value(run, metric.name)) for run in runs}
    best = metric.best(value for value in values.values() if value is not None)
    return frozenset() if best is None else frozenset(run_id for run_id, value in values.items() if value == best)
