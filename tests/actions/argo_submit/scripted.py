"""A stand-in to which something happens at a chosen request: the moments of a test without waiting for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass
class Scripted:
    """Serve `app`; before the request number `count` (from 1) of a method whose path contains a text, call an action.

    An action may return a status, which answers this request and every later one of the kind. An action of `answered` is
    called when the request has been carried out, and before its answer is sent.
    """

    app: ASGIApp
    steps: list[tuple[str, str, int, Callable[[], int | None]]] = field(default_factory=list)
    answered: list[tuple[str, str, Callable[[], int | None]]] = field(default_factory=list)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    refused: dict[tuple[str, str], int] = field(default_factory=dict)

    def at(self, method: str, path: str, action: Callable[[], int | None], *, count: int = 1) -> Scripted:
        """Add a step; the text may hold the query too."""
        self.steps.append((method, path, count, action))
        return self

    def before_the_answer(self, method: str, path: str, action: Callable[[], int | None]) -> Scripted:
        """Add an action that is called once, when the request has been carried out; it may return the answer's status."""
        self.answered.append((method, path, action))
        return self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            target = f"{scope['path']}?{scope['query_string'].decode()}"
            for kind in {(method, path) for method, path, _, _ in self.steps}:
                if scope["method"] == kind[0] and kind[1] in target:
                    self.counts[kind] = self.counts.get(kind, 0) + 1
                    for method, path, count, action in self.steps:
                        if (method, path, count) == (*kind, self.counts[kind]) and (status := action()):
                            self.refused[kind] = status
                    if kind in self.refused:
                        await _refusal(self.refused[kind])(scope, receive, send)
                        return
            for step in self.answered:
                if (scope["method"], True) == (step[0], step[1] in target):
                    self.answered.remove(step)
                    await self._answer_late(step[2], scope, receive, send)
                    return
        await self.app(scope, receive, send)

    async def _answer_late(self, action: Callable[[], int | None], scope: Scope, receive: Receive, send: Send) -> None:
        sent: list[Message] = []

        async def keep(message: Message) -> None:
            sent.append(message)

        await self.app(scope, receive, keep)
        if status := action():
            await _refusal(status)(scope, receive, send)
            return
        for message in sent:
            await send(message)


def _refusal(status: int) -> JSONResponse:
    """Answer as either API does: with Kubernetes' `Status`, which the Argo Server's clients read by its message."""
    reasons = {401: "Unauthorized", 403: "Forbidden", 500: "InternalError", 503: "ServiceUnavailable"}
    return JSONResponse({"kind": "Status", "code": status, "reason": reasons[status], "message": reasons[status]}, status)
