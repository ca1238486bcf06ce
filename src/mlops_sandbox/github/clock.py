"""The clock of the stand-in: the real time minus an offset, in whole seconds as GitHub's times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

DEFAULT_BEHIND = timedelta(hours=1)


class Clock:
    """A clock that set-up code can move.

    Set-up calls `tick`, so that each event is older than the next by at least one second: GitHub's times have whole
    seconds, so a test can tell "the push came before the comment" only across seconds. The clock starts behind the real
    time, so that ticks never reach the future. Requests only read `now`.
    """

    def __init__(self, *, behind: timedelta = DEFAULT_BEHIND, frozen_at: datetime | None = None) -> None:
        self._offset = -behind
        self._frozen = frozen_at

    def now(self) -> datetime:
        """Return the current time in UTC, without microseconds."""
        time = self._frozen if self._frozen is not None else datetime.now(UTC) + self._offset
        return time.replace(microsecond=0)

    def advance(self, seconds: float) -> datetime:
        """Move forward and return the new time."""
        if self._frozen is not None:
            self._frozen += timedelta(seconds=seconds)
        else:
            self._offset += timedelta(seconds=seconds)
        return self.now()

    def tick(self) -> datetime:
        """Move forward by one second and return the new time."""
        return self.advance(1)

    def freeze(self, at: datetime | None = None) -> None:
        """Stop at `at` (default: now) until advanced."""
        self._frozen = at if at is not None else self.now()

    def catch_up(self) -> None:
        """Follow the real time from now on."""
        self._frozen = None
        self._offset = timedelta(0)
