"""Evaluate gates on one run, the judged candidate, so that two gates cannot pass on two different runs.

A missing value, or one that is no finite number, is a failure and never a pass. `core/gates.py` holds the grammar.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from mlops_actions.core.decimals import mean, significant
from mlops_actions.core.gates import Gate
from mlops_actions.core.runs import Run, finite_number, metric_value
from mlops_actions.wandb_runs.metrics import directions
from mlops_actions.wandb_runs.metrics.metric import Metric, finite_values
from mlops_actions.wandb_runs.selection.baseline_bar import Bar
from mlops_actions.wandb_runs.verdict.no_baseline import FAIL, NO_BASELINE, PASS, NoBaseline

_NO_CANDIDATE = "no candidate finished"
_NEEDS_SEEDS = "evidence needs the seeds of a group: give 'aggregate: group'"


@dataclass(frozen=True)
class GateResult:
    """The result of a gate: the two numbers it compared, or the reason why one of them is missing.

    `against` names what the required number comes from: which baseline, out of how many. `judged` is False where there was
    no baseline to compare with, and the user chose that this is no failure. `run` is the candidate that decides where every
    candidate is judged, else None. `bound` is what a gate that asks for evidence compared instead of the value: the end of
    its interval.
    """

    gate: Gate
    passed: bool
    value: float | None = None
    required: float | None = None
    reason: str = ""
    against: str = ""
    judged: bool = True
    run: Run | None = None
    bound: float | None = None

    @property
    def failed(self) -> bool:
        """Whether the gate was judged, and did not pass."""
        return self.judged and not self.passed

    @property
    def explanation(self) -> str:
        """The reason of a failure, else the numbers and where the required one comes from."""
        if self.reason:
            return self.reason
        certain = "" if self.bound is None else f" ({self.bound} with {self.gate.confidence:g} % confidence)"
        return f"{self.value}{certain} against {self.required}" + (f": {self.against}" if self.against else "")


@dataclass(frozen=True)
class _Required:
    """The number to compare with, and what it comes from; or the reason why there is none."""

    number: float | None = None
    against: str = ""
    reason: str = ""


# Judges a gate that asks for evidence; see `evidence.py`.
Evidence = Callable[[Gate, Metric], GateResult]


def evaluate(
    gates: Sequence[Gate],
    candidate: Run | None,
    baselines: Sequence[Run],
    metrics: Mapping[str, Metric],
    *,
    bar: Bar | None = None,
    no_candidate: str = _NO_CANDIDATE,
    no_baseline: NoBaseline = NO_BASELINE,
    evidence: Evidence | None = None,
) -> tuple[GateResult, ...]:
    """Evaluate every gate on the candidate; `baselines` are newest first, `metrics` maps names to directed metrics.

    `bar` is the baseline that `baseline.best` means. `no_candidate` is the reason where there is no candidate, and
    `no_baseline` what a gate that compares with a baseline becomes where there is none. `evidence` judges the gates that
    ask for it, on the seeds of the candidate's group.
    """
    by_gates = directions.of_gates(gates)

    def result(gate: Gate) -> GateResult:
        if candidate is None:
            return GateResult(gate, passed=False, reason=no_candidate)
        if gate.reference and not baselines:
            return _without_baseline(gate, candidate, no_baseline)
        metric = metrics.get(gate.metric, Metric(gate.metric))
        metric = replace(metric, direction=metric.direction or by_gates.get(gate.metric, ""))
        if gate.confidence:
            return evidence(gate, metric) if evidence else GateResult(gate, passed=False, reason=_NEEDS_SEEDS)
        return _evaluate(gate, candidate, _required(gate, baselines, metric, bar))

    return tuple(map(result, gates))


def _without_baseline(gate: Gate, candidate: Run, no_baseline: NoBaseline) -> GateResult:
    value = _value(candidate, gate)
    if value is None:
        return GateResult(gate, passed=False, reason=_no_value(candidate, gate))
    passed, judged = no_baseline.policy == PASS, no_baseline.policy == FAIL
    return GateResult(gate, passed=passed, value=value, reason=no_baseline.reason, judged=judged)


def _evaluate(gate: Gate, candidate: Run, required: _Required) -> GateResult:
    value = _value(candidate, gate)
    if required.number is not None and not math.isfinite(required.number):
        required = _Required(reason="the required number is not finite")
    if value is None:
        reason = _no_value(candidate, gate)
        return GateResult(gate, passed=False, required=required.number, reason=reason, against=required.against)
    if required.number is None:
        return GateResult(gate, passed=False, value=value, reason=required.reason)
    passed = gate.passes(value, required.number)
    return GateResult(gate, passed=passed, value=value, required=required.number, against=required.against)


def _value(candidate: Run, gate: Gate) -> float | None:
    """Return the number that the gate compares, with the digits that count."""
    value = finite_number(metric_value(candidate, gate.metric))
    return None if value is None else significant(value)


def _no_value(candidate: Run, gate: Gate) -> str:
    return f"{candidate.title} has no finite value of {gate.metric}"


def _required(gate: Gate, baselines: Sequence[Run], metric: Metric, bar: Bar | None) -> _Required:
    if not gate.reference:
        return _Required(gate.required(gate.amount))
    values, total = finite_values(baselines, metric), len(baselines)
    noun = bar.noun if bar else "baseline"
    baselines_text = f"{total} {noun}s" if total > 1 else f"1 {noun}"
    if not values:
        return _Required(reason=f"no baseline has a finite value of {gate.metric}")
    if gate.reference == "mean":
        known = f"{len(values)} of {baselines_text}" if len(values) < total else baselines_text
        return _Required(gate.required(mean(values)), f"mean of {known}")
    if gate.reference == "latest":
        return _of_run(gate, baselines[0], f"the latest of {baselines_text}" if total > 1 else f"the only {noun}")
    if gate.reference == "best":
        return _of_run(gate, bar.run, bar.choice) if bar else _Required(reason="no baseline is known to be the best")
    best = metric.best(values)
    if best is None:
        return _Required(reason=f"the direction of {gate.metric} is not known: write {gate.metric}:min or :max in 'metrics'")
    holder = next(run for run in baselines if finite_number(metric_value(run, gate.metric)) == best)
    among = f"the best {gate.metric} of {baselines_text}" if total > 1 else f"the only {noun}"
    return _Required(gate.required(best), f"{holder.title}, {among}")


def _of_run(gate: Gate, run: Run, choice: str) -> _Required:
    value = finite_number(metric_value(run, gate.metric))
    if value is None:
        return _Required(reason=f"{run.title}, {choice}, has no finite value of {gate.metric}")
    return _Required(gate.required(value), f"{run.title}, {choice}")
