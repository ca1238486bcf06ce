"""What containers print: kept while their pod exists, read whole, from a moment on, or as it comes."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from mlops_sandbox.cluster.bell import Bell

FOLLOW_SECONDS: Final = 3600.0


@dataclass(frozen=True)
class LogLine:
    """A line without its end, and when it was written."""

    moment: datetime
    text: bytes

    def render(self, *, timestamps: bool) -> bytes:
        """Return the line as Kubernetes sends it; its timestamps have nanoseconds and no trailing zeros."""
        if not timestamps:
            return self.text + b"\n"
        return rfc3339_nano(self.moment).encode() + b" " + self.text + b"\n"


@dataclass(frozen=True)
class LogQuery:
    """What part of a log is wanted, and how it is to be sent."""

    follow: bool = False
    timestamps: bool = False
    since: datetime | None = None
    tail_lines: int | None = None


def rfc3339_nano(moment: datetime) -> str:
    """Return a moment with sub-seconds, trailing zeros dropped, as Go's RFC3339Nano does."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".")
    return text + "Z"


class ContainerLog:
    """One container's output; written by its executor, read by any number of requests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: list[LogLine] = []
        self._ended = False
        self._bells: list[Callable[[], None]] = []

    def write(self, text: bytes) -> None:
        """Append one line (its end is not part of it)."""
        with self._lock:
            self._lines.append(LogLine(datetime.now(UTC), text))
            bells = list(self._bells)
        for ring in bells:
            ring()

    def end(self) -> None:
        """Say that nothing follows: readers that follow come to their end."""
        with self._lock:
            self._ended = True
            bells = list(self._bells)
        for ring in bells:
            ring()

    def tail(self, count: int) -> list[str]:
        """Return the last lines as text."""
        with self._lock:
            return [line.text.decode(errors="replace") for line in self._lines[-count:]]

    async def read(self, query: LogQuery) -> AsyncIterator[bytes]:
        """Yield the wanted lines, each with its end."""
        bell = Bell()
        with self._lock:
            self._bells.append(bell.ring)
            position = max(len(self._lines) - query.tail_lines, 0) if query.tail_lines is not None else 0
        try:
            while True:
                with self._lock:
                    lines, ended = self._lines[position:], self._ended
                position += len(lines)
                wanted = [line for line in lines if query.since is None or line.moment >= query.since]
                if wanted:
                    yield b"".join(line.render(timestamps=query.timestamps) for line in wanted)
                if ended or not query.follow or not await bell.wait(FOLLOW_SECONDS):
                    return
        finally:
            with self._lock:
                self._bells.remove(bell.ring)


class LogStore:
    """The logs of all containers, by the uid of their pod and their name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._logs: dict[tuple[str, str], ContainerLog] = {}

    def open(self, pod_uid: str, container: str) -> ContainerLog:
        """Return the log of a container, a new one at the first call."""
        with self._lock:
            return self._logs.setdefault((pod_uid, container), ContainerLog())

    def drop(self, pod_uid: str) -> None:
        """Forget a pod's logs, as happens when the pod is deleted."""
        with self._lock:
            gone = [key for key in self._logs if key[0] == pod_uid]
            dropped = [self._logs.pop(key) for key in gone]
        for log in dropped:
            log.end()
