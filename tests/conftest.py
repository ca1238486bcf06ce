"""Fixtures that more than one part of the tests use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mlops_actions.sandbox.github import GitHubServer
    from tests.support.github import SharedHost


@pytest.fixture(scope="session")
def github_host() -> Iterator[SharedHost]:
    """The port that the tests' GitHubs share."""
    from tests.support.github import SharedHost

    shared = SharedHost()
    with shared.host:
        yield shared


@pytest.fixture
def github(github_host: SharedHost) -> Iterator[GitHubServer]:
    """A GitHub of the test's own; every exchange and payload is held against GitHub's schemas at the end."""
    from tests.support.github import validated_github

    with validated_github(github_host) as server:
        yield server
