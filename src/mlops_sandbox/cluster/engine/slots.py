"""Wait for conditions and for free slots; a stop request ends the wait at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mlops_sandbox.cluster.engine.executor import StopSignal


class StateCondition:
    """Waits for any condition over shared state; code that changes the state calls `changed`."""

    def __init__(self) -> None:
        self._condition = threading.Condition()

    def changed(self) -> None:
        """Make all waiters check the state again."""
        with self._condition:
            self._condition.notify_all()

    def wait_for(self, holds: Callable[[], bool], stopper: StopSignal, seconds: float | None = None) -> bool:
        """Wait until `holds()`, a stop or the timeout; returns whether the condition held, and then does not check again."""
        held = False

        def done() -> bool:
            nonlocal held
            held = held or holds()
            return held or stopper.reason is not None

        leave = stopper.on_stop(self.changed)
        try:
            with self._condition:
                self._condition.wait_for(done, seconds)
            return held
        finally:
            leave()


class Slots:
    """A limited number of slots (None: unlimited)."""

    def __init__(self, count: int | None) -> None:
        self._free = count
        self._lock = threading.Lock()
        self._signal = StateCondition()

    @contextmanager
    def one(self, stopper: StopSignal) -> Iterator[bool]:
        """Hold a slot; yields False, without a slot, where a stop came first."""
        held = self._signal.wait_for(self._acquire, stopper) if stopper.reason is None else False
        try:
            yield held
        finally:
            if held:
                self._release()

    def _acquire(self) -> bool:
        with self._lock:
            if self._free is None:
                return True
            if self._free <= 0:
                return False
            self._free -= 1
            return True

    def _release(self) -> None:
        with self._lock:
            if self._free is not None:
                self._free += 1
        self._signal.changed()
