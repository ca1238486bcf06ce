"""A cluster, and jobs that submit to it as a runner would have them do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from mlops_sandbox.cluster import Cluster, LocalImage, ProcessExecutor
from mlops_sandbox.host import Host
from tests.actions.argo_submit.job import Job
from tests.actions.argo_submit.ways import KUBERNETES, leading, served


class Switch:
    """One port for the clusters of all tests, one after the other: starting and stopping a port costs more than a test."""

    def __init__(self) -> None:
        self.app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None, "no test runs that serves a cluster"
        await self.app(scope, receive, send)


@pytest.fixture(scope="session")
def switched() -> Iterator[tuple[Switch, Host]]:
    switch = Switch()
    with Host(switch) as host:
        yield switch, host


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster(ProcessExecutor({"": LocalImage()})) as one:
        yield one


@pytest.fixture
def way() -> str:
    """Which API the jobs go through; where both are to be held to the same, a module gives it as a parameter."""
    return KUBERNETES


@pytest.fixture
def host(cluster: Cluster, switched: tuple[Switch, Host], way: str) -> Iterator[Host]:
    switch, host = switched
    switch.app = served(way, cluster)
    yield host
    switch.app = None


@pytest.fixture
def job(cluster: Cluster, host: Host, tmp_path: Path, way: str) -> Job:
    made = Job(tmp_path)
    made.environ |= leading(way, cluster, host.url, tmp_path)
    return made


@pytest.fixture
def another_job(cluster: Cluster, host: Host, tmp_path: Path, way: str) -> Callable[[], Job]:
    """Makes further jobs on the same cluster."""
    count = iter(range(1000))

    def make() -> Job:
        directory = tmp_path / f"job-{next(count)}"
        directory.mkdir()
        made = Job(directory)
        made.environ |= leading(way, cluster, host.url, directory)
        return made

    return make
