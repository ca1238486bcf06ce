"""The logs of containers arrive whole, once and in order, whatever a node or a gateway makes of them."""

from __future__ import annotations

import pytest

from mlops_sandbox.cluster import Cluster
from tests.actions.argo_submit.apis import APIS, KUBERNETES
from tests.actions.argo_submit.job import Job, shell

LINES = (
    "epoch 1 of 3",
    "2026-01-01T00:00:00Z looks like a timestamp",
    "2026-01-01 12:00:00,123 INFO a library's own time",
    "loss=0.5",
    "loss=0.5",
    "   an indented line",
    "last words",
)
# What a container logs itself, with timestamps of its own.
OWN_TIMESTAMPS = tuple(f"2026-01-01T00:00:0{number}.000000000Z epoch {number}" for number in range(3))
SCRIPT = "; ".join(f'echo "{line}"' for line in LINES)
SLOW_SCRIPT = "; sleep 0.15; ".join(f'echo "{line}"' for line in LINES)


def shown(job: Job) -> tuple[str, ...]:
    """The lines of the container's groups in the job's log: messages may come between them."""
    groups = job.log.split("::group::Log of ")[1:]
    return tuple(line for group in groups for line in group.partition("::endgroup::")[0].splitlines()[1:])


@pytest.mark.parametrize("api", APIS)
def test_every_line_is_shown_once_and_in_order(job: Job) -> None:
    assert job.run(workflow=shell(SCRIPT), logs="all") == 0
    assert shown(job) == LINES


@pytest.mark.parametrize("api", APIS)
def test_a_node_without_timestamps_loses_no_word(job: Job, cluster: Cluster) -> None:
    cluster.faults.log_timestamps = cluster.faults.log_since = False
    assert job.run(workflow=shell(SCRIPT), logs="all") == 0
    assert shown(job) == LINES


@pytest.mark.parametrize("sends_timestamps", [True, False])
@pytest.mark.parametrize("api", [KUBERNETES])  # the Argo Server takes the container's own timestamps for the node's
def test_the_timestamps_of_a_container_itself_are_kept(job: Job, cluster: Cluster, sends_timestamps: bool) -> None:
    cluster.faults.log_timestamps = cluster.faults.log_since = sends_timestamps
    script = "; sleep 0.15; ".join(f"echo '{line}'" for line in OWN_TIMESTAMPS)
    cluster.faults.log_cuts = [2, 99, 99]
    assert job.run(workflow=shell(script), logs="all") == 0
    assert shown(job) == OWN_TIMESTAMPS


# After which line each stream ends.
CUTS = pytest.mark.parametrize("cuts", [[0], [1], [3], [4], [0, 1, 0], [1, 2, 3]], ids=str)


@CUTS
@pytest.mark.parametrize("api", [KUBERNETES])
def test_a_log_that_ends_early_is_resumed(job: Job, cluster: Cluster, cuts: list[int]) -> None:
    cluster.faults.log_cuts = list(cuts)
    assert job.run(workflow=shell(SLOW_SCRIPT), logs="all") == 0
    assert cluster.faults.log_cuts == []
    assert shown(job) == LINES


@pytest.mark.parametrize("spare", [5, 33], ids=["within its timestamp", "within its text"])
@pytest.mark.parametrize("api", [KUBERNETES])
def test_a_log_that_ends_within_a_line_is_resumed(job: Job, cluster: Cluster, spare: int) -> None:
    cluster.faults.log_cuts, cluster.faults.log_cut_bytes = [2], spare
    assert job.run(workflow=shell(SLOW_SCRIPT), logs="all") == 0
    assert shown(job) == LINES


@pytest.mark.parametrize("api", [KUBERNETES])
def test_a_log_without_timestamps_that_ends_early_is_resumed(job: Job, cluster: Cluster) -> None:
    """Such a node does not obey `sinceTime` either: the log begins at its start again."""
    cluster.faults.log_timestamps = cluster.faults.log_since = False
    cluster.faults.log_cuts = [3]
    assert job.run(workflow=shell(SLOW_SCRIPT), logs="all") == 0
    assert shown(job) == LINES


@pytest.mark.parametrize("api", [KUBERNETES])
def test_a_node_that_ignores_since_time_repeats_nothing(job: Job, cluster: Cluster) -> None:
    cluster.faults.log_since, cluster.faults.log_cuts = False, [4, 5]
    assert job.run(workflow=shell(SLOW_SCRIPT), logs="all") == 0
    assert shown(job) == LINES


@pytest.mark.parametrize("api", [KUBERNETES])
def test_a_container_that_has_not_started_is_asked_again(job: Job, cluster: Cluster) -> None:
    cluster.faults.logs_waiting = 3
    assert job.run(workflow=shell(SLOW_SCRIPT), logs="all") == 0
    assert cluster.faults.logs_waiting == 0
    assert shown(job) == LINES


@pytest.mark.parametrize("api", APIS)
def test_an_old_kubelet_puts_no_timestamp_into_a_long_line(job: Job, cluster: Cluster) -> None:
    cluster.faults.log_chunk_bytes = 16_384
    assert job.run(workflow=shell("python3 -c 'print(40_000 * chr(97)); print(1)'"), logs="all") == 0
    assert shown(job) == (40_000 * "a", "1")
