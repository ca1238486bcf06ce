"""Serve the GitHub stand-in on loopback for a test, and check its exchanges against GitHub's schemas at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mlops_sandbox.github import Clock, GitHubServer
from tests.support.github_schema import problems_of_delivery, problems_of_exchange
from tests.support.shared_host import SharedHost


@contextmanager
def validated_github(shared: SharedHost, clock: Clock | None = None) -> Iterator[GitHubServer]:
    """Serve a fresh GitHub; fail at the end if it, or whoever talked to it, said anything GitHub's schema forbids."""
    github = GitHubServer(clock, origin=shared.host.url)
    shared.application = github.app
    try:
        yield github
    finally:
        shared.application = None
    problems = [problem for exchange in github.exchanges for problem in problems_of_exchange(exchange)]
    problems += [problem for delivery in github.deliveries for problem in problems_of_delivery(delivery)]
    if problems:
        raise AssertionError("not as GitHub describes it:\n" + "\n".join(problems))
