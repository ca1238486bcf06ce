"""Runs of one group (the seeds of one experiment) as one run: mean, spread, and whether a difference exceeds the noise."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import stdev

from mlops_actions.core.runs import Run
from mlops_actions.wandb_runs.metrics.metric import Metric, best_run, finite_values, mean

_RESAMPLES = 2000
_CONFIDENCE = 0.95
_MIN_SEEDS = 3  # fewer seeds say nothing about their own spread


@dataclass(frozen=True)
class Spread:
    """A metric over the seeds that have it; `deviation` (of the sample) is None for a single seed."""

    mean: float
    deviation: float | None
    n: int


@dataclass(frozen=True)
class SeedGroup:
    """The finished runs of one group; a run without a group forms a group of its own.

    `run` represents them in comparisons: it is the best member, and its summary holds the means.
    """

    run: Run
    members: tuple[Run, ...]


@dataclass(frozen=True)
class SeedComparison:
    """Two means, their difference, and its bootstrap interval; `low` and `high` are None where there are too few seeds."""

    metric: Metric
    candidates: Spread
    baselines: Spread
    difference: float
    low: float | None
    high: float | None

    @property
    def verdict(self) -> str:
        """Whether the difference exceeds the noise, in words."""
        if self.low is None or self.high is None:
            return f"too few seeds to tell from noise (at least {_MIN_SEEDS} on each side)"
        if self.low <= 0 <= self.high:
            return "no more than noise"
        if not self.metric.direction:
            return "more than noise"
        return "better by more than noise" if self.metric.better(self.difference, 0.0) else "worse by more than noise"


def group_runs(runs: Sequence[Run], metrics: Sequence[Metric], *, by_group: bool) -> tuple[SeedGroup, ...]:
    """Collect finished runs by group, in the order in which the groups first appear; else one group for each run."""
    members_by_key: dict[str, list[Run]] = {}
    for run in runs:
        if run.finished:
            key = f"group {run.group}" if by_group and run.group else f"run {run.id}"
            members_by_key.setdefault(key, []).append(run)
    return tuple(
        _group(members, metrics) if by_group and members[0].group else SeedGroup(members[0], tuple(members))
        for members in members_by_key.values()
    )


def _group(members: Sequence[Run], metrics: Sequence[Metric]) -> SeedGroup:
    means = {}
    for metric in metrics:
        values = finite_values(members, metric)
        # A mean over fewer members would hide that a seed lacks the metric.
        if len(values) == len(members):
            means[metric.name] = mean(values)
    best = best_run(members, metrics) or members[0]
    return SeedGroup(replace(best, name=f"{best.group} (n = {len(members)})", summary=means), tuple(members))


def spread(values: Sequence[float]) -> Spread:
    """Return mean and sample deviation of some numbers (at least one)."""
    return Spread(mean(values), _deviation(values) if len(values) > 1 else None, len(values))


def _deviation(values: Sequence[float]) -> float:
    try:
        return stdev(values)
    except OverflowError:
        return math.inf


def compare_seeds(candidate: SeedGroup, baselines: Sequence[Run], metrics: Sequence[Metric]) -> tuple[SeedComparison, ...]:
    """Compare a group's seeds with the values of all finished baselines, metric by metric."""
    comparisons = []
    for metric in metrics:
        values, references = finite_values(candidate.members, metric), finite_values(baselines, metric)
        if not values or not references:
            continue
        enough = min(len(values), len(references)) >= _MIN_SEEDS
        low, high = _bootstrap(values, references) if enough else (None, None)
        comparisons.append(
            SeedComparison(
                metric=metric,
                candidates=spread(values),
                baselines=spread(references),
                difference=mean(values) - mean(references),
                low=low,
                high=high,
            )
        )
    return tuple(comparisons)


def _bootstrap(values: Sequence[float], references: Sequence[float]) -> tuple[float, float]:
    """Return the percentile interval of the difference of means; equal numbers always give the same interval."""
    draw = random.Random(0)  # noqa: S311 - statistics, reproducible on purpose
    differences = sorted(
        mean(draw.choices(values, k=len(values))) - mean(draw.choices(references, k=len(references)))
        for _ in range(_RESAMPLES)
    )
    cut = round(_RESAMPLES * (1 - _CONFIDENCE) / 2)
    return differences[cut], differences[-cut - 1]
