"""A cluster, and jobs that submit to it as a runner would have them do."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest

from mlops_actions.boundary.clock import SystemClock
from mlops_actions.core.errors import Cancelled
from mlops_sandbox.cluster import Cluster, LocalImage, ProcessExecutor
from mlops_sandbox.host import Host
from tests.actions.argo_submit.apis import KUBERNETES, application_of, environ_for
from tests.actions.argo_submit.job import Job
from tests.actions.argo_submit.scripted import Scripted
from tests.support.shared_host import SharedHost


@pytest.fixture(scope="session")
def cluster_host() -> Iterator[SharedHost]:
    """The port that the tests' clusters share."""
    shared = SharedHost()
    with shared.host:
        yield shared


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster(ProcessExecutor({"": LocalImage()})) as running:
        yield running


@pytest.fixture
def api() -> str:
    """Which API the jobs go through; where both are to be held to the same, a module gives it as a parameter."""
    return KUBERNETES


@pytest.fixture
def host(cluster: Cluster, cluster_host: SharedHost, api: str) -> Iterator[Host]:
    cluster_host.application = application_of(api, cluster)
    yield cluster_host.host
    cluster_host.application = None


@pytest.fixture
def job(cluster: Cluster, host: Host, tmp_path: Path, api: str) -> Job:
    job = Job(tmp_path)
    job.environ |= environ_for(api, cluster, host.url, tmp_path)
    return job


@pytest.fixture
def script(cluster: Cluster, cluster_host: SharedHost, host: Host, api: str) -> Scripted:
    """What serves the cluster to the jobs, to which a test adds what happens at which request."""
    cluster_host.application = script = Scripted(application_of(api, cluster))
    return script


@pytest.fixture
def cancel(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Cancels the job that runs in this process, as a signal of the runner does."""
    monkeypatch.setattr(SystemClock, "sleep", lambda _clock, _seconds: None)

    def handle(_number: int, _frame: FrameType | None) -> None:
        raise Cancelled(signal.SIGINT)

    before = signal.signal(signal.SIGUSR1, handle)
    yield lambda: os.kill(os.getpid(), signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, before)


@pytest.fixture
def another_job(cluster: Cluster, host: Host, tmp_path: Path, api: str) -> Callable[[], Job]:
    """Makes further jobs on the same cluster."""
    count = iter(range(1000))

    def make() -> Job:
        directory = tmp_path / f"job-{next(count)}"
        directory.mkdir()
        job = Job(directory)
        job.environ |= environ_for(api, cluster, host.url, directory)
        return job

    return make
