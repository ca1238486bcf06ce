"""The example's own workflow files, run by act: four containers, a real daemon and registry, the sandbox for the rest.

`baseline.yml` on a push to main, then `mlops.yml` on a maintainer's `/train` on a pull request. The cluster stand-in runs
the workflow's containers in the same daemon, from the image that docker-publish pushed, by its digest.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.demo.story import COMMAND, MAINTAINER, STRANGER
from mlops_sandbox.github import PullRequest
from tests.e2e.act import WorkflowRun
from tests.e2e.debian_registry import DebianRegistry, debian_registry
from tests.e2e.pipeline_testbed import Pipeline, PipelineTestbed

BASELINE, MLOPS = ".github/workflows/baseline.yml", ".github/workflows/mlops.yml"
IMAGE = "digits"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DebianRegistry]:
    """One of its own: an image that other tests have published there would be reused, and is of another commit."""
    with debian_registry(tmp_path_factory.mktemp("registry")) as found:
        yield found


@pytest.fixture(scope="module")
def testbed(pipeline: Pipeline, registry: DebianRegistry) -> Iterator[PipelineTestbed]:
    with pipeline(registry) as made:
        yield made


@pytest.fixture(scope="module")
def baseline(testbed: PipelineTestbed) -> WorkflowRun:
    (push,) = (delivery for delivery in testbed.github.deliveries if delivery.event == "push")
    return testbed.run(BASELINE, push.event, push.payload, MAINTAINER)


@pytest.fixture(scope="module")
def pull(testbed: PipelineTestbed, baseline: WorkflowRun) -> PullRequest:
    assert baseline.exit_code == 0, baseline.transcript
    return testbed.open_pull_request()


@pytest.fixture(scope="module")
def trained(testbed: PipelineTestbed, pull: PullRequest) -> WorkflowRun:
    return testbed.say(pull, COMMAND, MLOPS)


def test_a_push_to_main_trains_the_baseline_from_its_image(testbed: PipelineTestbed, baseline: WorkflowRun) -> None:
    assert baseline.exit_code == 0, baseline.transcript
    published, submitted = baseline.step("publish").outputs, baseline.step("workflow").outputs
    assert published["tags"].split() == [testbed.digits.main[:12], "latest"]
    assert published["digest"] == testbed.registry.digest(IMAGE, "latest")
    assert submitted["phase"] == "Succeeded"


def test_every_step_succeeds(trained: WorkflowRun) -> None:
    assert trained.exit_code == 0, trained.transcript
    for name in ("chatops", "publish", "workflow", "report"):
        assert trained.step(name).outcome == "success", trained.transcript


def test_the_command_becomes_a_commit_and_typed_parameters(
    trained: WorkflowRun, testbed: PipelineTestbed, pull: PullRequest
) -> None:
    outputs = trained.step("chatops").outputs
    assert outputs["triggered"] == "true"
    assert outputs["decision"] == "continue"
    assert outputs["command"] == "train"
    assert json.loads(outputs["params"]) == {"lr": 0.003, "epochs": 20, "approval": False}
    assert outputs["sha"] == testbed.digits.branch
    assert outputs["pr-number"] == str(pull.number)
    assert outputs["actor"] == MAINTAINER


def test_the_image_of_that_commit_is_in_the_registry_by_its_digest(trained: WorkflowRun, testbed: PipelineTestbed) -> None:
    outputs = trained.step("publish").outputs
    sha = testbed.digits.branch
    assert outputs["ref"] == f"{testbed.registry.host}/{IMAGE}@{outputs['digest']}"
    assert testbed.registry.digest(IMAGE, outputs["digest"]) == outputs["digest"]
    assert testbed.registry.digest(IMAGE, sha[:12]) == outputs["digest"]
    manifest: Any = testbed.registry.manifest(IMAGE, outputs["digest"])
    config = json.loads(testbed.registry.blob(IMAGE, manifest["config"]["digest"]))
    assert config["config"]["Labels"]["org.opencontainers.image.revision"] == sha


def test_the_workflow_ran_from_that_image_with_the_commands_parameters(
    trained: WorkflowRun, testbed: PipelineTestbed
) -> None:
    outputs = trained.step("workflow").outputs
    assert outputs["phase"] == "Succeeded"
    workflow = testbed.sandbox.cluster.store.get(WORKFLOWS, "default", outputs["workflow-name"])
    given = {one["name"]: one.get("value") for one in workflow["spec"]["arguments"]["parameters"]}
    assert given["image"] == trained.step("publish").outputs["ref"]
    assert given["sha"] == testbed.digits.branch
    assert (float(given["lr"]), given["epochs"]) == (0.003, "20")
    assert float(json.loads(outputs["outputs"])["test-accuracy"]) > 0.9
    asked_for = f"/v2/{IMAGE}/manifests/{trained.step('publish').outputs['digest']}"
    assert ("GET", asked_for) in {(method, path) for method, path, status in testbed.registry.requests() if status == 200}


def test_the_report_ties_the_runs_to_the_commit_and_sets_them_against_the_baseline(
    trained: WorkflowRun, testbed: PipelineTestbed
) -> None:
    outputs = trained.step("report").outputs
    assert (outputs["num-candidates"], outputs["num-baselines"]) == ("2", "2")
    assert (outputs["complete"], outputs["verified"], outputs["same-data"]) == ("true", "true", "true")
    assert outputs["gate"] == "passed"
    kept = json.loads(outputs["result"])
    assert json.loads(trained.step("workflow").outputs["outputs"])["run-id"] in json.dumps(kept)


def test_the_pull_request_shows_it(trained: WorkflowRun, pull: PullRequest, testbed: PipelineTestbed) -> None:
    by_bot = [comment for comment in pull.comments if comment.user.is_bot]
    assert len(by_bot) == 1, [comment.body[:200] for comment in by_bot]
    body = by_bot[0].body
    assert testbed.digits.branch[:7] in body
    assert trained.step("publish").outputs["digest"][:19] in body
    assert trained.step("workflow").outputs["workflow-url"] in body
    assert trained.step("report").outputs["best-run-url"] in body
    assert "xychart-beta" in body
    checks = {run.name: run.conclusion for run in testbed.repository.check_runs.values() if run.head_sha == pull.head_sha}
    assert (checks["training"], checks["metrics"]) == ("success", "success")
    assert [reaction.content for reaction in pull.comments[0].reactions] == ["rocket"]
    assert "trained" in pull.label_names


def test_nobody_else_gets_past_chatops(testbed: PipelineTestbed, pull: PullRequest, trained: WorkflowRun) -> None:
    assert trained.exit_code == 0
    delivery = pull.comment(COMMAND, by=STRANGER)
    run = testbed.run(MLOPS, delivery.event, delivery.payload, STRANGER)
    assert run.exit_code == 0, run.transcript
    assert run.step("chatops").outputs["decision"] == "deny"
    assert run.step("chatops").outputs["triggered"] == "false"
    assert {job for job, _ in run.steps} == {"listen"}
    submitted, _ = testbed.sandbox.cluster.store.items(WORKFLOWS)
    assert len(submitted) == 2  # the baseline's and the maintainer's


def test_no_secret_reaches_the_log(trained: WorkflowRun, testbed: PipelineTestbed) -> None:
    for secret in (*testbed.sandbox.secrets().values(), testbed.registry.password):
        assert secret not in trained.transcript
