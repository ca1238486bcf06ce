"""One listening socket for all cases: to open and close one for each would take longer than the cases do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from mlops_sandbox.github import GitHubServer
from mlops_sandbox.host import Host
from tests.support.github_schema import problems_of_delivery, problems_of_exchange


class Switch:
    """An application that is whichever GitHub the current test has."""

    def __init__(self) -> None:
        self.application: ASGIApp = GitHubServer().app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.application(scope, receive, send)


@pytest.fixture(scope="package")
def switched() -> Iterator[tuple[Switch, Host]]:
    switch = Switch()
    with Host(switch) as host:
        yield switch, host


@pytest.fixture
def github(switched: tuple[Switch, Host]) -> Iterator[GitHubServer]:
    """A GitHub of the test's own, held against GitHub's schemas at the end like that of `tests/conftest.py`."""
    switch, host = switched
    server = GitHubServer(origin=host.url)
    switch.application = server.app
    yield server
    problems = [problem for exchange in server.exchanges for problem in problems_of_exchange(exchange)]
    problems += [problem for delivery in server.deliveries for problem in problems_of_delivery(delivery)]
    assert not problems, "not as GitHub describes it:\n" + "\n".join(problems)
