"""Runs as the tracker knows them, and what is asked of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

# W&B's states (its public API's documentation, and `preempting` from its file stream).
OVER = frozenset({"finished", "crashed", "failed", "killed", "preempted"})
# W&B itself gives a silent run up after some minutes; this is for a server that has not got round to it.
SILENT_AFTER = timedelta(minutes=15)

MISSING: Any = object()
_TITLE = 60  # characters of a run's name that people read


@dataclass(frozen=True)
class Artifact:
    """One version of a dataset or model a run used or logged."""

    name: str
    version: int
    type: str
    digest: str

    @property
    def label(self) -> str:
        """`name:v3`, as W&B writes it."""
        return f"{self.name}:v{self.version}"


@dataclass(frozen=True)
class Run:
    """One run. `config` and `summary` may hold only the keys that were asked for.

    `hints` are W&B's own goals of metrics (name → `min` or `max`), from the run's `define_metric` calls. `created` and
    `heartbeat` are UTC; `heartbeat` is None where the tracker has none.
    """

    id: str
    name: str
    state: str
    url: str
    entity: str
    project: str
    tags: tuple[str, ...] = ()
    commit: str = ""
    group: str = ""
    description: str = ""
    created: datetime | None = None
    heartbeat: datetime | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    hints: Mapping[str, str] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        """Whether the run ended well."""
        return self.state == "finished"

    @property
    def title(self) -> str:
        """What people call it, in a line's length; the id where it has no name."""
        name = self.name or self.id
        return name if len(name) <= _TITLE else f"{name[: _TITLE - 1]}…"

    def over(self, now: datetime) -> bool:
        """Whether nothing more is to come: it ended, or stopped reporting."""
        return self.state in OVER or self.silent(now)

    def silent(self, now: datetime) -> bool:
        """Whether it calls itself running, but has not been heard of for too long."""
        return self.state == "running" and self.heartbeat is not None and now - self.heartbeat > SILENT_AFTER


@dataclass(frozen=True)
class Details:
    """What is asked about a chosen run beside its numbers; None: the server would not say.

    `curves` maps a metric to its (step, value) points; `dirty` is whether W&B kept a patch of uncommitted changes.
    """

    inputs: tuple[Artifact, ...] | None = None
    curves: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    dirty: bool | None = None


@dataclass(frozen=True)
class Query:
    """One connection of runs: W&B's filter, newest first; `least` is how many are wanted at least, 0: all there are."""

    filters: Mapping[str, Any]
    least: int = 0


@dataclass(frozen=True)
class Keys:
    """The only names to fetch of each run's `config` and `summary`."""

    config: tuple[str, ...]
    summary: tuple[str, ...]


def value_at(tree: Mapping[str, Any], name: str) -> Any:
    """The value of a dotted name: the whole name as one key first, then nested; `MISSING` where there is none.

    W&B nests a summary where `define_metric` asked for one (`{"loss": {"min": …}}`), and a dot may be part of a name.
    """
    if name in tree:
        return tree[name]
    head, dot, rest = name.partition(".")
    while dot:
        below = tree.get(head)
        if isinstance(below, Mapping) and (found := value_at(below, rest)) is not MISSING:
            return found
        more, dot, rest = rest.partition(".")
        head = f"{head}.{more}"
    return MISSING


# W&B writes numbers that JSON does not have as text.
_SPELLED = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def metric_value(run: Run, name: str) -> Any:
    """The summary value of a metric; `MISSING` where the run has none.

    A nested summary of one number (`{"min": 0.2}`) is that number: `loss` then means what W&B was told to keep of it.
    """
    value = value_at(run.summary, name)
    if isinstance(value, Mapping):
        kept = [value[key] for key in ("min", "max", "mean", "best", "last") if key in value]
        if len(kept) == 1 and len(value) == 1:
            value = kept[0]
    if value is None:
        return MISSING
    return _SPELLED.get(value, value) if isinstance(value, str) else value


def number(value: Any) -> float | None:
    """The finite number that a value is; None for anything else (also for NaN, infinities and booleans)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None
