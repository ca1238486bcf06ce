"""Wake an asyncio task from any thread."""

from __future__ import annotations

import asyncio
import contextlib


class Bell:
    """Rung by threads, awaited by the one task that made it; a ring while nobody waits is not lost."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake the task; a loop that has ended meanwhile is left in peace."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._rung.set)

    async def wait(self, seconds: float) -> bool:
        """Return True when rung, False when the time is over."""
        try:
            await asyncio.wait_for(self._rung.wait(), max(seconds, 0))
        except TimeoutError:
            return False
        self._rung.clear()
        return True
