"""Metrics and their directions: as the user says, else as the tracker was told, else as the name suggests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from mlops_actions.core.runs import Run, finite_number, metric_value

MIN, MAX = "min", "max"
GIVEN, TRACKER, INFERRED = "given", "tracker", "inferred"

# Words in names that imply a direction, as training scripts commonly name their metrics.
_LOWER = frozenset({"loss", "error", "err", "mse", "rmse", "mae", "mape", "nll", "perplexity", "ppl", "wer", "cer"}) | {
    "latency", "runtime", "duration", "time", "fpr", "fnr", "regret", "cost",
}  # fmt: skip
_HIGHER = frozenset({"acc", "accuracy", "auc", "auroc", "f1", "precision", "recall", "score", "r2", "bleu", "rouge"}) | {
    "map", "iou", "dice", "reward", "return", "throughput", "top1", "top5",
}  # fmt: skip


@dataclass(frozen=True)
class Metric:
    """A metric of the report. `direction` is `min`, `max` or empty; `source` says where the direction comes from."""

    name: str
    direction: str = ""
    source: str = ""

    @property
    def arrow(self) -> str:
        """↑ where higher is better, ↓ where lower is better."""
        return {MAX: "↑", MIN: "↓"}.get(self.direction, "")

    def better(self, value: float, than: float) -> bool:
        """Return whether a value is strictly better; False where the direction is not known."""
        return value > than if self.direction == MAX else value < than if self.direction == MIN else False

    def best(self, values: Iterable[float]) -> float | None:
        """Return the best of some numbers; None where there are none, or the direction is not known."""
        numbers = list(values)
        if not numbers or not self.direction:
            return None
        return max(numbers) if self.direction == MAX else min(numbers)


def parse(entries: Sequence[str]) -> tuple[Metric, ...]:
    """Parse `name`, `name:min` and `name:max`; a name given twice is one metric. Raises ValueError.

    Any other colon belongs to the name.
    """
    metrics: dict[str, Metric] = {}
    for entry in entries:
        name, colon, direction = entry.rpartition(":")
        if colon and direction.strip().lower() in (MIN, MAX):
            metric = Metric(name.strip(), direction.strip().lower(), GIVEN)
        else:
            metric = Metric(entry.strip())
        if not metric.name:
            raise ValueError(f"has a metric without a name: {entry!r}")
        earlier = metrics.get(metric.name)
        if earlier and earlier.direction and metric.direction and earlier.direction != metric.direction:
            raise ValueError(f"gives {metric.name!r} two directions")
        if not earlier or metric.direction:
            metrics[metric.name] = metric
    return tuple(metrics.values())


def with_directions(metrics: Sequence[Metric], runs: Sequence[Run]) -> tuple[Metric, ...]:
    """Fill in the directions that the user did not give."""
    return tuple(metric if metric.direction else _with_direction(metric, runs) for metric in metrics)


def _with_direction(metric: Metric, runs: Sequence[Run]) -> Metric:
    # `loss.min` is the minimum that the tracker keeps of `loss`: a minimum is kept where lower is better.
    base, _, aggregate = metric.name.rpartition(".")
    if base and aggregate in (MIN, MAX):
        return Metric(metric.name, aggregate, TRACKER)
    for run in runs:
        if direction := run.directions.get(metric.name):
            return Metric(metric.name, direction, TRACKER)
    direction = infer_direction(metric.name)
    return Metric(metric.name, direction, INFERRED) if direction else metric


def infer_direction(name: str) -> str:
    """Return `min` or `max` by the words of a name; empty where they say nothing or contradict each other."""
    words = set(re.split(r"[^a-z0-9]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()))
    lower, higher = bool(words & _LOWER), bool(words & _HIGHER)
    return MIN if lower and not higher else MAX if higher and not lower else ""


def finite_values(runs: Sequence[Run], metric: Metric) -> list[float]:
    """Return the finite values of a metric over runs; runs without one are left out."""
    return [value for run in runs if (value := finite_number(metric_value(run, metric.name))) is not None]


def mean(values: Sequence[float]) -> float:
    """Return the arithmetic mean of finite numbers (at least one), also where their sum is beyond a float."""
    try:
        return fmean(values)
    except OverflowError:
        largest = max(map(abs, values))
        return largest * fmean(value / largest for value in values)


def best_run(runs: Sequence[Run], metrics: Sequence[Metric]) -> Run | None:
    """Return the best finished run by the first metric with a direction and a value; without one the newest (the first)."""
    finished = [run for run in runs if run.finished]
    for metric in metrics:
        best = metric.best(finite_values(finished, metric))
        if best is not None:
            return next(run for run in finished if finite_number(metric_value(run, metric.name)) == best)
    return finished[0] if finished else None
