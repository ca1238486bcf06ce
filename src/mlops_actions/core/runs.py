"""Runs as an experiment tracker records them, and queries for runs: the terms that every tracker's adapter uses.

An adapter in `boundary/<tracker>/` writes a `RunQuery` in its tracker's own language and decodes the answers into these
classes. No other module knows the tracker's language.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from mlops_actions.core.float32 import as_logged

FINISHED, RUNNING = "finished", "running"
# The states of a run that has ended. Any other state belongs to a run that has not: `running`, `pending`, and also
# `preempting` and `preempted`, since a preempted run comes back when there is a machine for it.
ENDED_STATES = frozenset({FINISHED, "crashed", "failed", "killed"})
# A tracker gives up a run without a heartbeat after some minutes. This limit is for a tracker that does not.
SILENT_AFTER = timedelta(minutes=15)

MISSING: Any = object()
_MAX_TITLE = 60  # characters of a run's name in a report


@dataclass(frozen=True)
class TrackerInfo:
    """Facts about a tracker and one of its projects, which texts for users contain.

    `commit_variables` are the environment variables that make the tracker record a commit, `dataset_call` is the call of the
    tracker's library that records a dataset, and `digest_algorithm` names the tracker's artifact digests in a statement.
    `other_addresses` are further addresses of the same deployment as `server_url`.
    `runs_url` is the page that lists the project's runs, with a field that searches their names and ids by regular
    expression; empty where the tracker has none.
    """

    name: str
    server_url: str
    project_url: str
    digest_algorithm: str
    commit_variables: tuple[str, ...] = ()
    dataset_call: str = ""
    other_addresses: tuple[str, ...] = ()
    runs_url: str = ""


@dataclass(frozen=True)
class Artifact:
    """One version of a dataset or model that a run used or logged."""

    name: str
    version: int
    type: str
    digest: str

    @property
    def label(self) -> str:
        """`name:v3`: the artifact with its version."""
        return f"{self.name}:v{self.version}"


@dataclass(frozen=True)
class LoggedModel:
    """A version of a model that a run logged, with the aliases that the tracker gives this version."""

    artifact: Artifact
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class ArtifactFile:
    """A file of an artifact: its path in the artifact, its bytes, and the SHA-256 of its content (64 hexadecimal digits)."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Run:
    """One run. `config` and `summary` may hold only the keys that were asked for.

    `directions` are the tracker's own goals of metrics (name → `min` or `max`). `created` and `heartbeat` are in UTC;
    `heartbeat` is None where the tracker has none. `sweep` is the id of the sweep that started the run.

    `seconds` is how long the run's process ran, `gpus` how many GPUs its machine had, and `gpu_name` their model, as the
    tracker recorded them. None, or an empty name: it did not record it, or several processes recorded different things.
    `uploaded_early` is whether the run was recorded without a connection, and uploaded without the record of its end.
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
    sweep: str = ""
    description: str = ""
    created: datetime | None = None
    heartbeat: datetime | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    directions: Mapping[str, str] = field(default_factory=dict)
    seconds: float | None = None
    gpus: int | None = None
    gpu_name: str = ""
    uploaded_early: bool = False

    @property
    def finished(self) -> bool:
        """Whether the run ended without an error."""
        return self.state == FINISHED

    @property
    def title(self) -> str:
        """The run's name cut to one line's length; its id where it has no name."""
        name = self.name or self.id
        return name if len(name) <= _MAX_TITLE else f"{name[: _MAX_TITLE - 1]}…"

    def has_ended(self, now: datetime) -> bool:
        """Return whether the run will report nothing more: it ended, or it stopped reporting."""
        return self.state in ENDED_STATES or self.is_silent(now)

    def is_silent(self, now: datetime) -> bool:
        """Return whether the run's state is `running`, but its last heartbeat is too old."""
        return self.state == RUNNING and self.heartbeat is not None and now - self.heartbeat > SILENT_AFTER


# The (step, value) points of a curve in the order they were logged. A value may be NaN or infinite.
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class DetailsQuery:
    """Which details to read, each of the runs whose ids it names: an empty field asks for nothing.

    `curves` are the metrics whose history to read of the runs `curves_of`, each thinned to `samples` points.
    """

    datasets: tuple[str, ...] = ()
    uncommitted_changes: tuple[str, ...] = ()
    config: tuple[str, ...] = ()
    curves_of: tuple[str, ...] = ()
    curves: tuple[str, ...] = ()
    samples: int = 1000


@dataclass(frozen=True)
class RunDetails:
    """Facts about a chosen run beside its metrics. None: unknown; nobody asked for them, or the tracker did not answer.

    `datasets` are the dataset artifacts that the run used, `has_uncommitted_changes` is whether the tracker kept a patch of
    the run's source tree, and `config` is the whole config. `curves` maps a metric to its points, which are none where the
    run logged none; a metric that it lacks is unknown.
    """

    datasets: tuple[Artifact, ...] | None = None
    curves: Mapping[str, Points] = field(default_factory=dict)
    has_uncommitted_changes: bool | None = None
    config: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Sweep:
    """A search over parameters, whose runs the tracker started.

    `metric` is what the search optimises and `direction` its goal (`min` or `max`); both are empty where it has none.
    `parameters` are the config keys that it varies, with dots for nested ones.
    """

    id: str
    name: str
    url: str
    metric: str = ""
    direction: str = ""
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunQuery:
    """Which runs to read: all conditions that are given must hold.

    `commit` is the commit that the tracker recorded, or the value under `commit_config_key` in the run's config; `commits`
    are several of them. A key in `config`, and `commit_config_key`, may have dots: they are part of its name, or lead into
    nested values. A run fulfils `commits`, `run_ids`, `states` and `tags` by any one of them, and `any_of` by any one of its
    queries. `sweep` is the id of the sweep that started the run. `tracker_filter` is a filter in the tracker's own language,
    passed on as the user wrote it.

    `stop_after` allows the adapter to stop reading after so many usable runs; 0 means that all are wanted.
    """

    run_ids: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    commit: str = ""
    commits: tuple[str, ...] = ()
    commit_config_key: str = ""
    config: Mapping[str, str] = field(default_factory=dict)
    group: str = ""
    sweep: str = ""
    tags: tuple[str, ...] = ()
    tracker_filter: Mapping[str, Any] | None = None
    any_of: tuple[RunQuery, ...] = ()
    stop_after: int = 0

    @property
    def any_commit(self) -> tuple[str, ...]:
        """The commits of which a run must have one; none where every commit will do."""
        return (self.commit, *self.commits) if self.commit else self.commits


@dataclass(frozen=True)
class RunKeys:
    """The only keys to read of each run's `config` and `summary`.

    `summary_patterns` are names in which `*` stands for any text (`eval/*`): summary keys that match one are read too.
    """

    config: tuple[str, ...] = ()
    summary: tuple[str, ...] = ()
    summary_patterns: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrackerResult:
    """The runs that the tracker answered, newest first where it obeys that order.

    `doubts` are sentences about runs that may be missing, such as those beyond a bounded search.
    """

    candidates: tuple[Run, ...]
    baselines: tuple[Run, ...] = ()
    doubts: tuple[str, ...] = ()


def value_at(tree: Mapping[str, Any], name: str) -> Any:
    """Return the value of a dotted name: the whole name as one key first, then nested; `MISSING` where there is none.

    A tracker may nest a summary (`{"loss": {"min": …}}`), and a dot may be part of a name.
    """
    if name in tree:
        return tree[name]
    head, dot, rest = name.partition(".")
    while dot:
        nested = tree.get(head)
        if isinstance(nested, Mapping) and (value := value_at(nested, rest)) is not MISSING:
            return value
        part, dot, rest = rest.partition(".")
        head = f"{head}.{part}"
    return MISSING


# JSON has no such numbers, so they are recorded as text.
_NUMBERS_AS_TEXT = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_NUMBER = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_AGGREGATES = ("min", "max", "mean", "best", "last")


def matches_pattern(name: str, pattern: str) -> bool:
    """Return whether a name matches a pattern, in which `*` stands for any text and nothing else is special."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL) is not None


def metric_value(run: Run, name: str) -> Any:
    """Return the summary value of a metric; `MISSING` where the run has none.

    A nested summary of one aggregate (`{"min": 0.2}`) counts as that number: the run keeps nothing else of the metric.
    """
    value = value_at(run.summary, name)
    if isinstance(value, float):  # the usual case, asked for each of thousands of runs
        return value
    if isinstance(value, Mapping):
        aggregates = [value[key] for key in _AGGREGATES if key in value]
        if len(aggregates) == 1 and len(value) == 1:
            value = aggregates[0]
    if value is None:
        return MISSING
    number = logged_number(value) if isinstance(value, str) else None
    return value if number is None else number


def logged_number(value: Any) -> float | None:
    """Return a value as a number, also one that was recorded as text; it may be NaN or infinite. None for anything else."""
    if isinstance(value, str):
        return _NUMBERS_AS_TEXT[value] if value in _NUMBERS_AS_TEXT else float(value) if _NUMBER.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def finite_number(value: Any) -> float | None:
    """Return a value as a finite number; None for anything else, also for NaN, infinities and booleans.

    A float32 that was widened on its way is the number that was logged: 0.95, not 0.949999988079071.
    """
    if not isinstance(value, float) and (not isinstance(value, int) or isinstance(value, bool)):
        return None
    try:
        return as_logged(float(value)) if math.isfinite(value) else None
    except OverflowError:
        return None


def finite_values(runs: Iterable[Run], metric: str) -> list[float]:
    """Return the finite values of a metric over runs; runs without one are left out."""
    return [value for run in runs if (value := finite_number(metric_value(run, metric))) is not None]
