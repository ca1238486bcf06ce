"""The README's first file under act: one job reads each comment, the other works on a command.

How the command is concluded is not seen here: act gives the post step within a composite action no state (see the canary).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mlops_sandbox.demo.story import COMMAND, STRANGER
from mlops_sandbox.github import PullRequest
from tests.e2e.act import WorkflowRun
from tests.e2e.debian_registry import DebianRegistry
from tests.e2e.pipeline_testbed import Pipeline, PipelineTestbed
from tests.support.shortest_files import filled_in

PATH = ".github/workflows/two-jobs.yml"


@pytest.fixture(scope="module")
def testbed(pipeline: Pipeline, registry: DebianRegistry) -> Iterator[PipelineTestbed]:
    with pipeline(registry) as made:
        made.add_to_main({PATH: filled_in("two-jobs")}, "Train on the pull request")
        yield made


@pytest.fixture(scope="module")
def pull(testbed: PipelineTestbed) -> PullRequest:
    return testbed.open_pull_request()


@pytest.fixture(scope="module")
def trained(testbed: PipelineTestbed, pull: PullRequest) -> WorkflowRun:
    return testbed.say(pull, COMMAND, PATH)


def test_a_comment_becomes_a_report(trained: WorkflowRun, testbed: PipelineTestbed, pull: PullRequest) -> None:
    assert trained.exit_code == 0, trained.transcript
    assert (trained.jobs["listen"], trained.jobs["train"]) == ("success", "success")
    (report,) = [comment for comment in pull.comments if comment.user.is_bot]
    digest = testbed.registry.digest("digits", testbed.digits.branch[:12])
    assert digest
    assert digest[:19] in report.body
    assert "test_accuracy" in report.body


@pytest.mark.parametrize("text", ["Looks good to me.", "see docs/train for why", "/help", "/status"])
def test_a_comment_that_is_no_command_of_the_file_costs_the_first_job_alone(
    testbed: PipelineTestbed, pull: PullRequest, text: str
) -> None:
    before = testbed.workflows()
    run = testbed.say(pull, text, PATH)
    assert run.exit_code == 0, run.transcript
    assert {job for job, _ in run.steps} == {"listen"}
    assert testbed.workflows() == before


def test_a_stranger_gets_past_the_first_job_in_nothing_and_is_told_once(testbed: PipelineTestbed, pull: PullRequest) -> None:
    comments, before = len(pull.comments), testbed.workflows()
    run = testbed.say(pull, COMMAND, PATH, by=STRANGER)
    assert run.exit_code == 0, run.transcript
    assert run.step("chatops", "listen").outputs["decision"] == "deny"
    assert {job for job, _ in run.steps} == {"listen"}
    assert len(pull.comments) == comments + 2  # theirs, and the reply
    assert testbed.workflows() == before


def test_no_secret_reaches_the_log(trained: WorkflowRun, testbed: PipelineTestbed) -> None:
    for secret in (*testbed.sandbox.secrets().values(), testbed.registry.password):
        assert secret not in trained.transcript
