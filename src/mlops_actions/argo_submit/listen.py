"""Listening to the cluster: watches that go on through closed connections, lost history and restarts of the API server.

Each listener is a daemon thread that only reads and tells; a signal can thus end the main thread at any moment.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final

from mlops_actions.argo_submit.messages import Deleted, GivenUp, Lost, Message, Moved, PodSeen
from mlops_actions.argo_submit.ports import Cluster, Event, Expired, NotFound, Stream
from mlops_actions.core.errors import ActionError, Unavailable

WATCH_SECONDS: Final = 300
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 15.0
HELD_SECONDS: Final = 1.0  # a watch that held for so long was a good one, however it ended
# A refusal can pass (a token that is just being refreshed); one that is repeated does not.
REFUSALS: Final = 3

Tell = Callable[[Message], None]


class Listener(ABC):
    """One watch for ever. Subclasses say what is watched and what an event means."""

    def __init__(self, cluster: Cluster, namespace: str, name: str, tell: Tell) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._name = name
        self._tell = tell
        self._version = ""
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._stream: Stream[Event] | None = None

    def start(self) -> None:
        """Listen from now on."""
        threading.Thread(target=self._listen, name=type(self).__name__, daemon=True).start()

    def stop(self) -> None:
        """End, also in the middle of waiting for the server."""
        self._stop.set()
        with self._lock:
            if self._stream is not None:
                self._stream.close()

    def _listen(self) -> None:
        pause, refusals = FIRST_PAUSE, 0
        while not self._stop.is_set():
            begun = time.monotonic()
            try:
                heard = self._read_once()
                refusals = 0
                if heard:
                    pause = FIRST_PAUSE
                    continue
            except Expired:
                try:
                    self._start_again()
                    if pause == FIRST_PAUSE:  # once: a server that calls every version too old is not asked in a busy loop
                        pause = min(2 * pause, LONGEST_PAUSE)
                        continue
                except ActionError as error:
                    self._tell(Lost(error))
            except Unavailable as error:
                self._tell(Lost(error))
            except ActionError as error:
                refusals += 1
                if refusals >= REFUSALS:
                    self._give_up(error)
                    return
            if time.monotonic() - begun >= HELD_SECONDS:
                pause = FIRST_PAUSE
            # Also after a watch that ended at once without a word: never ask in a busy loop.
            self._stop.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _read_once(self) -> bool:
        stream = self._open()
        with self._lock:
            self._stream = stream
            if self._stop.is_set():
                stream.close()
        heard = False
        for event in stream:
            if self._stop.is_set():
                break
            heard = heard or event.kind != "BOOKMARK"
            self._version = event.version or self._version
            self._hear(event)
        return heard

    @abstractmethod
    def _open(self) -> Stream[Event]:
        """Open a watch from where the last one ended."""

    @abstractmethod
    def _hear(self, event: Event) -> None:
        """Tell what an event means."""

    @abstractmethod
    def _start_again(self) -> None:
        """Read the present state, the history being lost."""

    @abstractmethod
    def _give_up(self, error: ActionError) -> None:
        """Tell that the cluster keeps refusing."""


class WorkflowListener(Listener):
    """Tells when the workflow moves; only its metadata travels."""

    def __init__(self, cluster: Cluster, namespace: str, name: str, version: str, tell: Tell) -> None:
        super().__init__(cluster, namespace, name, tell)
        self._version = version

    def _open(self) -> Stream[Event]:
        return self._cluster.watch_workflow(self._namespace, self._name, self._version, WATCH_SECONDS)

    def _hear(self, event: Event) -> None:
        if event.kind == "DELETED":
            self._tell(Deleted())
        elif event.kind in ("ADDED", "MODIFIED"):
            self._tell(Moved(event.value.get("metadata") or {}))

    def _start_again(self) -> None:
        try:
            metadata = self._cluster.get(self._namespace, self._name)["metadata"]
        except NotFound:
            self._tell(Deleted())
            self._stop.set()
            return
        self._version = str(metadata["resourceVersion"])
        self._tell(Moved(metadata))

    def _give_up(self, error: ActionError) -> None:
        self._tell(GivenUp(error, logs=False))


class PodListener(Listener):
    """Tells of the workflow's pods."""

    def _open(self) -> Stream[Event]:
        return self._cluster.watch_pods(self._namespace, self._name, self._version, WATCH_SECONDS)

    def _hear(self, event: Event) -> None:
        if event.kind in ("ADDED", "MODIFIED", "DELETED"):
            self._tell(PodSeen(event.value))

    def _start_again(self) -> None:
        self._version = ""  # the watch then starts with the pods that are there

    def _give_up(self, error: ActionError) -> None:
        self._tell(GivenUp(error, logs=True))
