"""A metric: its name, its unit, which of its values are better, and its values over runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mlops_actions.core import runs as values_of
from mlops_actions.core.runs import Run, finite_number, metric_value

MIN, MAX = "min", "max"
GIVEN, GATE, TRACKER, INFERRED = "given", "gate", "tracker", "inferred"


@dataclass(frozen=True)
class Metric:
    """A metric of the report. `direction` is `min`, `max` or empty, and `source` says where it comes from.

    `unit` is shown beside values, and is empty where the user gave none. The `*` in a pattern's name stands for any text.
    """

    name: str
    direction: str = ""
    source: str = ""
    unit: str = ""
    is_pattern: bool = False

    @property
    def arrow(self) -> str:
        """↑ where higher is better, ↓ where lower is better."""
        return {MAX: "↑", MIN: "↓"}.get(self.direction, "")

    @property
    def label(self) -> str:
        """The name with its direction, as an input takes it: `loss:min`."""
        return f"{self.name}:{self.direction}" if self.direction else self.name

    def better(self, value: float, than: float) -> bool:
        """Return whether a value is strictly better; False where the direction is not known."""
        return value > than if self.direction == MAX else value < than if self.direction == MIN else False

    def best(self, values: Iterable[float]) -> float | None:
        """Return the best of some numbers; None where there are none, or the direction is not known."""
        numbers = list(values)
        if not numbers or not self.direction:
            return None
        return max(numbers) if self.direction == MAX else min(numbers)

    def worst(self, values: Iterable[float]) -> float | None:
        """Return the worst of some numbers; None where there are none, or the direction is not known."""
        numbers = list(values)
        if not numbers or not self.direction:
            return None
        return min(numbers) if self.direction == MAX else max(numbers)


def finite_values(runs: Sequence[Run], metric: Metric) -> list[float]:
    """Return the finite values of a metric over runs; runs without one are left out."""
    return values_of.finite_values(runs, metric.name)


def best_run(runs: Sequence[Run], metrics: Sequence[Metric]) -> Run | None:
    """Return the best finished run by the first metric with a direction and a value; without one the newest (the first)."""
    finished = [run for run in runs if run.finished]
    for metric in metrics:
        best = metric.best(finite_values(finished, metric))
        if best is not None:
            return next(run for run in finished if finite_number(metric_value(run, metric.name)) == best)
    return finished[0] if finished else None
