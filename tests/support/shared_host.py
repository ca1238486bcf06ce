"""One address for the servers of many tests."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from mlops_sandbox.host import Host


class SharedHost:
    """Serve the application of each test on one port, in turn: starting and stopping a port costs more than a test."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.application: ASGIApp | None = None
        self.host = Host(self, address=address)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.application is not None, "no test runs that serves an application"
        await self.application(scope, receive, send)
