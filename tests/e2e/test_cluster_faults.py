"""What goes wrong between a job and its cluster while it follows a workflow: nothing is lost, nothing happens twice.

The way to the API server is spoilt for `MLOPS_FAULT_SECONDS` (a minute; in a long run five), in several ways at once, each
on a wire of its own: the tests wait together. What restarts the API server comes before that.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlops_actions.core.provenance import RUN
from mlops_actions.core.types import Json
from tests.actions.argo_submit.job import Job
from tests.e2e.cluster.real import ARGO, RealCluster
from tests.e2e.cluster.wire import Wire
from tests.e2e.cluster.workflows import SUSPENDED, job_of, manifest, running

FAULT_SECONDS = float(os.environ.get("MLOPS_FAULT_SECONDS", "60"))
CLOSED_EVERY = 2.0
TICK = 0.5
TICKS = int(FAULT_SECONDS / TICK) + 20  # so that the container outlives the fault
NOBODYS = "workflows.argoproj.io/controller-instanceid"


def chatty(count: int) -> str:
    """A container that prints a line every half second, and hands on how many they were."""
    return f"""
entrypoint: main
templates:
- name: main
  steps:
  - - {{name: counting, template: counting}}
  - - name: echo
      template: echo
      arguments: {{parameters: [{{name: text, value: "{{{{steps.counting.outputs.parameters.count}}}}"}}]}}
  outputs: {{parameters: [{{name: count, valueFrom: {{parameter: "{{{{steps.echo.outputs.parameters.text}}}}"}}}}]}}
- name: counting
  outputs: {{parameters: [{{name: count, valueFrom: {{path: /tmp/count}}}}]}}
  container:
    image: IMAGE
    command: [sh, -c]
    args: ['i=0; while [ $i -lt {count} ]; do i=$((i+1)); echo "tick $i"; sleep {TICK}; done; echo $i >/tmp/count']
"""


def ticks(job: Job) -> list[int]:
    """The numbers of its lines as the job's log has them."""
    return [int(number) for number in re.findall(r"^tick (\d+)$", job.log, re.MULTILINE)]


@dataclass(frozen=True)
class Endured:
    """A job that followed a workflow while something was wrong: how it ended, what its cluster has of it, its wire."""

    job: Job
    exit_code: int
    workflows: list[Json]
    wire: Wire


def closed(wire: Wire) -> None:
    over = time.monotonic() + FAULT_SECONDS
    while time.monotonic() < over:
        time.sleep(CLOSED_EVERY)
        wire.cut()


def silent(wire: Wire) -> None:
    wire.silence()
    time.sleep(FAULT_SECONDS)
    wire.restore()


def refused(wire: Wire) -> None:
    wire.refuse()
    time.sleep(FAULT_SECONDS)
    wire.restore()


FAULTS: Mapping[str, Callable[[Wire], None]] = {"closed": closed, "silent": silent, "refused": refused}


def endure(cluster: RealCluster, wire: Wire, directory: Path, fault: Callable[[Wire], None]) -> Endured:
    job = job_of(cluster, directory)
    job.environ["KUBECONFIG"] = str(cluster.kubeconfig(by=wire.url))
    with running(job, "▶", workflow=manifest(chatty(TICKS))) as step:
        fault(wire)
    return Endured(job, step.wait(), workflows_of(cluster, job), wire)


def no_controller(cluster: RealCluster, wire: Wire, directory: Path) -> Endured:
    """Nobody takes the workflow up until its label is taken away, which is when the job has complained."""
    job = job_of(cluster, directory)
    job.environ["KUBECONFIG"] = str(cluster.kubeconfig(by=wire.url))
    text = manifest("entrypoint: bye", name="e2e-nobodys", labels={NOBODYS: "somebody-else"})
    with running(job, "no controller has started", workflow=text) as step:
        patch = {"metadata": {"labels": {NOBODYS: None}}}
        cluster.connection.call("PATCH", f"{ARGO}/workflows/e2e-nobodys", patch)
    return Endured(job, step.wait(), workflows_of(cluster, job), wire)


def workflows_of(cluster: RealCluster, job: Job) -> list[Json]:
    """All that a job's GitHub run has on the cluster."""
    return cluster.workflows(f"{RUN}={job.environ['GITHUB_RUN_ID']}")


@pytest.fixture(scope="module")
def begun(cluster: RealCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Future[Endured]]]:
    """All that takes a minute or more, begun at once; other tests run meanwhile."""
    root = tmp_path_factory.mktemp("faults")
    with contextlib.ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor())
        begun = {
            name: pool.submit(endure, cluster, stack.enter_context(cluster.wire()), root / name, fault)
            for name, fault in FAULTS.items()
        }
        wire = stack.enter_context(cluster.wire())
        begun["no controller"] = pool.submit(no_controller, cluster, wire, root / "no-controller")
        yield begun


def test_an_api_server_that_restarts_and_has_lost_its_history_is_followed_on(job: Job, cluster: RealCluster) -> None:
    """etcd forgets, the API server restarts and forgets too: the versions that the watches stand at are gone (410)."""
    with cluster.wire() as wire:
        job.environ["KUBECONFIG"] = str(cluster.kubeconfig(by=wire.url))
        with running(job, "▶", workflow=manifest(chatty(40), name="e2e-compacted")) as step:
            cluster.put_secret("newer", {"than": "what the watches have seen"})
            cluster.compact()
            wire.until(lambda: any("metadata.name%3De2e-compacted" in path for path in wire.expired))
    assert step.returncode == 0, job.log
    assert job.outputs["phase"] == "Succeeded"
    assert ticks(job) == list(range(1, 41))
    assert len(workflows_of(cluster, job)) == 1


@pytest.mark.usefixtures("begun")
def test_a_workflow_that_somebody_stops_fails_the_job(job: Job, cluster: RealCluster) -> None:
    text = manifest("entrypoint: sleep\nonExit: bye", name="e2e-stopped-by-hand")
    with running(job, "▶", workflow=text) as step:
        cluster.connection.call("PATCH", f"{ARGO}/workflows/e2e-stopped-by-hand", {"spec": {"shutdown": "Stop"}})
    assert step.returncode == 1, job.log
    assert "Stopped with strategy 'Stop'" in job.error
    assert "\nit was Failed\n" in job.log


def test_a_token_that_is_no_longer_accepted_ends_the_job_and_not_the_work(
    job: Job, another_job: Callable[[], Job], cluster: RealCluster
) -> None:
    token = cluster.service_account("dismissed")
    text = manifest(SUSPENDED)
    with cluster.wire() as wire:
        job.environ["KUBECONFIG"] = str(cluster.kubeconfig(by=wire.url, login={"token": token}))
        with running(job, "is suspended", workflow=text) as step:
            cluster.revoke("dismissed", token)
            wire.cut()
    assert step.returncode == 3, job.log
    assert "does not accept the credentials (401)" in job.error
    assert "give a fresh kubeconfig" in job.error
    [left] = workflows_of(cluster, job)
    assert left["status"]["phase"] == "Running"
    # Run again with one that is, the job goes on with the same workflow.
    again = another_job()
    again.environ |= {"GITHUB_RUN_ID": job.environ["GITHUB_RUN_ID"], "GITHUB_RUN_ATTEMPT": "2"}
    with running(again, "is suspended", workflow=text) as step:
        cluster.resume(left["metadata"]["name"])
    assert step.returncode == 0, again.log
    assert (again.outputs["attached"], again.outputs["workflow-uid"]) == ("true", left["metadata"]["uid"])
    assert len(workflows_of(cluster, job)) == 1


def test_a_token_that_is_renewed_in_its_file_is_taken_from_there(job: Job, cluster: RealCluster) -> None:
    before, after = cluster.service_account("before"), cluster.service_account("after")
    file = job.directory / "token"
    file.write_text(before)
    with cluster.wire() as wire:
        job.environ["KUBECONFIG"] = str(cluster.kubeconfig(by=wire.url, login={"tokenFile": str(file)}))
        with running(job, "is suspended", workflow=manifest(SUSPENDED, name="e2e-renewed")) as step:
            file.write_text(after)
            cluster.revoke("before", before)
            wire.cut()
            cluster.resume("e2e-renewed")
    assert step.returncode == 0, job.log
    for token in (before, after):
        assert f"::add-mask::{token}" in job.log
        assert token not in job.log.replace(f"::add-mask::{token}", "")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_way_that_is_spoilt_for_a_while_loses_and_doubles_nothing(
    begun: Mapping[str, Future[Endured]], fault: str
) -> None:
    outcome = begun[fault].result()
    assert outcome.exit_code == 0, outcome.job.log
    assert outcome.job.outputs["phase"] == "Succeeded"
    assert json.loads(outcome.job.outputs["outputs"]) == {"count": str(TICKS)}
    # Every line that was printed is in the log, once, in its place.
    assert ticks(outcome.job) == list(range(1, TICKS + 1))
    assert len(outcome.workflows) == 1
    assert outcome.wire.count("POST", "/workflows") == 1


def test_the_connections_were_closed_all_the_time_and_watched_again(begun: Mapping[str, Future[Endured]]) -> None:
    outcome = begun["closed"].result()
    assert outcome.wire.cuts >= FAULT_SECONDS / CLOSED_EVERY * 0.7
    assert (
        outcome.wire.count("GET", f"fieldSelector=metadata.name%3D{outcome.job.outputs['workflow-name']}")
        > outcome.wire.cuts / 4
    )
    assert "::warning" not in outcome.job.log  # what is mended at once is not worth a word


def test_a_cluster_that_cannot_be_reached_is_told_once(begun: Mapping[str, Future[Endured]]) -> None:
    warnings = [line for line in begun["refused"].result().job.log.splitlines() if line.startswith("::warning")]
    assert len(warnings) == 1, warnings
    assert "keeps trying for" in warnings[0]


def test_a_workflow_that_nobody_takes_up_is_explained_and_waited_for(begun: Mapping[str, Future[Endured]]) -> None:
    outcome = begun["no controller"].result()
    assert outcome.exit_code == 0, outcome.job.log
    assert "is Argo's workflow-controller running" in outcome.job.log
    assert "\nit was Succeeded\n" in outcome.job.log or outcome.job.outputs["phase"] == "Succeeded"
