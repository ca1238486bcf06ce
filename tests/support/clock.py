"""Clocks that tests move."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class FakeClock:
    """A clock whose time passes only in `sleep`; each sleep triggers the next of the given events."""

    def __init__(self, *events: Callable[[], object], at: datetime | None = None) -> None:
        self.at = at or datetime.now(UTC)
        self.events = list(events)
        self.slept: list[float] = []

    def now(self) -> datetime:
        """Return the time of this clock."""
        return self.at

    def sleep(self, seconds: float) -> None:
        """Advance the clock, then trigger the next event."""
        self.slept.append(seconds)
        self.at += timedelta(seconds=seconds)
        if self.events:
            self.events.pop(0)()


class AdvancedClock:
    """The real time plus `ahead`: the clock of a stand-in whose clients live in other processes."""

    ahead = timedelta(0)

    def __call__(self) -> datetime:
        """Return the advanced time."""
        return datetime.now(UTC) + self.ahead
