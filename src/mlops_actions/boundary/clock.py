"""The real time."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class SystemClock:
    """What time it is, and letting it pass."""

    def now(self) -> datetime:
        """The current moment, UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Let time pass; a signal that cancels the job ends it."""
        time.sleep(seconds)
