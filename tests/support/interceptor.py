"""Stand between an action and a stand-in: record every call, and change the answer to one of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mlops_sandbox.github.faults import route_pattern


@dataclass(frozen=True)
class Answer:
    """An answer on the wire, with its headers' names in lower case, and the address and path that were asked."""

    status: int
    headers: dict[str, str]
    body: bytes
    origin: str
    path: str

    def with_body(self, body: bytes, media_type: str = "application/json; charset=utf-8", status: int = 200) -> Answer:
        """Return an answer with this body alone."""
        return replace(self, status=status, headers={"content-type": media_type}, body=body)


# Makes an odd answer from the true one.
Change: TypeAlias = Callable[[Answer], Answer]


@dataclass
class Interceptor:
    """Serves `application` and records its calls as `METHOD /path`; `change` applies to those of `route`.

    With `occurrence` (from 1 on) it applies to that call of the route alone. The stand-in carries every call out; only
    its answer is changed. A call that was redirected arrives with a mark in its query, and gets the true answer. The true
    answer of a stream is its first chunk. `before_call` gets each call before it is answered.
    """

    application: ASGIApp
    prefix: str = "/api/v3"
    calls: list[str] = field(default_factory=list)
    route: str = ""
    occurrence: int = 0
    change: Change | None = None
    changed: int = 0
    before_call: Callable[[str], None] | None = None
    _redirected: bool = False

    def arm(self, route: str, change: Change, occurrence: int = 0) -> None:
        """Forget the calls so far, and change the answers to a route from now on."""
        self.calls.clear()
        self.route, self.change, self.occurrence, self.changed = route, change, occurrence, 0

    def disarm(self) -> None:
        """Change no answer any more."""
        self.change = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        path = scope["path"].removeprefix(self.prefix)
        self.calls.append(f"{scope['method']} {path}")
        if self.before_call is not None:
            self.before_call(self.calls[-1])
        if self.change is None or not self._is_meant(self.calls[-1], scope["query_string"]):
            await self.application(scope, receive, send)
            return
        self.changed += 1
        answer = self.change(await self._true_answer(scope, receive))
        self._redirected = 300 <= answer.status < 400
        headers = {**answer.headers, "content-length": str(len(answer.body))}
        if answer.status == 204:
            del headers["content-length"]
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": raw})
        await send({"type": "http.response.body", "body": answer.body})

    def _is_meant(self, call: str, query: bytes) -> bool:
        pattern = route_pattern(self.route)
        if not pattern.fullmatch(call) or MOVED.encode() in query:
            return False
        asked = sum(pattern.fullmatch(one) is not None for one in self.calls)
        # Whoever follows a redirect, or asks again, gets no better answer.
        return self._redirected or self.occurrence in (0, asked)

    async def _true_answer(self, scope: Scope, receive: Receive) -> Answer:
        messages: list[Message] = []
        has_content = asyncio.Event()

        async def keep(message: Message) -> None:
            messages.append(message)
            if message.get("body"):
                has_content.set()
                await asyncio.sleep(0)  # whoever waits for the first chunk of a stream ends it here

        serving = asyncio.ensure_future(self.application(scope, receive, keep))
        if is_stream(scope):
            first = asyncio.ensure_future(has_content.wait())
            await asyncio.wait({serving, first}, return_when=asyncio.FIRST_COMPLETED)
            serving.cancel()
            first.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in messages[0]["headers"]}
        headers.pop("content-length", None)
        host = dict(scope["headers"])[b"host"].decode()
        body = b"".join(message.get("body", b"") for message in messages[1:])
        query = scope["query_string"].decode()
        path = scope["path"] + (f"?{query}" if query else "")
        return Answer(messages[0]["status"], headers, body, origin=f"http://{host}", path=path)


def is_stream(scope: Scope) -> bool:
    """Tell whether a call of a cluster's API asks for an answer that is sent bit by bit."""
    return any(mark in scope["query_string"] for mark in (b"watch=true", b"ollow=", b"timeoutSeconds="))


MOVED = "moved=1"
