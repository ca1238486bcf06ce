"""Metrics by pattern: `eval/*` becomes the metrics of that form that the runs have. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlops_actions.core.runs import Run, metric_value
from mlops_actions.wandb_runs.metrics.grammar import ANY
from mlops_actions.wandb_runs.metrics.metric import Metric

MAX_OF_PATTERN = 50  # metrics of one pattern: a report with more rows is not read any more
_MAX_DEPTH = 8  # levels of a nested summary
# The tracker's own values (`_step`, `_runtime`) have names like this; a pattern must ask for them by name.
_INTERNAL = "_"


@dataclass(frozen=True)
class Expansion:
    """The metrics without patterns, and sentences about patterns that match nothing or more than the report shows."""

    metrics: tuple[Metric, ...]
    notes: tuple[str, ...] = ()


def expand(metrics: Sequence[Metric], runs: Sequence[Run]) -> Expansion:
    """Replace each pattern by the numeric metrics that the runs have, in the order of their names.

    A metric that the user also names keeps its own place, direction and unit. Of two patterns the first one counts.
    """
    if not any(metric.is_pattern for metric in metrics):
        return Expansion(tuple(metrics))
    named = {metric.name for metric in metrics if not metric.is_pattern}
    available = sorted(numeric_names(runs), key=_by_numbers)
    expanded: dict[str, Metric] = {}
    notes = []
    for metric in metrics:
        if not metric.is_pattern:
            expanded[metric.name] = metric
            continue
        names = [name for name in available if matches(metric.name, name)]
        chosen = [name for name in names if name not in named and name not in expanded]
        for name in chosen[:MAX_OF_PATTERN]:
            expanded[name] = replace(metric, name=name, is_pattern=False)
        if not names:
            notes.append(f"No run has a metric of the pattern {metric.name}.")
        elif len(chosen) > MAX_OF_PATTERN:
            notes.append(
                f"{len(chosen)} metrics match {metric.name}: the report shows the first {MAX_OF_PATTERN} of them by name."
            )
    return Expansion(tuple(expanded.values()), tuple(notes))


def matches(pattern: str, name: str) -> bool:
    """Return whether a name has the form of a pattern."""
    return parts(pattern, name) is not None


def parts(pattern: str, name: str) -> tuple[str, ...] | None:
    """Return the texts for which the `*` of a pattern stand in a name; None for a name of another form.

    Names that start with `_` are the tracker's own, and match only a pattern that starts with `_`.
    """
    if name.startswith(_INTERNAL) and not pattern.startswith(_INTERNAL):
        return None
    pieces = pattern.split(ANY)
    # Not a regular expression: a pattern of many stars would take exponential time.
    if not name.startswith(pieces[0]):
        return None
    at, found = len(pieces[0]), []
    for piece in pieces[1:-1]:
        start = name.find(piece, at)
        if start < 0:
            return None
        found.append(name[at:start])
        at = start + len(piece)
    last = len(name) - len(pieces[-1])
    if last < at or not name.endswith(pieces[-1]):
        return None
    return (*found, name[at:last])


def numeric_names(runs: Iterable[Run]) -> frozenset[str]:
    """Return the names of the numbers of some runs, also of NaN and infinity, as `metric_value` takes them."""
    names: set[str] = set()
    for run in runs:
        # Runs have mostly the same keys: only new ones are looked at.
        new = [(key, run.summary[key]) for key in run.summary.keys() - names]
        names.update(_numeric_names(run, new, "", _MAX_DEPTH))
    return frozenset(names)


def _numeric_names(run: Run, entries: Iterable[tuple[str, Any]], prefix: str, levels: int) -> Iterator[str]:
    for key, value in entries:
        name = f"{prefix}{key}"
        number = metric_value(run, name) if isinstance(value, Mapping | str) else value
        if isinstance(number, int | float) and not isinstance(number, bool):
            yield name
        # Tables and images are recorded as objects with a `_type`.
        elif isinstance(value, Mapping) and levels and "_type" not in value:
            yield from _numeric_names(run, value.items(), f"{name}.", levels - 1)


def _by_numbers(name: str) -> tuple[object, ...]:
    """Sort `layer_2` before `layer_10`."""
    return tuple((0, int(part), "") if part.isdecimal() and part.isascii() else (1, 0, part) for part in _split(name))


def _split(name: str) -> Iterable[str]:
    return re.split(r"([0-9]{1,15})", name)
