"""Wake an asyncio task from any thread."""

from __future__ import annotations

import asyncio
import contextlib


class Wakeup:
    """Set by threads, awaited by the one task that created it; a `set` while no task waits is not lost."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()

    def set(self) -> None:
        """Wake the task, unless its event loop has ended."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self, seconds: float) -> bool:
        """Return True when woken, False after the timeout."""
        try:
            await asyncio.wait_for(self._event.wait(), max(seconds, 0))
        except TimeoutError:
            return False
        self._event.clear()
        return True
