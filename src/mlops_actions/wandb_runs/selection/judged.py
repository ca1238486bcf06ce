"""Which of the finished candidates is judged: the best of them, their mean, every one, or the latest. Pure.

All gates are evaluated on the candidate that is chosen here, so that two gates cannot pass on two different candidates. With
`aggregate: group` a candidate is a group, otherwise it is a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mlops_actions.core.decimals import mean
from mlops_actions.core.runs import FINISHED, Run, finite_number, metric_value
from mlops_actions.wandb_runs.metrics.metric import Metric, finite_values
from mlops_actions.wandb_runs.selection.judges import ALL, BEST, LATEST, MEAN
from mlops_actions.wandb_runs.statistics.seeds import SeedGroup


@dataclass(frozen=True)
class Judged:
    """The candidate that is judged, and how it was chosen.

    `group` is what gates and comparison are about: one candidate, or with `mean` the mean of all. With `all` it is the one
    that decides: the worst by `by`, unless another one fails a gate. It is None where none can be chosen; then `reason` says
    why. `best` is the best candidate by `by`. `by` is None where no metric tells which candidate is better: then the newest
    one counts. `candidates` are all finished ones, newest first, and `tied` is how many others are as good as the best.
    """

    judge: str = BEST
    group: SeedGroup | None = None
    best: SeedGroup | None = None
    candidates: tuple[SeedGroup, ...] = ()
    by: Metric | None = None
    tied: int = 0
    reason: str = ""
    by_group: bool = False

    @property
    def choice(self) -> str:
        """How the judged candidate was chosen, in words: `the best of 20 candidates by accuracy`."""
        number = len(self.candidates)
        if number == 1:
            return f"the only finished {self.noun}"
        among = f"{number} {self.noun}s"
        if self.judge == ALL:
            return f"the one that decides of {among}, each of which must pass"
        if self.judge == MEAN:
            return f"the mean of {among}"
        if self.judge == LATEST:
            return f"the latest of {among}"
        if self.by is None:
            return f"the latest of {among}, since no metric tells which is best"
        tied = f", together with {self.tied} as good" if self.tied else ""
        return f"the best of {among} by {self.by.name}{tied}"

    @property
    def noun(self) -> str:
        """What was chosen among: `candidate`, or groups of them."""
        return "candidate group" if self.by_group else "candidate"

    @property
    def run(self) -> Run | None:
        """The run that is judged; it represents a group, or with `mean` all candidates."""
        return self.group.run if self.group else None

    @property
    def seeds(self) -> SeedGroup | None:
        """The one group whose seeds are compared. The mean of several groups is none: their differences are not noise."""
        is_one = self.judge != MEAN or len(self.candidates) == 1
        return self.group if self.by_group and is_one else None

    @property
    def run_id(self) -> str:
        """The id of the judged run; empty where no single candidate is judged."""
        return self.group.run.id if self.group else ""

    @property
    def selected_by(self) -> str:
        """The metric that chose the judged one of several candidates (`val_accuracy:max`); empty where none did."""
        chosen = len(self.candidates) > 1 and self.group and self.judge == BEST
        return self.by.label if chosen and self.by else ""

    @property
    def accepted(self) -> SeedGroup | None:
        """The candidate that a passed verdict is about, which may be promoted; None for a mean, which is no model."""
        if self.judge == MEAN:
            return None
        # Where all of them passed, the best one did.
        return self.best if self.judge == ALL else self.group

    def decided_by(self, run: Run | None) -> Judged:
        """Return this choice with another candidate as the one that decides, the candidate that `run` represents."""
        group = next((group for group in self.candidates if run is not None and group.run.id == run.id), None)
        return replace(self, group=group) if group else self


def choose(
    candidates: Sequence[SeedGroup],
    *,
    judge: str,
    ranking: Sequence[Metric],
    metrics: Sequence[Metric],
    select_by: bool = False,
    by_group: bool = False,
) -> Judged:
    """Choose among finished candidates, newest first.

    The first metric of `ranking` with a direction and a value decides which is best. `select_by` is whether the user named
    that metric: then no other one, and not the date either, takes its place. `metrics` are all that a mean is taken of.
    """
    chosen = Judged(judge=judge, candidates=tuple(candidates), by_group=by_group)
    if not candidates:
        return replace(chosen, reason="no candidate finished")
    runs = [group.run for group in candidates]
    by = next((metric for metric in ranking if metric.best(finite_values(runs, metric)) is not None), None)
    best, tied = _best(candidates, by)
    if select_by and by is None and len(candidates) > 1:
        reason = f"no finished candidate has a finite value of {ranking[0].name}, by which 'select-by' chooses"
        # What all candidates fulfil, and what the latest fulfils, can be told without a best one.
        return replace(chosen, group=_group(chosen, None, None, metrics), reason=reason)
    return replace(chosen, group=_group(chosen, best, by, metrics), best=best, by=by, tied=tied)


def _group(chosen: Judged, best: SeedGroup | None, by: Metric | None, metrics: Sequence[Metric]) -> SeedGroup | None:
    judge, candidates = chosen.judge, chosen.candidates
    if judge == MEAN and len(candidates) > 1:
        return _mean(candidates, metrics, chosen.noun)
    if judge == ALL:
        return _worst(candidates, by)
    return candidates[0] if judge in (LATEST, MEAN) else best


def _best(candidates: Sequence[SeedGroup], by: Metric | None) -> tuple[SeedGroup, int]:
    """Return the best candidate, the newest of equal ones, and how many are equal; without a metric the newest of all."""
    best = by.best(finite_values([group.run for group in candidates], by)) if by else None
    if by is None or best is None:
        return candidates[0], 0
    equal = [group for group in candidates if _value(group, by) == best]
    return equal[0], len(equal) - 1


def _worst(candidates: Sequence[SeedGroup], by: Metric | None) -> SeedGroup:
    """Return the worst candidate: one without a value, else the newest of those with the worst value."""
    if by is None:
        return candidates[0]
    worst = by.worst(finite_values([group.run for group in candidates], by))
    without = (group for group in candidates if _value(group, by) is None)
    return next(without, None) or next(group for group in candidates if _value(group, by) == worst)


def _mean(candidates: Sequence[SeedGroup], metrics: Sequence[Metric], noun: str) -> SeedGroup:
    """Return the mean of all candidates, each of which counts once. It is no run: it has no id and no page."""
    runs, means = [group.run for group in candidates], {}
    for metric in metrics:
        values = finite_values(runs, metric)
        # A mean over fewer candidates would hide that one lacks the metric.
        if len(values) == len(runs):
            means[metric.name] = mean(values)
    first = runs[0]
    run = Run(
        id="",
        name=f"mean of {len(runs)} {noun}s",
        state=FINISHED,
        url="",
        entity=first.entity,
        project=first.project,
        summary=means,
    )
    return SeedGroup(run, tuple(run for group in candidates for run in group.members))


def _value(group: SeedGroup, metric: Metric) -> float | None:
    return finite_number(metric_value(group.run, metric.name))
