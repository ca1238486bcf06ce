"""Let the comment follow a running workflow, at most twice a minute, without holding up whoever follows the workflow."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime

from mlops_actions.argo_submit.status import WorkflowStatus
from mlops_actions.argo_submit.waiting import SUSPENDED, Waiting
from mlops_actions.core.ports import Clock

MIN_INTERVAL_SECONDS = 30.0
FINISH_SECONDS = 60.0

# Writes the comment; returns its address, empty where it could not be written.
Write = Callable[[WorkflowStatus, Sequence[Waiting]], str]


class LiveComment:
    """Writes in a thread of its own, one comment at a time, and no more after a failure: the end is told in any case."""

    def __init__(self, write: Write, clock: Clock) -> None:
        self._write = write
        self._clock = clock
        self._thread: threading.Thread | None = None
        self._last_at = clock.now()  # the first comment is written when the workflow is submitted
        self._before_last_at: datetime | None = None
        self._last_shown: object = None
        self._has_failed = False

    def update(self, status: WorkflowStatus, waits: Sequence[Waiting]) -> None:
        """Write what has changed, unless the last comment is too recent or still under way."""
        now = self._clock.now()
        shown = status.phase, status.progress, _running(status), [(one.reason, one.what, one.nodes) for one in waits]
        if self._has_failed or status.ended or shown == self._last_shown or self._is_busy or self._is_recent(now, waits):
            return
        self._before_last_at, self._last_at, self._last_shown = self._last_at, now, shown
        self._thread = threading.Thread(target=self._update, args=(status, waits), name="live-comment", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Wait for what is under way, so that it cannot overwrite the comment that is written next."""
        if self._thread is not None:
            self._thread.join(FINISH_SECONDS)

    def _is_recent(self, now: datetime, waits: Sequence[Waiting]) -> bool:
        """Return whether the next comment has to wait. Where a person is waited for, the interval may be shorter."""
        before = self._before_last_at
        if before is not None and (now - before).total_seconds() < 2 * MIN_INTERVAL_SECONDS:
            return True
        is_for_a_person = any(one.reason == SUSPENDED for one in waits)
        return (now - self._last_at).total_seconds() < MIN_INTERVAL_SECONDS and not is_for_a_person

    @property
    def _is_busy(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _update(self, status: WorkflowStatus, waits: Sequence[Waiting]) -> None:
        if not self._write(status, waits):
            self._has_failed = True


def _running(status: WorkflowStatus) -> list[tuple[str, str]]:
    return [(node.id, node.progress) for node in status.nodes.values() if node.phase == "Running"]
