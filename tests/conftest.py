"""Fixtures that more than one part of the tests use."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from mlops_sandbox.github import GitHubServer
    from tests.support.shared_host import SharedHost

# No deadline: a loaded machine is no defect. A run can be repeated: the same cases everywhere, so that what fails was
# changed. `--hypothesis-profile=explore` looks for new ones, as the scheduled run does.
_UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeatable", _UNTIMED, derandomize=True)
settings.register_profile("explore", _UNTIMED, max_examples=1000)
settings.load_profile("repeatable")

# A shell starts what runs in its background with interrupts ignored, and children inherit that: some tests send them.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def github_host() -> Iterator[SharedHost]:
    """The port that the tests' GitHubs share."""
    from tests.support.shared_host import SharedHost

    shared = SharedHost()
    with shared.host:
        yield shared


@pytest.fixture
def github(github_host: SharedHost) -> Iterator[GitHubServer]:
    """A GitHub of the test's own; every exchange and payload is held against GitHub's schemas at the end."""
    from tests.support.github import validated_github

    with validated_github(github_host) as server:
        yield server
