"""Estimate a difference between two groups of runs, and the end of its interval that a gate with evidence compares. Pure.

wandb-runs judges by this, and `mlops-actions verify` judges again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mlops_actions.core.decimals import mean, significant, subtract
from mlops_actions.core.gates import DIRECTIONS, Gate
from mlops_actions.core.runs import Run, finite_values
from mlops_actions.core.statistics import estimate
from mlops_actions.core.statistics.estimate import Estimate
from mlops_actions.core.statistics.pairing import pair_up, repeated_seeds


def estimate_metric(candidates: Sequence[Run], baselines: Sequence[Run], metric: str, *, scale: float = 1.0) -> Estimate:
    """Estimate the mean of a metric minus `scale` times that of the baselines, paired where the seeds allow it.

    Both sides have at least one run with a finite value. Where another run has none, nothing can be told: a seed that
    diverged is no random choice. Nor where runs of a side are known to repeat a seed: their spread is smaller than that of
    seeds.
    """
    ours, theirs = finite_values(candidates, metric), finite_values(baselines, metric)
    for side, runs in (("candidate", candidates), ("baseline", baselines)):
        reason = lacking(runs, metric, f"{side} seeds") or (_same_seed(side) if repeated_seeds(runs) else "")
        if reason:
            return Estimate(mean(ours) - scale * mean(theirs), reason=reason)
    pairs = pair_up(candidates, baselines)
    if pairs:
        ours, theirs = (finite_values(side, metric) for side in zip(*pairs, strict=True))
    return estimate.of_groups(ours, theirs, scale=scale, paired=bool(pairs))


def lacking(runs: Sequence[Run], metric: str, noun: str) -> str:
    """Say how many of some runs have no finite value: `2 of 5 seeds have …`; empty where each of them has one, or none."""
    known = len(finite_values(runs, metric))
    missing = len(runs) - known
    return (
        f"{missing} of {len(runs)} {noun} {'has' if missing == 1 else 'have'} no finite value" if known and missing else ""
    )


def _same_seed(side: str) -> str:
    return f"{side} runs have the same seed, so that their spread is not that of seeds"


@dataclass(frozen=True)
class Margin:
    """What a gate with evidence compares: the mean of the seeds, the required number, and an estimate of their difference.

    `deviations` are the spreads of both sides, the baseline's as far as it moves the required number.
    """

    gate: Gate
    value: float
    required: float
    estimate: Estimate
    deviations: tuple[float, float]

    def error(self, choices: int) -> float:
        """Return the error that the gate allows; `choices` is the result of the function `choices`."""
        return (1 - self.gate.confidence / 100) / choices

    def bound(self, choices: int) -> float | None:
        """Return the end of the interval that must fulfil the gate; None where the seeds cannot tell one."""
        half_width = self.estimate.half_width(self.error(choices)) if math.isfinite(self.required) else None
        if half_width is None:
            return None
        return significant(self.value - half_width if self.gate.operator in (">", ">=") else self.value + half_width)


def choices(gate: Gate, candidates: int, baselines: int, bar_by: tuple[str, str] | None) -> int:
    """Return by what number the choice of the two groups divides the error of a gate.

    `candidates` is the number of groups from which the judged one was chosen by its values, `baselines` that from which the
    bar was, as the best by `bar_by`: a metric and its direction (None: values did not choose it).
    """
    # The best bar by the gate's own metric is seen too high, if at all: that makes the gate only stricter. The best by
    # another metric can be the worst by the gate's, where the two trade off.
    is_own = bar_by is None or bar_by == (gate.metric, DIRECTIONS[gate.operator])
    return candidates if is_own or gate.reference not in ("best", "mean") else max(candidates, baselines)


def margin(gate: Gate, judged: Sequence[Run], baseline: Sequence[Run]) -> Margin:
    """Return what a gate compares, of the judged seeds and of the one baseline group that it means (none for a number).

    Every run has a finite value of the gate's metric.
    """
    values = finite_values(judged, gate.metric)
    value = significant(mean(values))
    if not gate.reference:
        estimated = estimate.of_number(values, gate.amount)
        if repeated_seeds(judged):
            estimated = Estimate(estimated.difference, reason=_same_seed("candidate"))
        return Margin(gate, value, gate.required(gate.amount), estimated, (_deviation(values), 0.0))
    references = finite_values(baseline, gate.metric)
    reference = mean(references)
    required = gate.required(reference)
    # The noise of the baseline counts as far as it moves the required number: `baseline - 1%` moves by 99 % of it.
    scale = required / reference if (gate.percent or gate.sign == "*") and reference else 1.0
    if not math.isfinite(scale):
        return Margin(gate, value, math.inf, Estimate(math.inf), (0.0, 0.0))
    estimated = estimate_metric(judged, baseline, gate.metric, scale=scale)
    # What is left is a number without noise, as in `baseline + 0.01`.
    left = Estimate(subtract(value, required), estimated.tests, estimated.reason)
    return Margin(gate, value, required, left, (_deviation(values), abs(scale) * _deviation(references)))


def _deviation(values: Sequence[float]) -> float:
    return math.sqrt(estimate.variance(values)) if len(values) > 1 else 0.0
