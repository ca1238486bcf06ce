"""Gates that ask for evidence (`… with 95% confidence`): the interval must fulfil them, not only the mean of the seeds.

The bound is that of the two-sided interval which the report shows. A gate looks at one end of it, so that a model exactly at
the required number passes at most half as often as the confidence allows; skewed noise uses up the other half.
`docs/statistics.md` gives the reasons. Nothing that cannot be told is a pass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from mlops_actions.core.gates import Gate
from mlops_actions.core.statistics import estimate, of_runs
from mlops_actions.core.statistics.of_runs import Margin
from mlops_actions.wandb_runs.metrics.metric import MAX, MIN, Metric, finite_values
from mlops_actions.wandb_runs.statistics import more_seeds
from mlops_actions.wandb_runs.statistics.seeds import SeedGroup
from mlops_actions.wandb_runs.values import tell_apart
from mlops_actions.wandb_runs.verdict.gates import GateResult

_TRAIN_MORE = f"; train at least {estimate.MIN_SEEDS} seeds on each side, better 5"


@dataclass(frozen=True)
class Seeds:
    """The groups of seeds that the gates compare: the judged one, and the baseline groups, newest first, with the bar.

    `candidates` is the number of groups from which the judged one was chosen by its values, and `bar_by` the metric by which
    the bar is the best of all baselines (None: values did not choose it).
    """

    judged: SeedGroup
    baselines: tuple[SeedGroup, ...] = ()
    bar: SeedGroup | None = None
    candidates: int = 1
    bar_by: Metric | None = None

    def choices(self, gate: Gate) -> int:
        """Return by what number the choice of the groups divides the gate's error."""
        by = (self.bar_by.name, self.bar_by.direction) if self.bar_by else None
        return of_runs.choices(gate, self.candidates, len(self.baselines), by)

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


def judge(gate: Gate, metric: Metric, seeds: Seeds) -> GateResult:
    """Judge one gate that has a `confidence`."""
    group = seeds.against(gate, metric) if gate.reference else None
    if gate.reference and group is None:
        return GateResult(gate, passed=False, reason="there is no baseline")
    missing = _missing(seeds.judged, metric) or (_missing(group, metric) if group else "")
    if missing:
        return GateResult(gate, passed=False, reason=missing)
    margin = of_runs.margin(gate, seeds.judged.members, group.members if group else ())
    value, required = margin.value, margin.required
    if not math.isfinite(required):
        return GateResult(gate, passed=False, value=value, reason="the required number is not finite")
    bound = margin.bound(seeds.choices(gate))
    if bound is None:
        reason = (margin.estimate.reason or "the interval has no end") + _TRAIN_MORE
        return GateResult(gate, passed=False, value=value, required=required, reason=reason)
    passed = gate.passes(bound, required)
    reason = "" if passed else _failure(margin, bound, seeds, len(group.members) if group else 0)
    against = group.run.title if group else ""
    return GateResult(gate, passed=passed, value=value, required=required, reason=reason, against=against, bound=bound)


def _missing(group: SeedGroup, metric: Metric) -> str:
    """Return the reason why the metric is not known of every seed; empty where it is."""
    missing, total = len(group.members) - len(finite_values(group.members, metric)), len(group.members)
    return f"{missing} of {total} seeds of {group.run.title} have no finite value of {metric.name}" if missing else ""


def _failure(margin: Margin, bound: float, seeds: Seeds, references: int) -> str:
    """Say why the evidence is too weak; `references` is the number of the baseline's seeds, 0 for a number."""
    gate, choices = margin.gate, seeds.choices(margin.gate)
    value, reached, required = tell_apart(margin.value, bound, margin.required)
    confidence = f"{gate.confidence:g} % confidence"
    if not gate.passes(margin.value, margin.required):
        return f"the mean of the seeds is {value}, required is {gate.operator} {required} with {confidence}"
    share = min((test.share for test in margin.estimate.tests), default=1.0) if not gate.reference else 1.0
    needed = more_seeds.seeds_a_side(margin.estimate.difference, margin.deviations, margin.error(choices) * share)
    now = min(len(seeds.judged.members), references or len(seeds.judged.members))
    side = " on each side" if gate.reference else ""
    # As many as there are did not tell.
    advice = f"; about {max(needed, now + 1)} seeds{side} would tell (an estimate)" if needed else ""
    if choices > 1:
        confidence += f" for the best of {choices} groups"
    return (
        f"the mean of the seeds is {value}, but with {confidence} only {reached} is certain, and required is "
        f"{gate.operator} {required}{advice}"
    )
