"""Which values of a metric are better: as the user says, else by the gates, else as the tracker was told, else by the name.

A gate's operator tells what its author wants: `toxicity <= baseline` asks for less, whatever the name suggests. Two gates in
opposite directions make a band (`x >= 0.4`, `x <= 0.6`). Its author wants neither more nor less, so that the gates decide
nothing, and the name decides nothing either. `==` and `!=` tell no direction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mlops_actions.core.gates import DIRECTIONS, Gate
from mlops_actions.core.runs import Run
from mlops_actions.wandb_runs.metrics.metric import GATE, GIVEN, INFERRED, MAX, MIN, TRACKER, Metric
from mlops_actions.wandb_runs.metrics.names import infer_direction
from mlops_actions.wandb_runs.metrics.patterns import matches

_WORDS = {MAX: "higher", MIN: "lower"}


@dataclass(frozen=True)
class Contradiction:
    """Two inputs that contradict each other, and what to do about it."""

    cause: str
    remedy: str


def of_gates(gates: Sequence[Gate]) -> Mapping[str, str]:
    """Return the direction by the gates of each metric that one compares by size; empty for a band."""
    directions: dict[str, set[str]] = {}
    for gate in gates:
        if direction := DIRECTIONS.get(gate.operator):
            directions.setdefault(gate.metric, set()).add(direction)
    return {name: next(iter(found)) if len(found) == 1 else "" for name, found in directions.items()}


def with_directions(
    metrics: Sequence[Metric], runs: Sequence[Run], gates: Sequence[Gate] = (), select_by: Metric | None = None
) -> tuple[Metric, ...]:
    """Fill in the directions that the input `metrics` does not give."""
    by_gates = of_gates(gates)
    return tuple(metric if metric.direction else _with_direction(metric, runs, by_gates, select_by) for metric in metrics)


def _with_direction(metric: Metric, runs: Sequence[Run], by_gates: Mapping[str, str], select_by: Metric | None) -> Metric:
    if select_by and select_by.name == metric.name and select_by.direction:
        return replace(metric, direction=select_by.direction, source=GIVEN)
    if direction := by_gates.get(metric.name):
        return replace(metric, direction=direction, source=GATE)
    for run in runs:
        if direction := run.directions.get(metric.name):
            return replace(metric, direction=direction, source=TRACKER)
    if metric.name in by_gates:
        return metric
    # `loss.min` is the minimum that the tracker keeps of `loss`. A minimum is kept where lower is better, unless the name of
    # what is kept says the opposite: `acc.min` beside `acc.max` is the worst of a run.
    base, _, aggregate = metric.name.rpartition(".")
    if base and aggregate in (MIN, MAX):
        contradicted = infer_direction(base) not in ("", aggregate)
        return metric if contradicted else replace(metric, direction=aggregate, source=TRACKER)
    direction = infer_direction(metric.name)
    return replace(metric, direction=direction, source=INFERRED) if direction else metric


def disagreements(metrics: Sequence[Metric], runs: Sequence[Run]) -> Iterator[str]:
    """Yield a sentence for each metric of which the training, or the name, says the opposite of the inputs."""
    for metric in metrics:
        hint = next((hint for run in runs if (hint := run.directions.get(metric.name))), "")
        by_name, wanted = infer_direction(metric.name), _WORDS.get(metric.direction, "")
        if hint and metric.source in (GIVEN, GATE) and hint != metric.direction:
            yield (
                f"The training says that {_WORDS[hint]} values of {metric.name} are better, the inputs say {wanted} ones: "
                "the inputs count."
            )
        elif by_name and metric.source == GATE and by_name != metric.direction:
            yield (
                f"By its name {metric.name} is better the other way round, its gate asks for {wanted} values: the gate "
                f"counts. If it only guards against odd values, give {metric.name}:{by_name}, and a gate for the other end."
            )


def given(metric: Metric, metrics: Sequence[Metric], gates: Sequence[Gate]) -> str:
    """Return the direction that the inputs give a metric: `select-by` itself, then `metrics`, then the gates; else empty."""
    by_name = (other.direction for other in metrics if other.direction and _is_about(other, metric.name, metrics))
    return metric.direction or next(by_name, "") or of_gates(gates).get(metric.name, "")


def complete(metric: Metric, metrics: Sequence[Metric], gates: Sequence[Gate]) -> Metric:
    """Return a metric with the direction that the inputs give it."""
    return replace(metric, direction=given(metric, metrics, gates), source=metric.source or GIVEN)


def contradictions(metrics: Sequence[Metric], select_by: Metric | None, gates: Sequence[Gate]) -> Iterator[Contradiction]:
    """Yield what the inputs `metrics`, `select-by` and `gates` say against each other; a band contradicts nothing."""
    given = [("metrics", metric) for metric in metrics if metric.direction]
    if select_by and select_by.direction:
        for metric in metrics:
            if metric.name == select_by.name and metric.direction not in ("", select_by.direction):
                yield Contradiction(
                    f"input 'select-by' says {select_by.label}, but input 'metrics' says {metric.label}",
                    "give the metric one direction",
                )
        given.insert(0, ("select-by", select_by))
    for name, direction in of_gates(gates).items():
        about = [(source, metric) for source, metric in given if _is_about(metric, name, metrics)]
        for source, metric in about[:1] if direction else ():
            if metric.direction == direction:
                continue
            gate = next(gate for gate in gates if gate.metric == name and gate.operator in DIRECTIONS)
            yield Contradiction(
                f"input '{source}' says that {_WORDS[metric.direction]} values of {name} are better ({metric.label}), "
                f"but the gate {gate.text!r} asks for {_WORDS[direction]} ones",
                f"write {name}:{direction}, or turn the gate's comparison round; a gate that only guards against odd values "
                "needs one for the other side too",
            )
    yield from _empty_bands(gates)


def _is_about(metric: Metric, name: str, metrics: Sequence[Metric]) -> bool:
    if not metric.is_pattern:
        return metric.name == name
    named = any(other.name == name and not other.is_pattern for other in metrics)
    return not named and matches(metric.name, name)


def _empty_bands(gates: Sequence[Gate]) -> Iterator[Contradiction]:
    """Yield the pairs of gates with plain numbers that no value passes."""
    plain = [gate for gate in gates if not gate.reference]
    lower = [gate for gate in plain if DIRECTIONS.get(gate.operator) == MAX]
    upper = [gate for gate in plain if DIRECTIONS.get(gate.operator) == MIN]
    for low in lower:
        for high in upper:
            edge = low.amount == high.amount and not (low.operator == ">=" and high.operator == "<=")
            if low.metric == high.metric and (low.amount > high.amount or edge):
                yield Contradiction(
                    f"no value of {low.metric} passes both gates {low.text!r} and {high.text!r}",
                    "correct one of them in 'gates': a band is two gates such as x >= 0.4 and x <= 0.6",
                )
