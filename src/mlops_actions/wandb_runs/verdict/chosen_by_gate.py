"""A gate on the very metric by which the candidate was chosen: the doubt about it, and its size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlops_actions.core.decimals import mean, significant
from mlops_actions.core.gates import DIRECTIONS, Gate
from mlops_actions.core.runs import Run
from mlops_actions.wandb_runs.metrics.metric import Metric, finite_values
from mlops_actions.wandb_runs.selection.judged import Judged
from mlops_actions.wandb_runs.selection.judges import BEST
from mlops_actions.wandb_runs.statistics import chance

# No baseline is measured against a plain number: the size is told for a model that reaches it this seldom.
_RARELY = 0.05


def doubts(judged: Judged, gates: Sequence[Gate], baselines: Sequence[Run]) -> Iterator[str]:
    """Yield a sentence where the judged candidate is the best of several by a metric that a gate compares too.

    `baselines` are those that gates compare with, newest first: runs, or the representatives of groups. Of several such
    gates the sentence is about the one that is passed most easily.
    """
    by = judged.by
    values = finite_values([group.run for group in judged.candidates], by) if by else []
    if by is None or judged.judge != BEST or len(values) < 2:
        return
    references = finite_values(baselines, by)
    # A gate that asks for evidence counts the choices itself: it asks the more, the more candidates there are.
    gated = [
        gate
        for gate in gates
        if gate.metric == by.name and DIRECTIONS.get(gate.operator) == by.direction and not gate.confidence
    ]
    sizes = [(size, gate) for gate in gated if (size := _chance(gate, len(values), len(references))) is not None]
    if not sizes:
        return
    size, gate = max(sizes, key=lambda pair: pair[0])
    model = "an unchanged model" if gate.reference else f"a model that reaches the number in {_RARELY:.0%} of its runs"
    yield (
        f"Best of {len(values)} by the gated metric {by.name}: {model} passes such a gate ({gate.text}) "
        f"{_bound(gate, by, values, references)}{_times(size)}. Let another metric choose ('select-by'), or judge the mean, "
        "all or the latest ('judge')."
    )


def _chance(gate: Gate, candidates: int, baselines: int) -> float | None:
    """Return how often the best of some candidates passes by chance; None where there is nothing to compare with."""
    if not gate.reference:
        return chance.best_of_tries(candidates, _RARELY)
    if not baselines:
        return None
    if gate.reference == "mean":
        return chance.best_against_mean(candidates, baselines)
    return chance.best_against_best(candidates, 1 if gate.reference == "latest" else baselines)


def _bound(gate: Gate, by: Metric, values: Sequence[float], references: Sequence[float]) -> str:
    """Say whether the true number is larger or smaller: a tolerance, equal values and the form of the noise change it."""
    if not gate.reference:
        return ""
    best = by.best(references) or 0.0
    reference = {"mean": mean(references), "latest": references[0]}.get(gate.reference, best)
    required, reached = gate.required(reference), significant(reference)
    more, less = by.better(reached, required), by.better(required, reached)
    if len({*values, *references}) < len(values) + len(references):
        more, less = more or gate.operator in (">=", "<="), less or gate.operator in (">", "<")
    if gate.reference == "mean" and len(references) > 1 and not (more or less):
        return "about "
    return "about " if more and less else "at least " if more else "at most " if less else ""


def _times(size: float) -> str:
    times = round(size * 100)
    return "more than 99 times in 100" if times > 99 else f"{times} times in 100" if times != 1 else "once in 100 times"
