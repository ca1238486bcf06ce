"""The GitHub stand-in as tests use it: served on loopback, and held against GitHub's own description at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import Receive, Scope, Send

from mlops_sandbox.github import Clock, GitHubServer
from mlops_sandbox.host import Host
from tests.support.github_schema import problems_of_delivery, problems_of_exchange


class SharedHost:
    """One port for the servers of all tests, one after the other: starting and stopping a port costs more than a test."""

    def __init__(self) -> None:
        self.current: GitHubServer | None = None
        self.host = Host(self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.current is not None, "no test runs that serves a GitHub"
        await self.current.app(scope, receive, send)


@contextmanager
def validated_github(shared: SharedHost, clock: Clock | None = None) -> Iterator[GitHubServer]:
    """Serve a fresh GitHub; fail at the end if it, or whoever talked to it, said anything GitHub's schema forbids."""
    github = GitHubServer(clock, origin=shared.host.url)
    shared.current = github
    try:
        yield github
    finally:
        shared.current = None
    problems = [problem for exchange in github.exchanges for problem in problems_of_exchange(exchange)]
    problems += [problem for delivery in github.deliveries for problem in problems_of_delivery(delivery)]
    if problems:
        raise AssertionError("not as GitHub describes it:\n" + "\n".join(problems))
