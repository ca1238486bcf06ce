"""A training that a comment stops: the published workflow file under act, the workflow on the real cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlops_actions.core.types import Json
from mlops_sandbox.demo.story import CONTRIBUTOR, MAINTAINER
from mlops_sandbox.github import PullRequest
from tests.e2e.act import WorkflowRun
from tests.e2e.cluster.containers import Containers
from tests.e2e.cluster.real import RealCluster
from tests.e2e.cluster.workflows import has_ended
from tests.e2e.debian_registry import DebianRegistry
from tests.e2e.digits_testbed import DigitsTestbed, RecordedRun
from tests.e2e.docker_daemon import Docker
from tests.e2e.held_containers import held_testbed, submitting_to

MLOPS = ".github/workflows/mlops.yml"
PATIENCE = 300.0


@dataclass
class Story:
    """What happened: the training, what was answered meanwhile, and what came of it."""

    testbed: DigitsTestbed
    pull: PullRequest
    helped: WorkflowRun
    was_training_during_help: bool
    stopped: WorkflowRun
    trained: WorkflowRun
    workflow: Json


@pytest.fixture(scope="module")
def story(
    docker: Docker,
    images: Mapping[str, str],
    checkout: Path,
    registry: DebianRegistry,
    docker_cluster: RealCluster,
    containers: Containers,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Story]:
    root = tmp_path_factory.mktemp("stop")
    with (
        held_testbed(docker, images, checkout, registry, root) as (testbed, held),
        submitting_to(docker_cluster, testbed, held, containers),
    ):
        yield played(testbed, docker_cluster)


def played(testbed: DigitsTestbed, cluster: RealCluster) -> Story:
    pull = testbed.open_pull_request()
    before = {workflow["metadata"]["name"] for workflow in cluster.workflows("")}

    def submitted() -> list[str]:
        return [name for workflow in cluster.workflows("") if (name := workflow["metadata"]["name"]) not in before]

    command = pull.comment("/train lr=3e-3 epochs=20", by=MAINTAINER)
    with testbed.started(MLOPS, command.event, command.payload, MAINTAINER) as training:
        until(lambda: submitted() and jobs(training).get("Train") == "in_progress", training)
        helped = beside(testbed, pull, "/help", by=CONTRIBUTOR)
        was_training = jobs(training)["Train"] == "in_progress"
        stopped = beside(testbed, pull, "/stop", by=MAINTAINER)
        trained = training.wait()
    (name,) = submitted()
    workflow = cluster.until(name, has_ended)
    return Story(testbed, pull, helped, was_training, stopped, trained, workflow)


def jobs(run: RecordedRun) -> dict[str, str]:
    return {job.check_run.name: job.check_run.conclusion or job.check_run.status for job in run.run.jobs}


def until(holds: Callable[[], object], run: RecordedRun) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert run.is_running, run.wait().transcript
        assert time.monotonic() < end, jobs(run)
        time.sleep(0.1)


def beside(testbed: DigitsTestbed, pull: PullRequest, body: str, by: str) -> WorkflowRun:
    comment = pull.comment(body, by=by)
    with testbed.started(MLOPS, comment.event, comment.payload, by, beside=True) as run:
        return run.wait()


def replies(story: Story) -> list[str]:
    return [comment.body.replace("\u00a0", " ") for comment in story.pull.comments if comment.user.is_bot]


def test_help_is_answered_while_the_training_runs(story: Story) -> None:
    assert story.helped.exit_code == 0, story.helped.transcript
    assert story.was_training_during_help
    assert story.helped.jobs["listen"] == "success"
    assert any("epochs" in reply and "/train" in reply for reply in replies(story))


def test_stop_cancels_the_job_and_the_workflow_on_the_cluster_is_stopped(story: Story) -> None:
    assert story.stopped.exit_code == 0, story.stopped.transcript
    outputs = story.stopped.step("chatops", "listen").outputs
    assert (outputs["triggered"], outputs["control"], outputs["reason"]) == ("false", "stop", "stopped")
    assert story.workflow["spec"]["shutdown"] == "Stop"
    assert story.workflow["status"]["phase"] == "Failed"
    assert story.trained.jobs["train"] == "failure", "see the known differences of act"


def test_what_the_command_began_is_concluded(story: Story) -> None:
    assert story.trained.jobs["finish"] == "success", story.trained.transcript
    assert "training" not in story.pull.label_names
    (check,) = [run for run in story.testbed.repository.check_runs.values() if run.from_api and run.name == "training"]
    assert check.status == "completed"
    assert check.conclusion in ("failure", "cancelled")
