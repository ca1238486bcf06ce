"""The root action under act: one step of a workflow file, from the comment to the report, and as much of it as is wanted."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from mlops_actions.pipeline import steps
from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.demo.story import COMMAND, STRANGER
from mlops_sandbox.github import PullRequest
from tests.e2e.act import SUITE, WorkflowRun
from tests.e2e.debian_registry import DebianRegistry
from tests.e2e.pipeline_testbed import Pipeline, PipelineTestbed

HEAD = f"""\
name: root
on:
  issue_comment:
    types: [created]
permissions: {{}}
jobs:
  train:
    runs-on: ubuntu-latest
    permissions:
      contents: read
      pull-requests: write
      checks: write
      packages: write
    steps:
      - id: mlops
        uses: {SUITE}@v1
        with:
          commands: |
            train: {{params: {{lr: {{type: float}}, epochs: {{type: int}}}}}}
"""
PUBLISH = """\
          image: digits
          registry: ${{ vars.REGISTRY }}
          username: ${{ vars.REGISTRY_USERNAME }}
          password: ${{ secrets.REGISTRY_PASSWORD }}
"""
SUBMIT = """\
          workflow: workflow.yaml
          kubeconfig: ${{ secrets.KUBECONFIG }}
          argo-url: ${{ vars.ARGO_URL }}
"""
REPORT = """\
          project: ${{ vars.WANDB_PROJECT }}
          wandb-base-url: ${{ vars.WANDB_BASE_URL }}
          wandb-api-key: ${{ secrets.WANDB_API_KEY }}
          metrics: test_accuracy:max
          report-check-name: metrics
"""
CONTROLS = """\
          controls: status, stop
"""
# act itself takes an input `entrypoint` of an action.
ALL = """\
          workflow-entrypoint: pipeline
          gates: test_accuracy >= 0.8
          check-name: training
"""
FILES = {
    "all": f"{HEAD}{PUBLISH}{SUBMIT}{REPORT}{ALL}",
    "strict": f"{HEAD}{REPORT}          gates: test_accuracy > 1\n",
    "listen": HEAD,
    "publish": HEAD + PUBLISH,
    "controls": HEAD.replace("contents: read\n", "contents: read\n      actions: write\n") + CONTROLS,
}


def path(name: str) -> str:
    return f".github/workflows/root-{name}.yml"


@pytest.fixture(scope="module")
def testbed(pipeline: Pipeline, registry: DebianRegistry) -> Iterator[PipelineTestbed]:
    with pipeline(registry) as made:
        made.add_to_main({path(name): text for name, text in FILES.items()}, "Train in one step")
        yield made


@pytest.fixture(scope="module")
def pull(testbed: PipelineTestbed) -> PullRequest:
    return testbed.open_pull_request()


@pytest.fixture(scope="module")
def trained(testbed: PipelineTestbed, pull: PullRequest) -> WorkflowRun:
    return testbed.say(pull, COMMAND, path("all"))


def test_one_step_makes_of_a_comment_a_report(trained: WorkflowRun, testbed: PipelineTestbed, pull: PullRequest) -> None:
    assert trained.exit_code == 0, trained.transcript
    outputs, sha = trained.step("mlops").outputs, testbed.digits.branch
    assert (outputs["chatops-triggered"], outputs["chatops-command"], outputs["chatops-sha"]) == ("true", "train", sha)
    assert json.loads(outputs["chatops-params"]) == {"lr": 0.003, "epochs": 20}
    assert outputs["image-ref"] == f"{testbed.registry.host}/digits@{testbed.registry.digest('digits', sha[:12])}"
    assert (outputs["workflow-phase"], outputs["gate"], outputs["verified"]) == ("Succeeded", "passed", "true")
    assert set(outputs) == {output.name for output in steps.outputs()}
    workflow = testbed.sandbox.cluster.store.get(WORKFLOWS, "default", outputs["workflow-name"])
    given = {one["name"]: one.get("value") for one in workflow["spec"]["arguments"]["parameters"]}
    assert (given["image"], given["sha"], given["pr"]) == (outputs["image-ref"], sha, str(pull.number))
    assert (float(given["lr"]), given["epochs"]) == (0.003, "20")
    assert workflow["spec"]["entrypoint"] == "pipeline"


def test_the_image_of_a_pull_request_has_no_other_tag_than_its_commit(
    trained: WorkflowRun, testbed: PipelineTestbed
) -> None:
    assert trained.step("mlops").outputs["image-tags"].split() == [testbed.digits.branch[:12]]


def test_the_pull_requests_one_comment_is_the_report(
    trained: WorkflowRun, pull: PullRequest, testbed: PipelineTestbed
) -> None:
    outputs = trained.step("mlops").outputs
    (comment,) = [comment for comment in pull.comments if comment.user.is_bot]
    assert outputs["image-digest"][:19] in comment.body
    assert outputs["workflow-url"] in comment.body
    assert outputs["best-run-url"] in comment.body
    checks = {run.name: run.conclusion for run in testbed.repository.check_runs.values() if run.head_sha == pull.head_sha}
    assert checks["metrics"] == "success"


def test_a_failed_gate_fails_the_step_and_its_outputs_are_there(
    trained: WorkflowRun, testbed: PipelineTestbed, pull: PullRequest
) -> None:
    """Neither image nor workflow is asked for: the commit's runs are there already, and are reported."""
    before = testbed.workflows()
    run = testbed.say(pull, COMMAND, path("strict"))
    step = run.step("mlops")
    assert (run.exit_code, step.outcome) == (1, "failure"), run.transcript
    assert (step.outputs["gate"], step.outputs["num-candidates"]) == ("failed", "2")
    assert (step.outputs["image-ref"], step.outputs["workflow-name"]) == ("", "")
    assert testbed.workflows() == before


def test_without_more_it_listens_only(testbed: PipelineTestbed, pull: PullRequest) -> None:
    before = testbed.workflows()
    run = testbed.say(pull, COMMAND, path("listen"))
    assert run.exit_code == 0, run.transcript
    outputs = run.step("mlops").outputs
    assert outputs["chatops-triggered"] == "true"
    assert (outputs["image-ref"], outputs["workflow-name"], outputs["gate"]) == ("", "", "")
    assert "HEAD is now at" not in run.transcript  # the checkout's words
    assert testbed.workflows() == before


def test_an_image_alone_is_published_and_not_submitted(testbed: PipelineTestbed, pull: PullRequest) -> None:
    before = testbed.workflows()
    run = testbed.say(pull, COMMAND, path("publish"))
    assert run.exit_code == 0, run.transcript
    outputs = run.step("mlops").outputs
    assert (
        outputs["image-ref"]
        == f"{testbed.registry.host}/digits@{testbed.registry.digest('digits', testbed.digits.branch[:12])}"
    )
    assert (outputs["workflow-name"], outputs["gate"]) == ("", "")
    assert testbed.workflows() == before


def test_a_built_in_command_is_answered_and_begins_nothing(testbed: PipelineTestbed, pull: PullRequest) -> None:
    before = testbed.workflows()
    run = testbed.say(pull, "/status", path("controls"))
    assert run.exit_code == 0, run.transcript
    outputs = run.step("mlops").outputs
    assert (outputs["chatops-reason"], outputs["chatops-triggered"], outputs["chatops-control"]) == ("status", "false", "")
    assert "Nothing of `/train` runs or waits" in pull.comments[-1].body.replace("\u00a0", " ")
    assert testbed.workflows() == before


def test_a_stranger_gets_past_the_first_step_in_nothing(testbed: PipelineTestbed, pull: PullRequest) -> None:
    before = testbed.workflows()
    run = testbed.say(pull, COMMAND, path("all"), by=STRANGER)
    assert run.exit_code == 0, run.transcript
    outputs = run.step("mlops").outputs
    assert (outputs["chatops-decision"], outputs["chatops-triggered"]) == ("deny", "false")
    assert (outputs["image-ref"], outputs["workflow-name"], outputs["gate"]) == ("", "", "")
    assert "HEAD is now at" not in run.transcript
    assert testbed.workflows() == before


def test_no_secret_reaches_the_log(trained: WorkflowRun, testbed: PipelineTestbed) -> None:
    for secret in (*testbed.sandbox.secrets().values(), testbed.registry.password):
        assert secret not in trained.transcript
