"""`judge: all`: each gate is evaluated on every finished candidate, and the worst one decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from mlops_actions.core.gates import DIRECTIONS
from mlops_actions.core.runs import Run
from mlops_actions.wandb_runs.statistics.seeds import SeedGroup
from mlops_actions.wandb_runs.verdict.gates import GateResult

# Evaluates all gates on one candidate.
Evaluate = Callable[[SeedGroup], tuple[GateResult, ...]]


def evaluate_all(candidates: Sequence[SeedGroup], evaluate: Evaluate) -> tuple[GateResult, ...]:
    """Return for each gate the result of the candidate that decides it, and name that candidate in `run`.

    It is the one that fails, else the one that comes nearest to failing. A failure without a number decides before one with.
    """
    by_candidate = [[replace(result, run=candidate.run) for result in evaluate(candidate)] for candidate in candidates]
    return tuple(min(results, key=_margin) for results in zip(*by_candidate, strict=True))


def decisive_run(results: Sequence[GateResult]) -> Run | None:
    """Return the candidate on which the first gate failed; None where all passed."""
    return next((result.run for result in results if result.failed), None)


def _margin(result: GateResult) -> tuple[bool, float]:
    """Return how far a result is from failing: failures first, and among them a missing value."""
    if result.value is None or result.required is None:
        return not result.failed, float("-inf")
    difference = (result.value if result.bound is None else result.bound) - result.required
    direction = DIRECTIONS.get(result.gate.operator)
    if direction == "min":
        difference = -difference
    elif direction is None:
        difference = abs(difference) if result.passed else -abs(difference)
    return not result.failed, difference
