"""A GitHub that answers wrongly, and that chatops does not wait for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mlops_actions.boundary.github import Pace, transport
from mlops_sandbox.github import GitHubServer
from tests.support.shared_host import SharedHost


@pytest.fixture
def faulty_github(github_host: SharedHost, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHubServer]:
    """A GitHub that is not checked against the schemas: its answers are wrong on purpose.

    chatops tries twice and does not wait: the tests of the transport cover the waiting.
    """
    monkeypatch.setattr(transport, "PACE", Pace(timeout=10, attempts=2, backoff=0.0, patience=0.0))
    server = GitHubServer(origin=github_host.host.url)
    github_host.application = server.app
    yield server
    server.faults.clear()
