"""Decide which logs of a workflow's containers are read when, and read each in a thread of its own.

The first containers are followed while they run, though not all of one kind. The others are read when they have ended, those
that failed first.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto

from mlops_actions.argo_submit.log_lines import printable
from mlops_actions.argo_submit.log_printer import LogPrinter
from mlops_actions.argo_submit.log_reader import LogReader, LogSource, TimestampedHosts
from mlops_actions.argo_submit.messages import LogEnded, WatchRefused
from mlops_actions.argo_submit.pods import ObservedContainer, ObservedPod
from mlops_actions.argo_submit.ports import Cluster
from mlops_actions.argo_submit.watch import Emit
from mlops_actions.core import shell
from mlops_actions.core.errors import Refused

MAX_LIVE = 8
MAX_LIVE_OF_KIND = 6  # of the items of one loop
MAX_ENDED = 3
JOIN_SECONDS = 2.0
MAIN = "main"


class _Stage(Enum):
    RUNS = auto()  # it runs, and no thread is free to follow it
    WAITS = auto()  # it has ended, and is to be read
    LEFT = auto()  # it is not to be read, unless its node turns out to have failed
    READ = auto()  # it is being read, or was


@dataclass(slots=True)
class _Known:
    stage: _Stage
    title: str
    container: ObservedContainer


@dataclass(order=True, frozen=True, slots=True)
class _Job:
    order: tuple[bool, int]
    source: LogSource = field(compare=False)


class LogCollector:
    """Reads the logs of a workflow's containers; with `failed_only` those of failed nodes alone, after their end."""

    def __init__(
        self, cluster: Cluster, namespace: str, workflow: str, printer: LogPrinter, emit: Emit, *, failed_only: bool
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._workflow = workflow
        self._printer = printer
        self._emit = emit
        self._failed_only = failed_only
        self._hosts = TimestampedHosts(cluster, namespace)
        self._lock = threading.Lock()
        self._known: dict[LogSource, _Known] = {}
        self._running: dict[LogSource, None] = {}  # those at the stage RUNS, in order
        self._waiting: list[_Job] = []  # a heap of those at the stage WAITS
        self._numbers = itertools.count()
        self._attempts: Counter[tuple[str, str]] = Counter()  # by node and container
        self._failed_nodes: set[str] = set()
        self._readers: dict[LogReader, None] = {}
        self._live_kinds: Counter[str] = Counter()
        self._threads: dict[threading.Thread, bool] = {}  # and whether each follows containers that run
        self._stopped = False
        self.done = 0  # the logs that were read

    @property
    def nodes(self) -> set[str]:
        """The ids of the nodes whose pods were added."""
        with self._lock:
            return {source.node_id for source in self._known}

    @property
    def is_idle(self) -> bool:
        """Whether no log is being read, or waits to be."""
        with self._lock:
            return not (self._readers or self._waiting or self._running)

    def add_pod(self, pod: ObservedPod) -> None:
        """Read the logs of those of the pod's containers that have started, now or when they have ended."""
        with self._lock:
            for name, container in pod.containers.items():
                if container.has_started and not self._stopped:
                    self._add(_source(pod, name, container), container)
            self._start_threads()

    def add_failed(self, nodes: Iterable[str]) -> None:
        """Read the logs of nodes that have failed before those of others, and also where `failed_only` left them out."""
        with self._lock:
            new = set(nodes) - self._failed_nodes
            self._failed_nodes |= new
            if not new or self._stopped:
                return
            for source, known in self._known.items():
                # The record may know of the main container's end before the pod's watch does.
                has_ended = known.container.has_ended or source.container == MAIN
                is_left = known.stage is _Stage.LEFT and has_ended
                if source.node_id in new and (is_left or known.stage is _Stage.WAITS):
                    self._wait(source, known)
            self._start_threads()

    def stop(self) -> list[str]:
        """Stop reading, within moments; return the titles of the logs that were not read at all."""
        with self._lock:
            self._stopped = True
            waiting = [job.source for job in sorted(self._waiting)]
            unread = [*self._running, *(one for one in waiting if self._known[one].stage is _Stage.WAITS)]
            self._running.clear()
            self._waiting.clear()
            readers, threads = list(self._readers), list(self._threads)
        for reader in readers:
            reader.stop()
        until = time.monotonic() + JOIN_SECONDS
        for thread in threads:
            thread.join(max(until - time.monotonic(), 0))
        return [self._known[source].title for source in dict.fromkeys(unread)]

    def _add(self, source: LogSource, container: ObservedContainer) -> None:
        known = self._known.get(source)
        if known is None:
            known = self._known[source] = _Known(_Stage.LEFT, self._title(source), container)
            if not container.has_ended and not self._failed_only:
                known.stage = _Stage.RUNS
                self._running[source] = None
        known.container = container
        if not container.has_ended or known.stage not in (_Stage.RUNS, _Stage.LEFT):
            return
        self._running.pop(source, None)
        known.stage = _Stage.LEFT
        if not self._failed_only or (self._has_failed(source, container) and source.container == MAIN):
            self._wait(source, known)

    def _has_failed(self, source: LogSource, container: ObservedContainer) -> bool:
        return bool(container.exit_code) or source.node_id in self._failed_nodes

    def _wait(self, source: LogSource, known: _Known) -> None:
        known.stage = _Stage.WAITS
        failed = self._has_failed(source, known.container)
        heapq.heappush(self._waiting, _Job((not failed, next(self._numbers)), source))

    def _title(self, source: LogSource) -> str:
        name = source.node_name if source.container == MAIN else f"{source.node_name} · {source.container}"
        place = source.node_id, source.container
        self._attempts[place] += 1
        return name if self._attempts[place] == 1 else f"{name} (attempt {self._attempts[place]})"

    def _start_threads(self) -> None:
        live = sum(self._threads.values())
        for is_live, most in ((True, MAX_LIVE - live), (False, MAX_ENDED - len(self._threads) + live)):
            for _ in range(most):
                reader = self._take(is_live)
                if reader is None:
                    break
                thread = threading.Thread(target=self._work, args=(reader, is_live), name="log-reader", daemon=True)
                thread.start()  # first: a cancellation in between must not leave a thread here that cannot be joined
                self._threads[thread] = is_live

    def _work(self, first: LogReader, is_live: bool) -> None:
        reader: LogReader | None = first
        while reader is not None:
            try:
                self._read(reader, is_live)
            except Refused as error:
                self._emit(WatchRefused(error, logs_only=True))
            reader = self._next(reader, is_live)

    def _read(self, reader: LogReader, is_live: bool) -> None:
        source, note = reader.source, ""
        try:
            note = reader.read(has_ended=not is_live)
        finally:
            with self._lock:
                failed = self._has_failed(source, self._known[source].container)
            last_lines = reader.output.end(note, is_failed=failed)
        self._emit(LogEnded(source.node_id, last_lines))

    def _next(self, reader: LogReader, is_live: bool) -> LogReader | None:
        """Count a log as read, and take the next; None ends the thread."""
        with self._lock:
            self._readers.pop(reader)
            self.done += 1
            if is_live:
                self._live_kinds[reader.source.kind] -= 1
            following = self._take(is_live)
            if following is None:
                self._threads.pop(threading.current_thread(), None)
            return following

    def _take(self, is_live: bool) -> LogReader | None:
        source = self._take_running() if is_live else self._take_ended()
        if source is None:
            return None
        known = self._known[source]
        known.stage = _Stage.READ
        workflow = f"-n {shell.word(self._namespace)} {shell.word(self._workflow)}"
        command = f"argo logs {workflow} {shell.word(source.pod)} -c {shell.word(source.container)}"
        failed = known.container.has_ended and self._has_failed(source, known.container)
        output = self._printer.open(known.title, command, is_live=is_live, is_failed=failed)
        reader = LogReader(self._cluster, self._namespace, source, output, self._hosts)
        self._readers[reader] = None
        return reader

    def _take_running(self) -> LogSource | None:
        source = next((one for one in self._running if self._live_kinds[one.kind] < MAX_LIVE_OF_KIND), None)
        if source is not None:
            del self._running[source]
            self._live_kinds[source.kind] += 1
        return source

    def _take_ended(self) -> LogSource | None:
        while self._waiting:
            source = heapq.heappop(self._waiting).source
            if self._known[source].stage is _Stage.WAITS:  # one that turned out to have failed is there twice
                return source
        return None


def _source(pod: ObservedPod, container: str, state: ObservedContainer) -> LogSource:
    return LogSource(
        node_id=pod.node.id,
        node_name=printable(pod.node_path),
        pod=pod.name,
        container=container,
        uid=pod.uid,
        host=pod.host,
        restarts=state.restarts,
    )
