"""Metrics and which way is better: as the user says, else as W&B was told, else as the name suggests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from mlops_actions.wandb_runs.model import Run, metric_value, number

MIN, MAX = "min", "max"
GIVEN, TRACKER, INFERRED = "given", "tracker", "inferred"

# Words of names that say which way is better, as training scripts commonly call their metrics.
_LOWER = frozenset({"loss", "error", "err", "mse", "rmse", "mae", "mape", "nll", "perplexity", "ppl", "wer", "cer"}) | {
    "latency", "runtime", "duration", "time", "fpr", "fnr", "regret", "cost",
}  # fmt: skip
_HIGHER = frozenset({"acc", "accuracy", "auc", "auroc", "f1", "precision", "recall", "score", "r2", "bleu", "rouge"}) | {
    "map", "iou", "dice", "reward", "return", "throughput", "top1", "top5",
}  # fmt: skip


@dataclass(frozen=True)
class Metric:
    """A metric as the report shows it. `direction` is `min`, `max` or empty; `source` says who says so."""

    name: str
    direction: str = ""
    source: str = ""

    @property
    def arrow(self) -> str:
        """↑ where more is better, ↓ where less is."""
        return {MAX: "↑", MIN: "↓"}.get(self.direction, "")

    def better(self, value: float, than: float) -> bool:
        """Whether a value is strictly better; never, where no direction is known."""
        return value > than if self.direction == MAX else value < than if self.direction == MIN else False

    def best(self, values: Iterable[float]) -> float | None:
        """The best of some numbers; None where there is none or no direction is known."""
        found = list(values)
        if not found or not self.direction:
            return None
        return max(found) if self.direction == MAX else min(found)


def parse(entries: Sequence[str]) -> tuple[Metric, ...]:
    """Read `name`, `name:min` and `name:max`; a name given twice is one metric. Raises ValueError.

    Any other colon belongs to the name.
    """
    found: dict[str, Metric] = {}
    for entry in entries:
        name, colon, direction = entry.rpartition(":")
        if colon and direction.strip().lower() in (MIN, MAX):
            metric = Metric(name.strip(), direction.strip().lower(), GIVEN)
        else:
            metric = Metric(entry.strip())
        if not metric.name:
            raise ValueError(f"has a metric without a name: {entry!r}")
        earlier = found.get(metric.name)
        if earlier and earlier.direction and metric.direction and earlier.direction != metric.direction:
            raise ValueError(f"gives {metric.name!r} two directions")
        if not earlier or metric.direction:
            found[metric.name] = metric
    return tuple(found.values())


def directed(metrics: Sequence[Metric], runs: Sequence[Run]) -> tuple[Metric, ...]:
    """Fill in the directions that were not given."""
    return tuple(metric if metric.direction else _directed(metric, runs) for metric in metrics)


def _directed(metric: Metric, runs: Sequence[Run]) -> Metric:
    # `loss.min` is the least that W&B kept of `loss`, which says that less is better.
    base, _, kept = metric.name.rpartition(".")
    if base and kept in (MIN, MAX):
        return Metric(metric.name, kept, TRACKER)
    for run in runs:
        if hint := run.hints.get(metric.name):
            return Metric(metric.name, hint, TRACKER)
    return Metric(metric.name, guess, INFERRED) if (guess := infer(metric.name)) else metric


def infer(name: str) -> str:
    """`min` or `max` by the words of a name, empty where they say nothing or contradict each other."""
    words = set(re.split(r"[^a-z0-9]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()))
    lower, higher = bool(words & _LOWER), bool(words & _HIGHER)
    return MIN if lower and not higher else MAX if higher and not lower else ""


def numbers(runs: Sequence[Run], metric: Metric) -> list[float]:
    """The finite values of a metric over runs, those without one left out."""
    return [value for run in runs if (value := number(metric_value(run, metric.name))) is not None]


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean of finite numbers (at least one); no sum is too large for it."""
    try:
        return fmean(values)
    except OverflowError:
        largest = max(map(abs, values))
        return largest * fmean(value / largest for value in values)


def best_run(runs: Sequence[Run], metrics: Sequence[Metric]) -> Run | None:
    """The best finished run by the first metric that has a direction and a value; without one the newest (the first)."""
    ended = [run for run in runs if run.finished]
    for metric in metrics:
        best = metric.best(numbers(ended, metric))
        if best is not None:
            return next(run for run in ended if number(metric_value(run, metric.name)) == best)
    return ended[0] if ended else None
