"""Runs of one group (the seeds of one experiment) as one: mean, spread, and whether a difference is more than noise."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import stdev

from mlops_actions.wandb_runs.metrics import Metric, best_run, mean, numbers
from mlops_actions.wandb_runs.model import Run

_RESAMPLES = 2000
_CONFIDENCE = 0.95
_FEWEST = 3  # fewer seeds say nothing about their own spread


@dataclass(frozen=True)
class Spread:
    """A metric over the seeds that have it; `deviation` (of the sample) is None for a single one."""

    mean: float
    deviation: float | None
    n: int


@dataclass(frozen=True)
class Group:
    """The finished runs of one group; a run without a group is one of its own.

    `run` stands for them in comparisons: it is the best member, its summary holds the means.
    """

    run: Run
    members: tuple[Run, ...]


@dataclass(frozen=True)
class Interval:
    """Two means, their difference and its bootstrap interval; without bounds: too few seeds to say."""

    metric: Metric
    ours: Spread
    theirs: Spread
    difference: float
    low: float | None
    high: float | None

    @property
    def sentence(self) -> str:
        """Say plainly whether the difference is more than noise."""
        if self.low is None or self.high is None:
            return f"too few seeds to tell from noise (at least {_FEWEST} on each side)"
        if self.low <= 0 <= self.high:
            return "no more than noise"
        if not self.metric.direction:
            return "more than noise"
        return "better by more than noise" if self.metric.better(self.difference, 0.0) else "worse by more than noise"


def groups(runs: Sequence[Run], metrics: Sequence[Metric], *, together: bool) -> tuple[Group, ...]:
    """Gather finished runs by group, in the order in which the groups first appear; else each is one of its own."""
    gathered: dict[str, list[Run]] = {}
    for run in runs:
        if run.finished:
            key = f"group {run.group}" if together and run.group else f"run {run.id}"
            gathered.setdefault(key, []).append(run)
    return tuple(
        _group(members, metrics) if together and members[0].group else Group(members[0], tuple(members))
        for members in gathered.values()
    )


def _group(members: Sequence[Run], metrics: Sequence[Metric]) -> Group:
    means = {}
    for metric in metrics:
        values = numbers(members, metric)
        # A seed that lacks a metric must not vanish in a mean over the others.
        if len(values) == len(members):
            means[metric.name] = mean(values)
    best = best_run(members, metrics) or members[0]
    return Group(replace(best, name=f"{best.group} (n = {len(members)})", summary=means), tuple(members))


def spread(values: Sequence[float]) -> Spread:
    """Mean and sample deviation of some numbers (at least one)."""
    return Spread(mean(values), _deviation(values) if len(values) > 1 else None, len(values))


def _deviation(values: Sequence[float]) -> float:
    try:
        return stdev(values)
    except OverflowError:
        return math.inf


def intervals(candidate: Group, baselines: Sequence[Run], metrics: Sequence[Metric]) -> tuple[Interval, ...]:
    """Compare a group's seeds with all finished baselines' values, metric by metric."""
    found = []
    for metric in metrics:
        ours, theirs = numbers(candidate.members, metric), numbers(baselines, metric)
        if ours and theirs:
            low, high = _bootstrap(ours, theirs) if min(len(ours), len(theirs)) >= _FEWEST else (None, None)
            difference = mean(ours) - mean(theirs)
            found.append(Interval(metric, spread(ours), spread(theirs), difference, low, high))
    return tuple(found)


def _bootstrap(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float]:
    """The percentile interval of the difference of means; the same numbers always give the same interval."""
    draw = random.Random(0)  # noqa: S311 - statistics, and reproducible on purpose
    differences = sorted(
        mean(draw.choices(ours, k=len(ours))) - mean(draw.choices(theirs, k=len(theirs))) for _ in range(_RESAMPLES)
    )
    cut = round(_RESAMPLES * (1 - _CONFIDENCE) / 2)
    return differences[cut], differences[-cut - 1]
