"""The time the stand-in writes on things: the real one, behind it by a settable amount, in whole seconds as GitHub's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

DEFAULT_BEHIND = timedelta(hours=1)


class Clock:
    """Time that set-up can move.

    Set-up calls `tick`, so that what is arranged first is also strictly older by at least one second: GitHub's times
    have whole seconds, and "the push came before the comment" can only be seen across a second's border. The clock
    starts behind the real time so that ticking never reaches the future. Requests only read `now`.
    """

    def __init__(self, *, behind: timedelta = DEFAULT_BEHIND, frozen_at: datetime | None = None) -> None:
        self._offset = -behind
        self._frozen = frozen_at

    def now(self) -> datetime:
        """Return the current time in UTC, without microseconds."""
        moment = self._frozen if self._frozen is not None else datetime.now(UTC) + self._offset
        return moment.replace(microsecond=0)

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
        """Stand still at `at` (default: now) until advanced."""
        self._frozen = at if at is not None else self.now()

    def catch_up(self) -> None:
        """Go with the real time from here on, unless set-up has already gone past it."""
        self._frozen = None
        self._offset = timedelta(0)
