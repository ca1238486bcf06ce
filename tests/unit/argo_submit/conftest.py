"""A cluster, and jobs that submit to it as a runner would have them do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlops_actions.sandbox.cluster import Cluster, LocalImage, ProcessExecutor
from mlops_actions.sandbox.host import Host
from tests.unit.argo_submit.job import Job


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster(ProcessExecutor({"": LocalImage()})) as one:
        yield one


@pytest.fixture
def host(cluster: Cluster) -> Iterator[Host]:
    with Host(cluster.app) as one:
        yield one


@pytest.fixture
def job(cluster: Cluster, host: Host, tmp_path: Path) -> Job:
    made = Job(tmp_path)
    made.environ["KUBECONFIG"] = str(cluster.write_kubeconfig(tmp_path / "kubeconfig", host.url))
    return made


@pytest.fixture
def another_job(cluster: Cluster, host: Host, tmp_path: Path) -> Callable[[], Job]:
    """Makes further jobs on the same cluster."""
    count = iter(range(1000))

    def make() -> Job:
        directory = tmp_path / f"job-{next(count)}"
        directory.mkdir()
        made = Job(directory)
        made.environ["KUBECONFIG"] = str(cluster.write_kubeconfig(directory / "kubeconfig", host.url))
        return made

    return make
