"""Evaluate gates on one run, the best candidate, so that two gates cannot pass on two different runs.

A missing value, or one that is no finite number, is a failure and never a pass. `core/gates.py` holds the grammar.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlops_actions.core.gates import Gate
from mlops_actions.core.runs import Run, finite_number, metric_value
from mlops_actions.wandb_runs.metrics.metric import MAX, MIN, Metric, finite_values, mean

# The direction that a comparison itself implies, where nothing else says which values are better.
_IMPLIED_DIRECTIONS = {">": MAX, ">=": MAX, "<": MIN, "<=": MIN}


@dataclass(frozen=True)
class GateResult:
    """The result of a gate: the two numbers it compared, or the reason why one of them is missing."""

    gate: Gate
    passed: bool
    value: float | None = None
    required: float | None = None
    reason: str = ""

    @property
    def explanation(self) -> str:
        """The reason of a failure, else the numbers."""
        return self.reason or f"{self.value} against {self.required}"


def evaluate(
    gates: Sequence[Gate], candidate: Run | None, baselines: Sequence[Run], metrics: Mapping[str, Metric]
) -> tuple[GateResult, ...]:
    """Evaluate every gate on the candidate; `baselines` are newest first, `metrics` maps names to directed metrics."""
    return tuple(_evaluate(gate, candidate, baselines, metrics.get(gate.metric, Metric(gate.metric))) for gate in gates)


def _evaluate(gate: Gate, candidate: Run | None, baselines: Sequence[Run], metric: Metric) -> GateResult:
    if candidate is None:
        return GateResult(gate, passed=False, reason="no candidate finished")
    value = finite_number(metric_value(candidate, gate.metric))
    required, reason = _required(gate, baselines, metric)
    if required is not None and not math.isfinite(required):
        required, reason = None, "the required number is not finite"
    if value is None:
        reason = f"{candidate.title} has no finite value of {gate.metric}"
        return GateResult(gate, passed=False, required=required, reason=reason)
    if required is None:
        return GateResult(gate, passed=False, value=value, reason=reason)
    return GateResult(gate, passed=gate.passes(value, required), value=value, required=required)


def _required(gate: Gate, baselines: Sequence[Run], metric: Metric) -> tuple[float | None, str]:
    """Return the required number, or None and the reason why there is none."""
    if not gate.reference:
        return gate.amount, ""
    values = finite_values(baselines, metric)
    if not values:
        return None, f"no baseline has a finite value of {gate.metric}"
    if gate.reference == "mean":
        return gate.required(mean(values)), ""
    if gate.reference == "latest":
        latest = finite_number(metric_value(baselines[0], gate.metric))
        if latest is None:
            return None, f"the latest baseline has no finite value of {gate.metric}"
        return gate.required(latest), ""
    direction = metric.direction or _IMPLIED_DIRECTIONS.get(gate.operator, "")
    best = Metric(gate.metric, direction).best(values)
    if best is None:
        return None, f"the direction of {gate.metric} is not known: write {gate.metric}:min or :max in 'metrics'"
    return gate.required(best), ""
