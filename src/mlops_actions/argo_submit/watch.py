"""Watches of the cluster that survive closed connections, expired resource versions and restarts of the API server.

Each watch is a daemon thread that only reads and emits messages, so that a signal can end the main thread at any moment.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable

from mlops_actions.argo_submit import pods
from mlops_actions.argo_submit.messages import (
    ConnectionLost,
    Message,
    PodChanged,
    WatchRefused,
    WorkflowChanged,
    WorkflowDeleted,
)
from mlops_actions.argo_submit.ports import Cluster, Expired, NotFound, Stream, WatchEvent
from mlops_actions.core.errors import ActionError, Unavailable

WATCH_SECONDS = 300
MIN_PAUSE = 0.5
MAX_PAUSE = 15.0
STABLE_SECONDS = 1.0  # a watch that stayed open this long worked, however it ended
# One refusal can pass, for example while a token is renewed; a repeated one does not.
MAX_REFUSALS = 3

Emit = Callable[[Message], None]


class Watch(ABC):
    """One watch that is opened again whenever it ends. Subclasses say what is watched and what an event means."""

    def __init__(self, cluster: Cluster, namespace: str, workflow: str, emit: Emit) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._workflow = workflow
        self._emit = emit
        self._resource_version = ""
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._stream: Stream[WatchEvent] | None = None

    def start(self) -> None:
        """Start the thread."""
        threading.Thread(target=self._watch, name=type(self).__name__, daemon=True).start()

    def stop(self) -> None:
        """End the watch, also while it waits for the server."""
        self._stop.set()
        with self._lock:
            if self._stream is not None:
                self._stream.close()

    def _watch(self) -> None:
        pause, refusals = MIN_PAUSE, 0
        while not self._stop.is_set():
            opened = time.monotonic()
            try:
                received = self._read_once()
                refusals = 0
                if received:
                    pause = MIN_PAUSE
                    continue
            except Expired:
                try:
                    self._start_over()
                    if pause == MIN_PAUSE:  # once: some servers call every version too old, and must not be asked in a loop
                        pause = min(2 * pause, MAX_PAUSE)
                        continue
                except ActionError as error:
                    self._emit(ConnectionLost(error))
            except Unavailable as error:
                self._emit(ConnectionLost(error))
            except ActionError as error:
                refusals += 1
                if refusals >= MAX_REFUSALS:
                    self._emit_refused(error)
                    return
            if time.monotonic() - opened >= STABLE_SECONDS:
                pause = MIN_PAUSE
            # Also after a watch that ended at once without an event: never ask in a busy loop.
            self._stop.wait(pause)
            pause = min(2 * pause, MAX_PAUSE)

    def _read_once(self) -> bool:
        """Read one watch to its end; return whether an event arrived."""
        stream = self._open()
        with self._lock:
            self._stream = stream
            if self._stop.is_set():
                stream.close()
        received = False
        for event in stream:
            if self._stop.is_set():
                break
            received = received or event.type != "BOOKMARK"
            self._resource_version = event.resource_version or self._resource_version
            self._handle(event)
        return received

    @abstractmethod
    def _open(self) -> Stream[WatchEvent]:
        """Open a watch at the version where the last one ended."""

    @abstractmethod
    def _handle(self, event: WatchEvent) -> None:
        """Emit the message that an event means."""

    @abstractmethod
    def _start_over(self) -> None:
        """Read the present state, since the version has expired."""

    @abstractmethod
    def _emit_refused(self, error: ActionError) -> None:
        """Emit that the cluster keeps refusing the watch."""


class WorkflowWatch(Watch):
    """Emits a message when the workflow changes; the server sends only its metadata."""

    def __init__(self, cluster: Cluster, namespace: str, workflow: str, resource_version: str, emit: Emit) -> None:
        super().__init__(cluster, namespace, workflow, emit)
        self._resource_version = resource_version

    def _open(self) -> Stream[WatchEvent]:
        return self._cluster.watch_workflow(self._namespace, self._workflow, self._resource_version, WATCH_SECONDS)

    def _handle(self, event: WatchEvent) -> None:
        if event.type == "DELETED":
            self._emit(WorkflowDeleted(event.object.get("metadata") or {}))
        elif event.type in ("ADDED", "MODIFIED"):
            self._emit(WorkflowChanged(event.object.get("metadata") or {}))

    def _start_over(self) -> None:
        try:
            metadata = self._cluster.get_workflow(self._namespace, self._workflow)["metadata"]
        except NotFound:
            self._emit(WorkflowDeleted({}))
            self._stop.set()
            return
        self._resource_version = str(metadata["resourceVersion"])
        self._emit(WorkflowChanged(metadata))

    def _emit_refused(self, error: ActionError) -> None:
        self._emit(WatchRefused(error, logs_only=False))


class PodWatch(Watch):
    """Emits the workflow's pods."""

    def _open(self) -> Stream[WatchEvent]:
        return self._cluster.watch_pods(self._namespace, self._workflow, self._resource_version, WATCH_SECONDS)

    def _handle(self, event: WatchEvent) -> None:
        if event.type in ("ADDED", "MODIFIED", "DELETED") and (pod := pods.observe(event.object)) is not None:
            self._emit(PodChanged(pod))

    def _start_over(self) -> None:
        self._resource_version = ""  # the watch then starts with the pods that exist

    def _emit_refused(self, error: ActionError) -> None:
        self._emit(WatchRefused(error, logs_only=True))
