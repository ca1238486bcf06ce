"""The reusable workflow under act, called by the file that its guide shows: listen, train, finish."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.demo.story import COMMAND, STRANGER
from mlops_sandbox.github import PullRequest
from tests.e2e.act import WorkflowRun
from tests.e2e.debian_registry import DebianRegistry
from tests.e2e.pipeline_testbed import Pipeline, PipelineTestbed

CALLER = Path(__file__).parents[2] / "examples/reusable/.github/workflows/mlops.yml"
PATH = ".github/workflows/caller.yml"


@pytest.fixture(scope="module")
def testbed(pipeline: Pipeline, registry: DebianRegistry) -> Iterator[PipelineTestbed]:
    with pipeline(registry) as made:
        made.add_to_main({PATH: CALLER.read_text()}, "Call the pipeline")
        yield made


@pytest.fixture(scope="module")
def pull(testbed: PipelineTestbed) -> PullRequest:
    return testbed.open_pull_request()


def checks(testbed: PipelineTestbed, pull: PullRequest, name: str) -> list[str | None]:
    """The conclusions of the check runs of that name on the head, in their order."""
    runs = testbed.repository.check_runs.values()
    return [run.conclusion for run in runs if (run.head_sha, run.name) == (pull.head_sha, name)]


@pytest.fixture(scope="module")
def trained(testbed: PipelineTestbed, pull: PullRequest) -> WorkflowRun:
    return testbed.say(pull, COMMAND, PATH)


def test_three_jobs_make_of_a_comment_a_report(trained: WorkflowRun, testbed: PipelineTestbed, pull: PullRequest) -> None:
    assert trained.exit_code == 0, trained.transcript
    assert {name: trained.jobs[name] for name in ("listen", "train", "finish")} == dict.fromkeys(
        ("listen", "train", "finish"), "success"
    )
    image, workflow = trained.step("publish").outputs["ref"], trained.step("workflow").outputs
    assert image == f"{testbed.registry.host}/digits@{testbed.registry.digest('digits', testbed.digits.branch[:12])}"
    submitted = testbed.sandbox.cluster.store.get(WORKFLOWS, "default", workflow["workflow-name"])
    given = {one["name"]: one.get("value") for one in submitted["spec"]["arguments"]["parameters"]}
    assert (given["image"], given["sha"], given["pr"]) == (image, testbed.digits.branch, str(pull.number))
    assert (float(given["lr"]), given["epochs"]) == (0.003, "20")
    report = trained.step("report").outputs
    assert (report["gate"], report["verified"], report["num-candidates"]) == ("passed", "true", "2")


def test_the_files_of_the_report_are_kept(trained: WorkflowRun, testbed: PipelineTestbed) -> None:
    assert trained.step("kept").outcome == "success", trained.transcript
    name = trained.step("report").outputs["artifact-name"]
    assert trained.artifacts == {name: ["wandb_report.csv", "wandb_report.json", "wandb_report.md"]}
    assert name.startswith("report-MLOps")


def test_the_last_job_concludes_what_the_first_began(
    trained: WorkflowRun, testbed: PipelineTestbed, pull: PullRequest
) -> None:
    assert "trained" in pull.label_names
    assert "training" not in pull.label_names
    assert checks(testbed, pull, "training")[0] == "success"
    assert checks(testbed, pull, "metrics")[0] == "success"
    command = pull.comments[0]
    assert [reaction.content for reaction in command.reactions] == ["rocket"]


def test_a_comment_that_is_no_command_costs_one_small_job(testbed: PipelineTestbed, pull: PullRequest) -> None:
    before = testbed.workflows()
    run = testbed.say(pull, "see docs/training for why", PATH)
    assert run.exit_code == 0, run.transcript
    assert run.step("chatops", "listen").outputs["decision"] == "ignore"
    assert {job for job, _ in run.steps} == {"listen"}
    assert testbed.workflows() == before


def test_a_comment_that_cannot_be_one_costs_none(testbed: PipelineTestbed, pull: PullRequest) -> None:
    run = testbed.say(pull, "Looks good to me.", PATH)
    assert run.exit_code == 0, run.transcript
    assert run.steps == {}


def test_a_stranger_gets_past_the_listener_in_nothing(testbed: PipelineTestbed, pull: PullRequest) -> None:
    before = testbed.workflows()
    run = testbed.say(pull, COMMAND, PATH, by=STRANGER)
    assert run.exit_code == 0, run.transcript
    assert run.step("chatops", "listen").outputs["decision"] == "deny"
    assert {job for job, _ in run.steps} == {"listen"}
    assert testbed.workflows() == before


def test_a_training_that_fails_is_concluded_as_one(
    trained: WorkflowRun, testbed: PipelineTestbed, pull: PullRequest
) -> None:
    """The registry does not take this password: the job `train` fails at its first step."""
    other = PipelineTestbed(
        **{**vars(testbed), "registry": replace(testbed.registry, password="wrong"), "secrets": {}, "variables": {}}
    )
    before = testbed.workflows()
    run = other.say(pull, COMMAND, PATH)
    assert run.exit_code == 1
    assert (run.jobs["listen"], run.jobs["train"], run.jobs["finish"]) == ("success", "failure", "success"), run.transcript
    assert run.step("publish").outcome == "failure"
    assert testbed.workflows() == before
    assert "training-failed" in pull.label_names
    assert checks(testbed, pull, "training")[-1] == "failure"
    command = [comment for comment in pull.comments if not comment.user.is_bot][-1]
    assert [reaction.content for reaction in command.reactions] == ["confused"]


def test_what_runs_is_asked_for_and_the_last_command_is_given_again(
    trained: WorkflowRun, testbed: PipelineTestbed, pull: PullRequest
) -> None:
    asked = testbed.say(pull, "/status", PATH)
    assert asked.exit_code == 0, asked.transcript
    assert asked.step("chatops", "listen").outputs["reason"] == "status"
    assert {job for job, _ in asked.steps} == {"listen"}
    before = testbed.workflows()
    again = testbed.say(pull, "/retry", PATH)
    assert again.exit_code == 0, again.transcript
    assert again.step("chatops", "listen").outputs["control"] == "retry"
    assert (again.jobs["train"], testbed.workflows()) == ("success", before + 1)
    stopped = testbed.say(pull, "/stop", PATH)
    assert stopped.exit_code == 0, stopped.transcript
    assert stopped.step("chatops", "listen").outputs["reason"] == "nothing-to-stop"


def test_no_secret_reaches_the_log(trained: WorkflowRun, testbed: PipelineTestbed) -> None:
    for secret in (*testbed.sandbox.secrets().values(), testbed.registry.password):
        assert secret not in trained.transcript


MATRIX = ".github/workflows/matrix.yml"


def of_a_matrix(text: str) -> str:
    """The caller for two legs of a matrix: no image, and one of them with a gate that fails."""
    document: Any = yaml.safe_load(text)
    document["name"] = "Matrix"
    (job,) = document["jobs"].values()
    job["strategy"] = {"matrix": {"bar": [0.5, 2]}, "fail-fast": False}
    for name in ("image", "registry", "username", "workflow"):
        del job["with"][name]
    leg = "(${{ matrix.bar }})"
    job["with"] |= {
        "matrix": "${{ toJSON(matrix) }}",
        "gates": "test_accuracy > ${{ matrix.bar }}",
        "check-name": f"training {leg}",
        "report-check-name": f"metrics {leg}",
        "runs-on": '["ubuntu-latest"]',
    }
    return yaml.safe_dump({"on" if key is True else key: value for key, value in document.items()})


def test_the_legs_of_a_matrix_have_their_own_sections_checks_and_artifacts(
    trained: WorkflowRun, testbed: PipelineTestbed, pull: PullRequest
) -> None:
    """The commit's runs are there already."""
    testbed.add_to_main({MATRIX: of_a_matrix(CALLER.read_text())}, "Call the pipeline from a matrix")
    run = testbed.say(pull, COMMAND, MATRIX)
    assert run.exit_code == 1, run.transcript
    assert len(run.artifacts) == 2, run.transcript
    assert {checks(testbed, pull, f"metrics ({bar})")[-1] for bar in (0.5, 2)} == {"success", "failure"}
    (comment,) = [one for one in pull.comments if one.user.is_bot and "1 of 2 reports failed" in one.body]
    assert comment.body.count("<!-- mlops-actions-run:") == 2
