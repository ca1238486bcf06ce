"""Runs of one group (the seeds of one experiment) as one run: mean, spread, and whether a difference exceeds the noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from mlops_actions.core.decimals import mean
from mlops_actions.core.runs import Run
from mlops_actions.core.statistics import estimate
from mlops_actions.core.statistics.estimate import Estimate
from mlops_actions.core.statistics.of_runs import estimate_metric
from mlops_actions.wandb_runs.metrics.metric import Metric, best_run, finite_values
from mlops_actions.wandb_runs.statistics import holm, more_seeds
from mlops_actions.wandb_runs.statistics.choice import NO_CHOICE, Choice

# Intervals of the report miss the truth, and a report without any difference claims one, at most this often.
ERROR = 0.05


@dataclass(frozen=True)
class Spread:
    """A metric over the `n` seeds that have a finite value, of those that finished, of those that started.

    `deviation` (of the sample) is None for one seed.
    """

    mean: float
    deviation: float | None
    n: int
    finished: int
    started: int

    @property
    def survivors(self) -> str:
        """How many seeds the mean is of: `n = 5`, `3 of 5 seeds finished`, `3 of 5 seeds have it`, or both."""
        if self.n < self.finished:
            return (
                f"{survivors(self.finished, self.started)}, {self.n} have it"
                if self.finished < self.started
                else (f"{self.n} of {self.finished} seeds have it")
            )
        return survivors(self.finished, self.started)


@dataclass(frozen=True)
class SeedGroup:
    """The finished runs of one group; a run without a group forms a group of its own.

    `run` represents them in comparisons: it is the best member, and its summary holds the means. `started` is the number of
    runs of this group in any state.
    """

    run: Run
    members: tuple[Run, ...]
    started: int = 0

    @property
    def lost(self) -> int:
        """How many runs of the group did not finish."""
        return max(0, self.started - len(self.members))

    @property
    def survivors(self) -> str:
        """How many seeds the means are of: `n = 3`, or `3 of 5 seeds finished` where some did not."""
        return survivors(len(self.members), self.started)


@dataclass(frozen=True)
class SeedComparison:
    """Two means and their difference. `low` and `high` are the 95 % interval; None where nothing can be told from noise.

    `probability` is the p-value after the correction for all `metrics` of the report and for the `choice` of the two groups,
    for which the interval is wider, too. `paired` is whether the same seeds ran
    on both sides. `seeds_needed` are the seeds on each side that would tell a difference of this
    size (an estimate; None: not known, or more than anybody trains), and `reason` says why nothing can be told. `against` is
    the title of the baseline group.
    """

    metric: Metric
    candidates: Spread
    baselines: Spread
    difference: float
    low: float | None = None
    high: float | None = None
    probability: float | None = None
    paired: bool = False
    seeds_needed: int | None = None
    reason: str = ""
    metrics: int = 1
    choice: Choice = NO_CHOICE
    against: str = ""

    @property
    def claimed(self) -> bool | None:
        """Whether the difference is more than noise; None where that cannot be told."""
        return None if self.probability is None else self.probability <= ERROR

    @property
    def better(self) -> bool | None:
        """Whether the candidate is better (False: worse) by more than noise; None where neither is claimed."""
        return self.metric.better(self.difference, 0.0) if self.claimed and self.metric.direction else None

    @property
    def verdict(self) -> str:
        """Whether the difference exceeds the noise, in words, and how many seeds would tell where it is not known."""
        if self.claimed is None:
            return f"{self.short_verdict}: {self.reason}"
        if self.claimed and self.better is not None:
            return f"{self.short_verdict} by more than noise"
        return "; ".join(filter(None, (self.short_verdict, self._seeds_that_tell)))

    @property
    def short_verdict(self) -> str:
        """The verdict in a few words."""
        if self.claimed is None:
            return "cannot be told from noise"
        if self.claimed:
            return {True: "better", False: "worse", None: "more than noise"}[self.better]
        # The interval of one metric may exclude 0, and the difference still be the one in many that does so by chance.
        among = f" among {self.metrics} metrics" if self.low is not None and not self._holds_zero else ""
        return f"no more than noise{among}"

    @property
    def advice(self) -> str:
        """Why nothing can be told, or how many seeds would tell; empty where the difference is more than noise."""
        return self.reason if self.claimed is None else "" if self.claimed else self._seeds_that_tell

    @property
    def _holds_zero(self) -> bool:
        return self.low is not None and self.high is not None and self.low <= 0 <= self.high

    @property
    def _seeds_that_tell(self) -> str:
        now = min(self.candidates.n, self.baselines.n)
        if self.seeds_needed is None:
            return f"more than {more_seeds.MAX_SEEDS:,} seeds a side would be needed to tell" if self.difference else ""
        return f"about {max(self.seeds_needed, now + 1)} seeds a side would tell such a difference (an estimate)"


def survivors(finished: int, started: int) -> str:
    """Say how many seeds finished: `n = 3`, or `3 of 5 seeds finished` where some did not."""
    return f"{finished} of {started} seeds finished" if finished < started else f"n = {finished}"


def group_runs(
    runs: Sequence[Run],
    metrics: Sequence[Metric],
    *,
    by_group: bool,
    identity: Callable[[Run], tuple[str, ...]] | None = None,
) -> tuple[SeedGroup, ...]:
    """Collect finished runs by group, in the order in which the groups first appear; else one group for each run.

    `identity` tells groups apart; without it their names do. A group without a finished run is left out.
    """
    if not by_group:
        return tuple(SeedGroup(run, (run,), 1) for run in runs if run.finished)
    key_of = identity or _by_name
    groups: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        groups.setdefault(key_of(run), []).append(run)
    finished = ((tuple(run for run in members if run.finished), len(members)) for members in groups.values())
    return tuple(_seed_group(members, metrics, started) for members, started in finished if members)


def _by_name(run: Run) -> tuple[str, ...]:
    return ("group", run.group) if run.group else ("run", run.id)


def _seed_group(members: tuple[Run, ...], metrics: Sequence[Metric], started: int) -> SeedGroup:
    if not members[0].group:
        return SeedGroup(members[0], members, started)
    means = {}
    for metric in metrics:
        values = finite_values(members, metric)
        # A mean over fewer members would hide that a seed lacks the metric.
        if len(values) == len(members):
            means[metric.name] = mean(values)
    best = best_run(members, metrics) or members[0]
    group = SeedGroup(best, members, started)
    return replace(group, run=replace(best, name=f"{best.group} ({group.survivors})", summary=means))


def _spread(group: SeedGroup, metric: Metric) -> Spread:
    values = finite_values(group.members, metric)
    deviation = math.sqrt(estimate.variance(values)) if len(values) > 1 else None
    finished = len(group.members)
    return Spread(mean(values), deviation, len(values), finished, max(group.started, finished))


def compare_seeds(
    candidate: SeedGroup, baseline: SeedGroup, metrics: Sequence[Metric], choice: Choice = NO_CHOICE
) -> tuple[SeedComparison, ...]:
    """Compare the seeds of a group with those of one baseline group, by each metric of which both have a finite value.

    A metric that only some seeds of a group have is among them: nothing can be told of it.

    `choice` says out of how many groups the two were chosen by their values.
    """
    compared = [metric for metric in metrics if all(finite_values(group.members, metric) for group in (candidate, baseline))]
    estimates = [estimate_metric(candidate.members, baseline.members, metric.name) for metric in compared]
    corrected = holm.adjust([estimated.probability() for estimated in estimates], choice.factor)
    return tuple(
        _comparison(metric, (candidate, baseline), estimated, probability, len(compared), choice)
        for metric, estimated, probability in zip(compared, estimates, corrected, strict=True)
    )


def _comparison(
    metric: Metric,
    groups: tuple[SeedGroup, SeedGroup],
    estimated: Estimate,
    probability: float | None,
    tests: int,
    choice: Choice,
) -> SeedComparison:
    candidates, baselines = (_spread(group, metric) for group in groups)
    half_width = estimated.half_width(ERROR / choice.factor)
    deviations = (candidates.deviation or 0.0, baselines.deviation or 0.0)
    needed = more_seeds.seeds_a_side(estimated.difference, deviations, ERROR / tests / choice.factor)
    return SeedComparison(
        metric=metric,
        candidates=candidates,
        baselines=baselines,
        difference=estimated.difference,
        low=None if half_width is None else estimated.difference - half_width,
        high=None if half_width is None else estimated.difference + half_width,
        probability=probability,
        paired=estimated.paired,
        seeds_needed=None if half_width is None else needed,
        reason=estimated.reason,
        metrics=tests,
        choice=choice,
        against=groups[1].run.title,
    )
