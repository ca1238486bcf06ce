"""`by-hand.yml` under act: a form with a command and a pull request trains as a comment does, and leaves the same traces."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.demo.story import MAINTAINER
from mlops_sandbox.github import PullRequest
from tests.e2e.act import WorkflowRun
from tests.e2e.debian_registry import DebianRegistry
from tests.e2e.pipeline_testbed import Pipeline, PipelineTestbed

PATH = ".github/workflows/by-hand.yml"


@pytest.fixture(scope="module")
def testbed(pipeline: Pipeline, registry: DebianRegistry) -> Iterator[PipelineTestbed]:
    with pipeline(registry) as made:
        yield made


@pytest.fixture(scope="module")
def pull(testbed: PipelineTestbed) -> PullRequest:
    return testbed.open_pull_request()


@pytest.fixture(scope="module")
def trained(testbed: PipelineTestbed, pull: PullRequest) -> WorkflowRun:
    form = {"command": "/train lr=3e-3 epochs=20", "pr-number": str(pull.number)}
    delivery = testbed.repository.workflow_dispatch(form, by=MAINTAINER, workflow=PATH)
    return testbed.run(PATH, delivery.event, delivery.payload, MAINTAINER)


def test_the_head_of_the_moment_of_the_form_is_trained(
    trained: WorkflowRun, testbed: PipelineTestbed, pull: PullRequest
) -> None:
    assert trained.exit_code == 0, trained.transcript
    outputs = trained.step("chatops").outputs
    assert (outputs["triggered"], outputs["command"], outputs["sha"]) == ("true", "train", testbed.digits.branch)
    (workflow,) = testbed.sandbox.cluster.store.items(WORKFLOWS)[0]
    given = {one["name"]: one.get("value") for one in workflow["spec"]["arguments"]["parameters"]}
    assert (given["sha"], given["pr"], given["epochs"]) == (testbed.digits.branch, str(pull.number), "20")
    assert float(given["lr"]) == 0.003
    assert given["image"] == trained.step("publish").outputs["ref"]
    assert workflow["status"]["phase"] == "Succeeded"


def test_the_pull_request_shows_it_as_it_shows_a_comments_training(
    trained: WorkflowRun, testbed: PipelineTestbed, pull: PullRequest
) -> None:
    assert trained.exit_code == 0
    (comment,) = [comment.body for comment in pull.comments if comment.user.is_bot]
    assert MAINTAINER in comment
    assert "`epochs`" in comment
    # act gives the post stage no state, so that label and check run are those of the start: see `act.py`.
    assert list(pull.label_names) == ["training"]
    (check,) = [run for run in testbed.repository.check_runs.values() if run.from_api]
    assert (check.name, check.status, check.head_sha) == ("training", "in_progress", testbed.digits.branch)
