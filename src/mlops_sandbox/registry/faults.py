"""Faults that a test injects: a status, a redirect, or a broken connection."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from starlette.types import Receive, Scope, Send


class CutConnection(Exception):
    """Breaks off a response, so that the server closes the connection."""


@dataclass
class Fault:
    """Answer the next `times` requests that match with `status` and `headers`, or break the connection (`cut`).

    `path` is a regular expression for the whole path. `after_bytes` of the request's body are read first. `stall` never
    answers: it ends when the client disconnects.
    """

    method: str
    path: str
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    times: int = 1
    cut: bool = False
    after_bytes: int = 0
    stall: bool = False

    def matches(self, method: str, path: str) -> bool:
        """Return whether the fault applies to this request."""
        return self.times > 0 and method == self.method and re.fullmatch(self.path, path) is not None

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Apply the fault once."""
        self.times -= 1
        read = 0
        while read < self.after_bytes:
            message = await receive()
            read += len(message.get("body", b""))
            if not message.get("more_body"):
                break
        while self.stall:
            if (await receive())["type"] == "http.disconnect":
                raise CutConnection(f"{scope['method']} {scope['path']}")
        raw = [(name.lower().encode(), value.encode()) for name, value in self.headers.items()]
        length = len(self.body) + (1 if self.cut else 0)
        raw.append((b"content-length", str(length).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": raw})
        await send({"type": "http.response.body", "body": self.body, "more_body": self.cut})
        if self.cut:
            raise CutConnection(f"{scope['method']} {scope['path']}")
