"""The GitHub stand-in as tests use it: served on loopback, and held against GitHub's own description at the end."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from mlops_actions.sandbox.github import Clock, GitHubServer, Token
from tests.support.github_schema import problems_of_delivery, problems_of_exchange


@contextmanager
def validated_github(clock: Clock | None = None) -> Iterator[GitHubServer]:
    """Serve a fresh GitHub; fail at the end if it, or whoever talked to it, said anything GitHub's schema forbids."""
    github = GitHubServer(clock)
    with github.serve():
        yield github
    problems = [problem for exchange in github.exchanges for problem in problems_of_exchange(exchange)]
    problems += [problem for delivery in github.deliveries for problem in problems_of_delivery(delivery)]
    if problems:
        raise AssertionError("not as GitHub describes it:\n" + "\n".join(problems))


def runner_environment(github: GitHubServer, repository: str, token: Token | None = None) -> Mapping[str, str]:
    """What a runner sets for a job on this server, on top of the test's own environment."""
    return {
        **os.environ,
        "GITHUB_ACTIONS": "true",
        "GITHUB_SERVER_URL": github.origin,
        "GITHUB_API_URL": github.api_url,
        "GITHUB_GRAPHQL_URL": f"{github.origin}/api/graphql",
        "GITHUB_REPOSITORY": repository,
        **({"INPUT_GITHUB-TOKEN": token.value} if token else {}),
    }
