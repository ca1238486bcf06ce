"""The logs of containers, kept while their pod exists; clients read all, from a time on, or follow."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from mlops_sandbox.cluster.wakeup import Wakeup

FOLLOW_SECONDS = 3600.0


@dataclass(frozen=True)
class LogLine:
    """A line without its end, and the time it was written."""

    time: datetime
    text: bytes

    def render(self, *, timestamps: bool, chunk_bytes: int | None = None) -> bytes:
        """Return the line as Kubernetes sends it; its timestamps have nanoseconds and no trailing zeros.

        `chunk_bytes` puts one before each so many bytes, as kubelets before 1.27 do.
        """
        if not timestamps:
            return self.text + b"\n"
        stamp, size = rfc3339_nano(self.time).encode() + b" ", chunk_bytes or max(len(self.text), 1)
        return b"".join(stamp + self.text[at : at + size] for at in range(0, max(len(self.text), 1), size)) + b"\n"


@dataclass(frozen=True)
class LogQuery:
    """The part of a log that a client asks for, and its form."""

    follow: bool = False
    timestamps: bool = False
    since: datetime | None = None
    tail_lines: int | None = None
    # The answer ends after as many lines, and as many bytes of the next one.
    max_lines: int | None = None
    spare_bytes: int = 0
    limit_bytes: int | None = None
    chunk_bytes: int | None = None


def rfc3339_nano(time: datetime) -> str:
    """Write a time with sub-seconds and without trailing zeros, as Go's RFC3339Nano does."""
    text = time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".")
    return text + "Z"


class ContainerLog:
    """One container's output; written by its executor, read by any number of requests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: list[LogLine] = []
        self._dropped = 0  # lines before these, lost in a rotation
        self._ended = False
        self._wakers: list[Callable[[], None]] = []

    def write(self, text: bytes) -> None:
        """Append one line (without its end)."""
        with self._lock:
            self._lines.append(LogLine(datetime.now(UTC), text))
            wakers = list(self._wakers)
        for wake in wakers:
            wake()

    def rotate(self) -> None:
        """Forget the lines so far, as the kubelet does when a file is full: a log is read from its newest file only."""
        with self._lock:
            self._dropped += len(self._lines)
            self._lines.clear()

    def end(self) -> None:
        """End the log: readers that follow it return."""
        with self._lock:
            self._ended = True
            wakers = list(self._wakers)
        for wake in wakers:
            wake()

    def tail(self, count: int) -> list[str]:
        """Return the last lines as text."""
        with self._lock:
            return [line.text.decode(errors="replace") for line in self._lines[-count:]]

    async def read(self, query: LogQuery) -> AsyncIterator[bytes]:
        """Yield the lines asked for, each with its end, up to `limit_bytes` in all."""
        left = query.limit_bytes
        async for block in self._read(query):
            yield block[:left]
            if left is not None and (left := left - len(block)) <= 0:
                return

    async def _read(self, query: LogQuery) -> AsyncIterator[bytes]:
        wakeup = Wakeup()
        with self._lock:
            self._wakers.append(wakeup.set)
            skipped = max(len(self._lines) - query.tail_lines, 0) if query.tail_lines is not None else 0
            position = self._dropped + skipped
        left = query.max_lines
        try:
            while True:
                with self._lock:
                    lines, ended = self._lines[max(position - self._dropped, 0) :], self._ended
                    position = self._dropped + len(self._lines)
                selected = [line for line in lines if query.since is None or line.time >= query.since]
                rendered = [line.render(timestamps=query.timestamps, chunk_bytes=query.chunk_bytes) for line in selected]
                if left is not None and len(rendered) > left:
                    yield b"".join([*rendered[:left], rendered[left][: query.spare_bytes]])
                    return
                if rendered:
                    yield b"".join(rendered)
                    left = None if left is None else left - len(rendered)
                if ended or not query.follow or not await wakeup.wait(FOLLOW_SECONDS):
                    return
        finally:
            with self._lock:
                self._wakers.remove(wakeup.set)


class LogStore:
    """The logs of all containers, by the uid of their pod and their name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._logs: dict[tuple[str, str], ContainerLog] = {}
        self._previous: dict[tuple[str, str], ContainerLog] = {}

    def open(self, pod_uid: str, container: str) -> ContainerLog:
        """Return the log of a container, a new one at the first call."""
        with self._lock:
            return self._logs.setdefault((pod_uid, container), ContainerLog())

    def restart(self, pod_uid: str, container: str) -> ContainerLog:
        """End the log of a container that is restarted: it stays readable as the previous one. Return the new one."""
        key = pod_uid, container
        with self._lock:
            self._previous[key] = before = self._logs.pop(key)
            log = self._logs[key] = ContainerLog()
        before.end()
        return log

    def previous(self, pod_uid: str, container: str) -> ContainerLog | None:
        """Return the log of the run before the last restart; None where there was none."""
        with self._lock:
            return self._previous.get((pod_uid, container))

    def drop(self, pod_uid: str) -> None:
        """Delete a pod's logs, as happens when the pod is deleted."""
        with self._lock:
            dropped = [self._logs.pop(key) for key in list(self._logs) if key[0] == pod_uid]
        for log in dropped:
            log.end()
