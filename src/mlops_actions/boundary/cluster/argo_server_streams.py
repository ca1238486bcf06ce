"""The streams of the Argo Server, entry by entry: events of workflows, and lines of logs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlops_actions.argo_submit.ports import WatchEvent
from mlops_actions.boundary.cluster.kubernetes_api import ParsedStream
from mlops_actions.boundary.cluster.shapes import WATCHED, check
from mlops_actions.boundary.cluster.transport import ByteLines, Failure


def event(raw: Any) -> WatchEvent:
    """Read an event of a watch; raises OddAnswer."""
    event = check(raw, {"result!": {"type!": str, "object!": WATCHED}})["result"]
    return WatchEvent(event["type"], event["object"])


def log_line(raw: Any) -> bytes | Failure:
    """Read an entry of a log, which is a line, or the failure that ends the log; raises OddAnswer."""
    entry = check(raw, {"result": {"content": str}, "error": {"http_code": int, "message": str}})
    if (error := entry.get("error")) is not None:
        code = error.get("http_code")
        return Failure(code if code in (401, 403, 404) else 500, "", error.get("message") or "")
    check(entry, {"result!": {}})
    return f"{entry['result'].get('content') or ''}\n".encode(errors="replace")


class FilteredWatch:
    """A watch without its first event, where that repeats the version that is known already."""

    def __init__(self, events: ParsedStream[WatchEvent], known: str) -> None:
        self._events = events
        self._known = known

    def __iter__(self) -> Iterator[WatchEvent]:
        for event in self._events:
            if not self._known or event.resource_version != self._known:
                yield event

    def close(self) -> None:
        """End the stream from any thread."""
        self._events.close()


class UntilBreak:
    """The lines of a stream up to the line that reports a break; the stream is opened again in either case."""

    def __init__(self, lines: ByteLines) -> None:
        self._lines = lines

    def __iter__(self) -> Iterator[bytes]:
        for line in self._lines:
            if line.strip() == b"{}" or line.startswith(b'{"error":'):
                return
            if line.strip():
                yield line

    def close(self) -> None:
        """End the stream from any thread."""
        self._lines.close()
