"""Turn the signals of a cancelled job into one `Cancelled` in the main thread.

The signals and their times are from the runner's source (ProcessInvoker.cs).
"""

from __future__ import annotations

import signal
import weakref
from types import FrameType

from mlops_actions.core.errors import Cancelled

LOOK_SECONDS = 0.02
MAX_LOOKS = 50  # about a second; the runner leaves 7.5 until its next signal


def cancel_on_signals() -> None:
    """Raise `Cancelled` in the main thread, once, soon after SIGINT or SIGTERM.

    The runner sends SIGINT, SIGTERM 7.5 s later, and kills 2.5 s after that: the second signal is ignored, so that the
    clean-up which the first one started is not itself interrupted.
    """
    cancellation = _Cancellation()
    signal.signal(signal.SIGINT, cancellation.request)
    signal.signal(signal.SIGTERM, cancellation.request)
    signal.signal(signal.SIGALRM, cancellation.look)


def acknowledge() -> None:
    """Note that `Cancelled` has arrived where the program ends, so that it is not raised again."""
    signal.setitimer(signal.ITIMER_REAL, 0)


def ignore_signals() -> None:
    """Let nothing interrupt a program that has done its work, nor change its exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    acknowledge()


class _Cancellation:
    """Looks at the main thread every few milliseconds, and raises where it does no harm.

    Python runs a signal's handler between any two instructions. An exception there breaks code that is not written for it:
    a condition whose lock is not yet acquired again, a thread that is noted but not started. So it is raised where the main
    thread waits, that is where two looks find it at the same instruction, and anywhere only after many looks.

    Python ignores what is raised in a finalizer, a weak reference's callback and some libraries. The exception that nobody
    holds any more is lost, and is raised again.
    """

    def __init__(self) -> None:
        self._number = 0
        self._looks = 0
        self._place: tuple[FrameType, int] | None = None
        self._raised: weakref.ref[Cancelled] | None = None

    def request(self, number: int, _frame: FrameType | None) -> None:
        """Handle the runner's signal; only the first counts."""
        if not self._number:
            self._number = number
            signal.setitimer(signal.ITIMER_REAL, LOOK_SECONDS, LOOK_SECONDS)

    def look(self, _number: int, frame: FrameType | None) -> None:
        """Raise `Cancelled` if the main thread waits, and no earlier one is on its way."""
        if self._raised is not None and self._raised() is not None:
            return
        self._looks += 1
        before, self._place = self._place, (frame, frame.f_lasti) if frame is not None else None
        if self._place != before and self._looks < MAX_LOOKS:
            return
        self._looks, self._place = 0, None  # a frame that is kept would keep all its values
        cancelled = Cancelled(self._number)
        self._raised = weakref.ref(cancelled)
        try:
            raise cancelled
        finally:
            del cancelled  # the traceback holds this frame, which must not hold the exception
