"""Gates that ask for evidence (`… with 95% confidence`): the interval must fulfil them, not only the mean of the seeds.

The bound is that of the two-sided interval which the report shows. A gate looks at one end of it, so that a model exactly at
the required number passes at most half as often as the confidence allows; skewed noise uses up the other half.
`docs/statistics.md` gives the reasons. Nothing that cannot be told is a pass.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mlops_actions.core.gates import Gate
from mlops_actions.wandb_runs.metrics.metric import MAX, MIN, Metric, finite_values, mean
from mlops_actions.wandb_runs.statistics import estimate, more_seeds
from mlops_actions.wandb_runs.statistics.estimate import Estimate
from mlops_actions.wandb_runs.statistics.pairing import repeated_seeds
from mlops_actions.wandb_runs.statistics.seeds import (
    SeedComparison,
    SeedGroup,
    compare_seeds,
    estimate_metric,
    same_seed,
)
from mlops_actions.wandb_runs.values import tell_apart
from mlops_actions.wandb_runs.verdict.gates import GateResult

_TRAIN_MORE = f"; train at least {estimate.MIN_SEEDS} seeds on each side, better 5"


@dataclass(frozen=True)
class Seeds:
    """The groups of seeds that the gates compare: the judged one, and the baseline groups, newest first, with the bar.

    `choices` is the number of groups of candidates from which the judged one was chosen by its values.
    """

    judged: SeedGroup
    baselines: tuple[SeedGroup, ...] = ()
    bar: SeedGroup | None = None
    choices: int = 1

    def against(self, gate: Gate, metric: Metric) -> SeedGroup | None:
        """Return the one baseline group that a gate means: never several at once, whose spread is no group's noise."""
        if gate.reference == "latest":
            return self.baselines[0] if self.baselines else None
        if gate.reference in ("best", "mean"):
            return self.bar
        # `baseline` alone is the best value of this metric.
        direction = metric.direction or (MAX if gate.operator in (">", ">=") else MIN)
        runs = [group.run for group in self.baselines]
        best = Metric(metric.name, direction).best(finite_values(runs, metric))
        return next((group for group in self.baselines if best in finite_values([group.run], metric)), self.bar)


@dataclass(frozen=True)
class _Measured:
    """The mean over the seeds, the required number, and the baseline it comes from; the estimate is of their difference."""

    value: float
    required: float
    estimate: Estimate
    deviations: tuple[float, float]
    against: str = ""


def judge(gate: Gate, metric: Metric, seeds: Seeds) -> GateResult:
    """Judge one gate that has a `confidence`."""
    measured = _measured(gate, metric, seeds)
    if isinstance(measured, str):
        return GateResult(gate, passed=False, reason=measured)
    value, required = measured.value, measured.required
    if not math.isfinite(required):
        return GateResult(gate, passed=False, value=value, reason="the required number is not finite")
    error = (1 - gate.confidence / 100) / seeds.choices
    half_width = measured.estimate.half_width(error)
    if half_width is None:
        reason = (measured.estimate.reason or "the interval has no end") + _TRAIN_MORE
        return GateResult(gate, passed=False, value=value, required=required, reason=reason)
    bound = value - half_width if gate.operator in (">", ">=") else value + half_width
    passed = gate.passes(bound, required)
    reason = "" if passed else _failure(gate, measured, bound, error)
    against = measured.against
    return GateResult(gate, passed=passed, value=value, required=required, reason=reason, against=against, bound=bound)


def _measured(gate: Gate, metric: Metric, seeds: Seeds) -> _Measured | str:
    """Return the numbers of a gate, or the reason why there are none."""
    values = _values(seeds.judged, metric)
    if isinstance(values, str):
        return values
    if not gate.reference:
        estimated = estimate.of_number(values, gate.amount)
        if repeated_seeds(seeds.judged.members):
            estimated = Estimate(estimated.difference, reason=same_seed("candidate"))
        return _Measured(mean(values), gate.amount, estimated, (_deviation(values), 0.0))
    group = seeds.against(gate, metric)
    if group is None:
        return "there is no baseline"
    references = _values(group, metric)
    if isinstance(references, str):
        return references
    reference = mean(references)
    required = gate.required(reference)
    # The noise of the baseline counts as far as it moves the required number: `baseline - 1%` moves by 99 % of it.
    scale = required / reference if (gate.percent or gate.sign == "*") and reference else 1.0
    if not math.isfinite(scale):
        return "the required number is not finite"
    estimated = estimate_metric(seeds.judged.members, group.members, metric, scale=scale)
    # What is left is a number without noise, as in `baseline + 0.01`.
    margin = Estimate(mean(values) - required, estimated.tests, estimated.reason)
    deviations = (_deviation(values), abs(scale) * _deviation(references))
    return _Measured(mean(values), required, margin, deviations, group.run.title)


def _values(group: SeedGroup, metric: Metric) -> list[float] | str:
    """Return the metric of every seed, or the reason why it is not known of all."""
    values = finite_values(group.members, metric)
    if len(values) == len(group.members):
        return values
    missing, total = len(group.members) - len(values), len(group.members)
    return f"{missing} of {total} seeds of {group.run.title} have no finite value of {metric.name}"


def _failure(gate: Gate, measured: _Measured, bound: float, error: float) -> str:
    value, reached, required = tell_apart(measured.value, bound, measured.required)
    confidence = f"{gate.confidence:g} % confidence"
    if not gate.passes(measured.value, measured.required):
        return f"the mean of the seeds is {value}, required is {gate.operator} {required} with {confidence}"
    share = min((test.share for test in measured.estimate.tests), default=1.0) if not gate.reference else 1.0
    seeds = more_seeds.seeds_a_side(measured.estimate.difference, measured.deviations, error * share)
    side = " on each side" if gate.reference else ""
    advice = f"; about {seeds} seeds{side} would tell (an estimate)" if seeds else ""
    return (
        f"the mean of the seeds is {value}, but with {confidence} only {reached} is certain, and required is "
        f"{gate.operator} {required}{advice}"
    )


def _deviation(values: Sequence[float]) -> float:
    return math.sqrt(estimate.variance(values)) if len(values) > 1 else 0.0


def compare(seeds: Seeds, metrics: Sequence[Metric]) -> tuple[SeedComparison, ...]:
    """Compare the judged group with the bar, metric by metric; nothing where there is no bar."""
    if seeds.bar is None:
        return ()
    return compare_seeds(seeds.judged, seeds.bar, metrics, choices=seeds.choices)
