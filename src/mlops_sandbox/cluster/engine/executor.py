"""The interface between the engine and the executors that run containers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class ContainerStartError(Exception):
    """The container did not start (no such image, no such program); the message says why."""


class StopSignal:
    """A request to stop, with its reason; it calls registered callbacks at once, in the thread that asks."""

    def __init__(self, parent: StopSignal | None = None) -> None:
        self._lock = threading.Lock()
        self._reason: str | None = None
        self._callbacks: list[Callable[[], None]] = []
        self._leave_parent = parent.on_stop(lambda: self.stop(parent.reason or "")) if parent else lambda: None

    @property
    def reason(self) -> str | None:
        """The reason to stop; None while there is none."""
        return self._reason

    def stop(self, reason: str) -> None:
        """Ask to stop; only the first reason counts."""
        with self._lock:
            if self._reason is not None:
                return
            self._reason = reason
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback()

    def on_stop(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back when asked to stop (now, if that has happened); returns a function that removes the callback."""
        with self._lock:
            self._callbacks.append(callback)
            stopped = self._reason is not None
        if stopped:
            callback()

        def leave() -> None:
            with self._lock:
                if callback in self._callbacks:
                    self._callbacks.remove(callback)

        return leave

    def leave(self) -> None:
        """Stop following the parent."""
        self._leave_parent()


@dataclass(frozen=True)
class Transfer:
    """A file or directory to copy into a container before it starts, or out of it after its end."""

    inside: str  # path in the container; relative ones start at its working directory
    outside: Path  # path on this machine


@dataclass(frozen=True)
class ContainerTask:
    """One container to run. `script` is the source of a file that `command` gets as its last argument."""

    name: str  # of the pod; unique among running pods
    image: str
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    working_dir: str = ""
    script: str | None = None
    inputs: tuple[Transfer, ...] = ()
    outputs: tuple[Transfer, ...] = ()


class Output(Protocol):
    """Receives the output of a container, line by line without line ends, from any thread."""

    def __call__(self, line: bytes, *, error: bool) -> None:
        """Receive one line; `error` tells standard error from standard output."""


class Executor(Protocol):
    """Runs containers; one object serves many threads."""

    def run(self, task: ContainerTask, workspace: Path, output: Output, stopper: StopSignal) -> int:
        """Run to the end and return the exit code; raises ContainerStartError.

        `workspace` is an empty directory for this container alone, removed by the caller. Outputs that exist at the end,
        whatever the exit code, are copied to where `task.outputs` says. On `stopper` the container is ended, first
        by SIGTERM.
        """
