"""Faults that a test injects: a route that fails, is slow, never answers, or is cut off."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

FaultKind = Literal["answer", "close", "stall", "delay"]


@dataclass
class Fault:
    """A fault for requests that match `pattern`, after the first `skip` ones, `times` times (None: always).

    With `done` the server executes the request, and only the response is lost.
    """

    pattern: re.Pattern[str]
    kind: FaultKind
    status: int = 500
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    times: int | None = None
    skip: int = 0
    done: bool = False
    hits: int = 0


def route_pattern(route: str) -> re.Pattern[str]:
    """Compile `METHOD /path`: `*` matches one segment (or any method), `**` any number of segments."""
    method, _, path = route.partition(" ")
    escaped = re.escape(path).replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
    return re.compile(f"{'[A-Z]+' if method == '*' else re.escape(method.upper())} {escaped}")


class Faults:
    """The faults of one server; the newest that matches a request applies.

    Routes are written as in GitHub's documentation, without `/api/v3`: `POST /repos/*/*/issues/*/comments`.
    """

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def answer(
        self,
        route: str,
        status: int,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        times: int | None = None,
        skip: int = 0,
    ) -> Fault:
        """ApiResponse with a status; the body defaults to an error in GitHub's form, and text is sent as HTML."""
        content = body if body is not None else {"message": MESSAGES.get(status, "Server Error"), "status": str(status)}
        return self._add(
            Fault(
                pattern=route_pattern(route),
                kind="answer",
                status=status,
                body=content,
                headers=dict(headers or {}),
                seconds=0,
                times=times,
                skip=skip,
            )
        )

    def secondary_rate_limit(self, route: str, *, retry_after: int = 60, status: int = 403, times: int | None = 1) -> Fault:
        """ApiResponse as GitHub does to a client that asks too often: 403 or 429 with `Retry-After` in seconds."""
        body = {"message": SECONDARY_MESSAGE, "documentation_url": SECONDARY_DOCS}
        return self.answer(route, status, body, headers={"Retry-After": str(retry_after)}, times=times)

    def close(self, route: str, *, times: int | None = None, skip: int = 0, done: bool = False) -> Fault:
        """Close the connection without a response; only with `done` the request is executed."""
        return self._add(Fault(route_pattern(route), "close", times=times, skip=skip, done=done))

    def stall(
        self, route: str, seconds: float = 3600, *, times: int | None = None, skip: int = 0, done: bool = False
    ) -> Fault:
        """Accept the request, with `done` execute it, and send nothing until the client disconnects or the time is over."""
        return self._add(Fault(route_pattern(route), "stall", seconds=seconds, times=times, skip=skip, done=done))

    def delay(self, route: str, seconds: float, *, times: int | None = None) -> Fault:
        """ApiResponse as usual, later."""
        return self._add(Fault(route_pattern(route), "delay", seconds=seconds, times=times))

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._faults.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """Return the fault that applies to this request, and count it."""
        with self._lock:
            for fault in reversed(self._faults):
                if not fault.pattern.fullmatch(f"{method} {path}"):
                    continue
                fault.hits += 1
                used = fault.hits - fault.skip
                if used >= 1 and (fault.times is None or used <= fault.times):
                    return fault
        return None

    def _add(self, fault: Fault) -> Fault:
        with self._lock:
            self._faults.append(fault)
        return fault


MESSAGES = {
    400: "Problems parsing JSON",
    401: "Bad credentials",
    403: "Resource not accessible by integration",
    404: "Not Found",
    409: "Conflict",
    410: "This resource is gone",
    422: "Validation Failed",
    429: "Too many requests",
    502: "Server Error",
    503: "Service unavailable",
}
SECONDARY_MESSAGE = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. "
    "If you reach out to GitHub Support for help, please include the request ID."
)
SECONDARY_DOCS = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits"
