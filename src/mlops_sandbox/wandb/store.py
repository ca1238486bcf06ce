"""The storage of the stand-in: projects, runs and artifacts as plain objects under one lock."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from mlops_sandbox.timestamps import timestamp
from mlops_sandbox.wandb.filters import MISSING, matches, nested_value
from mlops_sandbox.wandb.manifests import manifest_of

# W&B shows a run as crashed after some minutes without a heartbeat.
CRASHED_AFTER = timedelta(minutes=5)
_ALIASES = {
    "created_at": "createdAt",
    "heartbeat_at": "heartbeatAt",
    "display_name": "displayName",
    "job_type": "jobType",
    "summaryMetrics": "summary_metrics",
}


def opaque(*parts: str) -> str:
    """Return an identifier in the style of W&B's (base64 of `Type:v1:…`)."""
    return base64.b64encode(":".join(parts).encode()).decode()


@dataclass(eq=False)
class Run:
    """One run. `config` has W&B's form: name → {"value": …}; `history` rows hold `_step`.

    `late_summary` are entries that the summary lacks in the next `stale_reads` answers: W&B's summaries can lag behind the
    state `finished`.
    """

    name: str
    project: Project
    username: str
    created: datetime
    heartbeat: datetime
    state: str = "running"
    display_name: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    late_summary: dict[str, Any] = field(default_factory=dict)
    stale_reads: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    log: dict[int, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    group: str | None = None
    job_type: str | None = None
    commit: str | None = None
    description: str | None = None
    notes: str | None = None
    host: str | None = None
    sweep: str | None = None
    files: dict[str, str] = field(default_factory=dict)
    inputs: list[Artifact] = field(default_factory=list)
    outputs: list[Artifact] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The storage id, by which mutations refer to the run."""
        return opaque("Run", "v1", self.name, self.project.name, self.project.entity)

    @property
    def path(self) -> str:
        """`/entity/project/runs/name`, the page of the run."""
        return f"{self.project.path}/runs/{self.name}"

    def read_summary(self) -> dict[str, Any]:
        """Return the summary for one answer; the late entries join it after `stale_reads` answers."""
        if self.late_summary and self.stale_reads <= 0:
            self.summary, self.late_summary = {**self.summary, **self.late_summary}, {}
        self.stale_reads -= 1
        return self.summary

    @property
    def duration(self) -> float:
        """Seconds from creation to the last heartbeat."""
        return max((self.heartbeat - self.created).total_seconds(), 0.0)

    def record_heartbeat(self, now: datetime) -> None:
        """Record a heartbeat; a run that crashed or was preempted is running again."""
        self.heartbeat = now
        if self.state in ("crashed", "preempted"):
            self.state = "running"

    def finish(self, exit_code: int, now: datetime) -> None:
        """End the run with the exit code of its process; one that announced its preemption and failed is preempted."""
        self.heartbeat = now
        failed = "preempted" if self.state == "preempting" else "failed"
        self.state = "finished" if exit_code == 0 else failed

    def state_at(self, now: datetime) -> str:
        """Return the state that W&B shows: a run without a heartbeat for too long is crashed."""
        silent = self.state == "running" and now - self.heartbeat > CRASHED_AFTER
        return "crashed" if silent else self.state

    def values(self) -> dict[str, Any]:
        """Return the configuration without W&B's wrapping and own entries."""
        return {
            key: entry["value"] if isinstance(entry, Mapping) and "value" in entry else entry
            for key, entry in self.config.items()
            if key != "_wandb"
        }

    def lookup(self, path: str) -> Any:
        """Return a value by its name in filters and orders; `filters.MISSING` where the run has none."""
        path = _ALIASES.get(path, path)
        head, dot, rest = path.partition(".")
        if dot and head == "config":
            value = nested_value(self.values(), rest)
            return nested_value(self.config, rest) if value is MISSING else value
        if dot and _ALIASES.get(head, head) == "summary_metrics":
            return nested_value(self.summary, rest)
        value = _ATTRIBUTES[path](self) if path in _ATTRIBUTES else None
        return MISSING if value is None else value


_ATTRIBUTES: Mapping[str, Callable[[Run], Any]] = {
    "name": lambda run: run.name,
    "displayName": lambda run: run.display_name,
    "state": lambda run: run.state_at(run.project.store.now()),
    "tags": lambda run: run.tags,
    "group": lambda run: run.group,
    "jobType": lambda run: run.job_type,
    "commit": lambda run: run.commit,
    "host": lambda run: run.host,
    "username": lambda run: run.username,
    "createdAt": lambda run: timestamp(run.created),
    "heartbeatAt": lambda run: timestamp(run.heartbeat),
    "duration": lambda run: run.duration,
    "description": lambda run: run.description,
    "notes": lambda run: run.notes,
    "sweep": lambda run: run.sweep,
}


@dataclass(eq=False)
class Sweep:
    """A sweep: `name` is its id, and `config` what its author wrote, which W&B keeps as YAML."""

    name: str
    project: Project
    config: Mapping[str, Any]
    display_name: str | None = None

    @property
    def id(self) -> str:
        """The identifier the API shows."""
        return opaque("Sweep", "v1", self.name, self.project.name, self.project.entity)


@dataclass(eq=False)
class Artifact:
    """One version of an artifact; `version` is -1 until it is committed."""

    id: str
    collection: Collection
    digest: str
    created: datetime
    state: str = "PENDING"
    version: int = -1
    description: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    requested_aliases: list[str] = field(default_factory=list)
    client_id: str | None = None
    files: dict[str, str] = field(default_factory=dict)
    manifest: str = ""
    run: Run | None = None

    @property
    def aliases(self) -> list[str]:
        """The collection's aliases of this version."""
        return sorted(alias for alias, artifact in self.collection.aliases.items() if artifact is self)

    @property
    def commit_hash(self) -> str:
        """The name of the artifact version in addresses."""
        return hashlib.sha1(self.id.encode(), usedforsecurity=False).hexdigest()[:20]


@dataclass(eq=False)
class Collection:
    """An artifact sequence: all versions under one name."""

    name: str
    type: str
    project: Project
    versions: list[Artifact] = field(default_factory=list)
    aliases: dict[str, Artifact] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The identifier that mutations use."""
        return opaque("ArtifactCollection", self.project.entity, self.project.name, self.name)

    def find(self, name: str) -> Artifact | None:
        """Return the committed version by alias, `v3`, or digest."""
        for artifact in self.versions:
            if artifact.state == "COMMITTED" and name in {f"v{artifact.version}", artifact.digest, artifact.commit_hash}:
                return artifact
        return self.aliases.get(name)

    def commit(self, artifact: Artifact) -> None:
        """Commit a version: set its number and its aliases, with `latest`."""
        if artifact.state != "COMMITTED":
            artifact.state = "COMMITTED"
            artifact.version = sum(1 for version in self.versions if version.state == "COMMITTED") - 1
        for alias in {*artifact.requested_aliases, "latest"}:
            self.aliases[alias] = artifact


@dataclass(eq=False)
class Project:
    """One project of one entity; `number` is the internal id."""

    entity: str
    name: str
    number: int
    store: Store
    created: datetime
    runs: dict[str, Run] = field(default_factory=dict)
    sweeps: dict[str, Sweep] = field(default_factory=dict)
    collections: dict[str, Collection] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The identifier the API shows."""
        return opaque("Project", "v1", self.name, self.entity)

    @property
    def path(self) -> str:
        """The page of the project, from the server's root."""
        return f"/{self.entity}/{self.name}"

    def select(self, condition: Mapping[str, Any], order: str = "") -> list[Run]:
        """Return the runs that match a filter, in W&B's order (default: oldest first); raises FilterError."""
        matching = [run for run in self.runs.values() if not condition or matches(condition, run)]
        descending = order.startswith("-")
        key = order.lstrip("+-").strip() or "createdAt"
        keyed = [(_orderable(run, key), run) for run in matching]
        ordered = sorted(
            ((_rank(value), run) for value, run in keyed if value is not MISSING),
            key=lambda pair: pair[0],
            reverse=descending,
        )
        return [run for _, run in ordered] + [run for value, run in keyed if value is MISSING]

    def add_sweep(self, name: str, config: Mapping[str, Any], display_name: str | None = None) -> Sweep:
        """Add a sweep; its runs are those whose `sweep` is its name."""
        self.sweeps[name] = Sweep(name, self, config, display_name)
        return self.sweeps[name]

    def collection(self, name: str, kind: str) -> Collection:
        """Return the artifact collection of that name, created where there is none."""
        return self.collections.setdefault(name, Collection(name, kind, self))


def _orderable(run: Run, key: str) -> Any:
    """Return the value to order a run by; times with fractions, so that two of the same second have an order."""
    times = {"createdAt": run.created, "heartbeatAt": run.heartbeat}
    time = times.get(_ALIASES.get(key, key))
    return time.timestamp() if time else run.lookup(key)


def _rank(value: Any) -> tuple[int, Any]:
    """Order numbers before text, so that mixed values can be ordered."""
    if isinstance(value, int | float):
        return (0, value)
    return (1, value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str))


class Store:
    """All data of the server. Hold `lock` while code reads or writes more than one object.

    `clock` returns the current time (for tests of crashed runs).
    """

    def __init__(self, clock: Callable[[], datetime] | None = None) -> None:
        self.lock = threading.RLock()
        self.now: Callable[[], datetime] = clock or (lambda: datetime.now(UTC))
        self.projects: dict[tuple[str, str], Project] = {}
        self.artifacts: dict[str, Artifact] = {}
        self.blobs: dict[str, bytes] = {}
        self._numbers = itertools.count(1)

    def project(self, entity: str, name: str) -> Project:
        """Return the project of that name, created where there is none (as W&B does when a run logs to it)."""
        with self.lock:
            key = (entity, name)
            if key not in self.projects:
                self.projects[key] = Project(
                    entity=entity, name=name, number=next(self._numbers), store=self, created=self.now()
                )
            return self.projects[key]

    def add_run(
        self,
        entity: str,
        project: str,
        *,
        name: str = "",
        username: str = "trainer",
        state: str = "finished",
        created: datetime | None = None,
        heartbeat: datetime | None = None,
        config: Mapping[str, Any] | None = None,
        summary: Mapping[str, Any] | None = None,
        history: Iterable[Mapping[str, Any]] = (),
        tags: Sequence[str] = (),
        **fields: Any,
    ) -> Run:
        """Add a run without a client; `config` is plain name → value. `fields` sets other fields of `Run`."""
        with self.lock:
            parent = self.project(entity, project)
            name = name or secrets.token_hex(4)
            created = created or self.now()
            run = Run(
                name=name,
                project=parent,
                username=username,
                created=created,
                heartbeat=heartbeat or created,
                state=state,
                display_name=name,
            )
            run.config = {key: {"value": value, "desc": None} for key, value in (config or {}).items()}
            run.summary = dict(summary or {})
            run.history = [{"_step": step, **row} for step, row in enumerate(history)]
            run.tags = list(tags)
            for key, value in fields.items():
                setattr(run, key, value)
            parent.runs[name] = run
            return run

    def add_artifact(
        self,
        collection: Collection,
        digest: str,
        *,
        run: Run | None = None,
        committed: bool = True,
        contents: Mapping[str, bytes] | None = None,
        **fields: Any,
    ) -> Artifact:
        """Add a version to a collection, logged by `run`; `contents` are its files, by path."""
        with self.lock:
            artifact = Artifact(
                id=opaque("Artifact", str(next(self._numbers))),
                collection=collection,
                digest=digest,
                created=self.now(),
                run=run,
                manifest=self.new_blob(),
                **fields,
            )
            for path, content in (contents or {}).items():
                artifact.files[path] = self.new_blob()
                self.blobs[artifact.files[path]] = content
            if committed:
                self.blobs[artifact.manifest] = json.dumps(manifest_of(contents or {})).encode()
            collection.versions.append(artifact)
            self.artifacts[artifact.id] = artifact
            if run is not None:
                run.outputs.append(artifact)
            if committed:
                collection.commit(artifact)
            return artifact

    def run_by_id(self, identifier: str) -> Run | None:
        """Return the run with that storage id."""
        for project in self.projects.values():
            for run in project.runs.values():
                if run.id == identifier:
                    return run
        return None

    def new_blob(self) -> str:
        """Create a blob and return its name, which cannot be guessed and so permits the upload."""
        token = secrets.token_urlsafe(24)
        with self.lock:
            self.blobs[token] = b""
        return token
