"""The switches of the sandbox's cluster for logs; the real API server has none, so only the stand-in is asked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import urllib3

from mlops_sandbox.cluster import Cluster
from mlops_sandbox.cluster.logs import ContainerLog
from mlops_sandbox.cluster.resources import PODS
from mlops_sandbox.host import Host
from tests.standins.cluster.client import PODS as PODS_PATH


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster() as running:
        yield running


@pytest.fixture
def log(cluster: Cluster) -> ContainerLog:
    """The log of a pod that runs, with three lines."""
    spec = {"metadata": {"name": "pod"}, "spec": {"containers": [{"name": "main"}]}, "status": {"phase": "Running"}}
    pod = cluster.store.create(PODS, "default", spec)
    log = cluster.logs.open(pod["metadata"]["uid"], "main")
    for line in (b"one", b"two", b"three"):
        log.write(line)
    return log


@pytest.fixture
def url(cluster: Cluster) -> Iterator[str]:
    with Host(cluster.app) as host:
        yield f"{host.url}{PODS_PATH.format(namespace='default')}/pod/log"


def read(cluster: Cluster, url: str, query: str = "") -> tuple[int, list[str]]:
    headers = {"Authorization": f"Bearer {cluster.admin_token}"}
    answer = urllib3.request("GET", f"{url}?{query}", headers=headers)
    return answer.status, answer.data.decode().splitlines()


@pytest.mark.usefixtures("log")
def test_a_virtual_node_sends_no_timestamps(cluster: Cluster, url: str) -> None:
    assert [line.partition(" ")[2] for line in read(cluster, url, "timestamps=true")[1]] == ["one", "two", "three"]
    cluster.faults.log_timestamps = False
    assert read(cluster, url, "timestamps=true") == (200, ["one", "two", "three"])


@pytest.mark.usefixtures("log")
def test_a_virtual_node_sends_the_log_from_its_start(cluster: Cluster, url: str) -> None:
    later = "sinceTime=2100-01-01T00:00:00Z"
    assert read(cluster, url, later) == (200, [])
    cluster.faults.log_since = False
    assert read(cluster, url, later) == (200, ["one", "two", "three"])


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(("spare", "lines"), [(0, ["one"]), (2, ["one", "tw"])])
def test_a_log_ends_after_a_line(cluster: Cluster, url: str, spare: int, lines: list[str]) -> None:
    cluster.faults.log_cuts, cluster.faults.log_cut_bytes = [1], spare
    assert read(cluster, url, "follow=true") == (200, lines)
    assert read(cluster, url) == (200, ["one", "two", "three"])


@pytest.mark.usefixtures("log")
def test_a_container_waits_to_start(cluster: Cluster, url: str) -> None:
    cluster.faults.logs_waiting = 1
    status, (body,) = read(cluster, url)
    assert (status, 'container \\"main\\" in pod \\"pod\\" is waiting to start: ContainerCreating' in body) == (400, True)
    assert read(cluster, url)[0] == 200


def test_a_rotated_log_has_its_newest_lines_only(cluster: Cluster, url: str, log: ContainerLog) -> None:
    log.rotate()
    log.write(b"four")
    assert read(cluster, url) == (200, ["four"])
    log.rotate()
    log.end()
    assert read(cluster, url, "follow=true") == (200, [])


@pytest.mark.usefixtures("log")
def test_a_log_ends_after_as_many_bytes_as_were_asked_for(cluster: Cluster, url: str) -> None:
    assert read(cluster, url, "limitBytes=6") == (200, ["one", "tw"])


@pytest.mark.usefixtures("log")
def test_a_restarted_container_has_a_previous_log(cluster: Cluster, url: str) -> None:
    assert read(cluster, url, "previous=true")[0] == 400
    uid = cluster.store.get(PODS, "default", "pod")["metadata"]["uid"]
    cluster.logs.restart(uid, "main").write(b"again")
    assert read(cluster, url, "previous=true") == (200, ["one", "two", "three"])
    assert read(cluster, url) == (200, ["again"])


@pytest.mark.usefixtures("log")
def test_an_old_kubelet_puts_a_timestamp_before_each_piece_of_a_long_line(cluster: Cluster, url: str) -> None:
    cluster.faults.log_chunk_bytes = 2
    line = read(cluster, url, "timestamps=true")[1][0]
    stamp = line.partition(" ")[0]
    assert line == f"{stamp} on{stamp} e"
    assert read(cluster, url)[1][0] == "one"
