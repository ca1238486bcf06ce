"""`/deploy <run-id>` by the example's own deploy.yml under act: what is promoted, what the pull request shows, refusals.

The runs are put into the tracker's stand-in as the training logs them; who gives the alias is the real SDK in the image.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mlops_sandbox.cluster import ProcessExecutor
from mlops_sandbox.demo.story import CONTRIBUTOR, MAINTAINER, STRANGER
from mlops_sandbox.github import PullRequest, render_page
from tests.e2e.act import Act, WorkflowRun
from tests.e2e.digits_testbed import DigitsTestbed, digits_testbed
from tests.e2e.docker_daemon import Docker

DEPLOY = ".github/workflows/deploy.yml"
GOOD = {"test_accuracy": 0.97, "val_accuracy": 0.96, "loss": 0.1}


@pytest.fixture(scope="module")
def testbed(
    docker: Docker, images: Mapping[str, str], checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DigitsTestbed]:
    root = tmp_path_factory.mktemp("deploy")
    (root / "act").mkdir()
    act = Act(docker, images, checkout, root / "act")
    with digits_testbed(act, ProcessExecutor(lambda _: None), root) as made:
        log(made, "baseline", made.digits.main, tags=["baseline"], summary={**GOOD, "test_accuracy": 0.9})
        log(made, "better", made.digits.branch)
        log(made, "best", made.digits.branch)
        log(made, "worse", made.digits.branch, summary={**GOOD, "test_accuracy": 0.8})
        log(made, "claimed", "", config={"github_sha": made.digits.branch})
        log(made, "going-on", made.digits.branch, state="running")
        log(made, "other-data", made.digits.branch, data="d2")
        yield made


def log(testbed: DigitsTestbed, name: str, commit: str, *, data: str = "d1", **more: Any) -> None:
    """A run of a commit, with the dataset it used and the model it logged."""
    wandb = testbed.sandbox.wandb
    run = wandb.store.add_run(wandb.entity, "digits", name=name, commit=commit, **{"summary": GOOD, **more})
    project = wandb.store.project(wandb.entity, "digits")
    run.inputs.append(wandb.store.add_artifact(project.collection("digits", "dataset"), data))
    wandb.store.add_artifact(project.collection("digits-model", "model"), f"model of {name}", run=run)


@pytest.fixture(scope="module")
def pull(testbed: DigitsTestbed) -> PullRequest:
    return testbed.open_pull_request()


def in_production(testbed: DigitsTestbed) -> str:
    """The run whose model has the alias, empty where none has."""
    models = testbed.sandbox.wandb.store.project(testbed.sandbox.wandb.entity, "digits").collections["digits-model"]
    model = models.aliases.get("production")
    return model.run.name if model and model.run else ""


def states(testbed: DigitsTestbed) -> list[str]:
    return [deployment.state for deployment in sorted(testbed.repository.deployments.values(), key=lambda one: one.id)]


@pytest.fixture(scope="module")
def deployed(testbed: DigitsTestbed, pull: PullRequest) -> WorkflowRun:
    return testbed.say(pull, "The report looks good.\n\n/deploy better", DEPLOY)


def test_the_runs_model_is_in_production(testbed: DigitsTestbed, deployed: WorkflowRun) -> None:
    assert deployed.exit_code == 0, deployed.transcript
    outputs = deployed.step("promote").outputs
    assert (outputs["requirements"], outputs["gate"], outputs["verified"]) == ("passed", "passed", "true")
    assert outputs["promoted"].startswith("digits-model:v")
    assert in_production(testbed) == "better"


def test_the_deployment_is_of_the_head_with_the_command_as_its_payload(
    testbed: DigitsTestbed, deployed: WorkflowRun
) -> None:
    (deployment,) = testbed.repository.deployments.values()
    assert (deployment.sha, deployment.environment) == (testbed.digits.branch, "production")
    assert deployment.payload == {"run": "better"}
    assert deployed.step("chatops").outputs["deployment-id"] == str(deployment.id)


def test_the_pull_request_shows_it(testbed: DigitsTestbed, deployed: WorkflowRun, pull: PullRequest) -> None:
    bodies = [one.body.replace("\u00a0", " ") for one in pull.comments if one.user.is_bot]
    assert len(bodies) == 1
    assert bodies[0].startswith("<!-- mlops-actions:deploy -->")
    assert "✅ All 2 gates passed for run `better`" in bodies[0]
    assert f"**Promoted:** `{deployed.step('promote').outputs['promoted']}` is now `production`" in bodies[0]
    page = render_page(pull)
    assert "to <strong>production</strong>" in page
    assert "state-success" in page


def test_a_second_deployment_turns_the_first_inactive_once_it_is_active(
    testbed: DigitsTestbed, deployed: WorkflowRun, pull: PullRequest
) -> None:
    assert deployed.exit_code == 0
    run = testbed.say(pull, "/deploy best", DEPLOY)
    assert run.exit_code == 0, run.transcript
    assert in_production(testbed) == "best"


UNSUPPORTED = [
    ("nobody", "there is no run nobody in this project"),
    ("baseline", "run baseline is of commit"),
    ("claimed", "only the run's own config names commit"),
    ("going-on", "run going-on is running"),
    ("other-data", "other datasets than the baselines"),
    ("worse", "test_accuracy"),
]


@pytest.mark.parametrize(("run", "why"), UNSUPPORTED, ids=[run for run, _ in UNSUPPORTED])
def test_what_does_not_hold_is_said_and_nothing_is_promoted(
    testbed: DigitsTestbed, deployed: WorkflowRun, pull: PullRequest, run: str, why: str
) -> None:
    assert deployed.exit_code == 0
    before, known = in_production(testbed), len(testbed.repository.deployments)
    refused = testbed.say(pull, f"/deploy {run}", DEPLOY)
    assert refused.exit_code != 0
    step = refused.step("promote")
    assert step.outcome == "failure"
    assert why in refused.transcript
    assert step.outputs["promoted"] == ""
    assert in_production(testbed) == before != run
    assert len(testbed.repository.deployments) == known + 1
    bodies = [one.body.replace("\u00a0", " ") for one in pull.comments if one.body.startswith("<!-- mlops-actions:deploy")]
    newest = bodies[-1].partition("<!-- mlops-actions-earlier -->")[0]
    assert "**Nothing was promoted to `production`**" in newest
    assert "### ❌" in newest


@pytest.mark.parametrize(
    ("command", "by", "reason"),
    [
        ("/deploy best", STRANGER, "permission"),
        ("/deploy best", CONTRIBUTOR, "permission"),
        ("/deploy", MAINTAINER, "parameters"),
        ("/deploy ../../other/project/runs/best", MAINTAINER, "parameters"),
        ("/deploy $(id)", MAINTAINER, "parameters"),
        ("/deploy best better", MAINTAINER, "parameters"),
    ],
)
def test_who_may_not_or_says_it_wrong_begins_no_deployment(
    testbed: DigitsTestbed, deployed: WorkflowRun, pull: PullRequest, command: str, by: str, reason: str
) -> None:
    assert deployed.exit_code == 0
    before, known = in_production(testbed), len(testbed.repository.deployments)
    run = testbed.say(pull, command, DEPLOY, by=by)
    assert run.exit_code == 0, run.transcript
    outputs = run.step("chatops").outputs
    assert (outputs["decision"], outputs["reason"]) == ("deny", reason)
    assert {job for job, _ in run.steps} == {"listen"}
    assert len(testbed.repository.deployments) == known
    assert in_production(testbed) == before


@pytest.mark.parametrize(
    ("command", "number", "by", "reason"),
    [
        ("/train epochs=many", "1", MAINTAINER, "parameters"),
        ("train", "1", STRANGER, "permission"),
        (f"/train sha={'e' * 40}", "1", MAINTAINER, "sha-mismatch"),
    ],
)
def test_a_form_that_is_sent_by_hand_is_judged_like_a_comment(
    testbed: DigitsTestbed, pull: PullRequest, command: str, number: str, by: str, reason: str
) -> None:
    assert pull.number == 1
    path = ".github/workflows/by-hand.yml"
    delivery = testbed.repository.workflow_dispatch({"command": command, "pr-number": number}, by=by, workflow=path)
    run = testbed.run(path, delivery.event, delivery.payload, by)
    assert run.exit_code == 0, run.transcript
    outputs = run.step("chatops").outputs
    assert (outputs["decision"], outputs["reason"], outputs["pr-number"]) == ("deny", reason, "1")
    assert run.step("publish").outcome == ""


def test_a_push_makes_every_earlier_run_one_of_another_commit(
    testbed: DigitsTestbed, deployed: WorkflowRun, pull: PullRequest
) -> None:
    """Runs last: the head moves."""
    assert deployed.exit_code == 0
    before = in_production(testbed)
    pull.push(sha="e" * 40, by=CONTRIBUTOR)
    run = testbed.say(pull, f"/deploy better sha={'e' * 40}", DEPLOY)
    assert run.exit_code != 0
    assert f"not of {'e' * 7}" in run.transcript
    assert in_production(testbed) == before
    assert json.loads(run.step("promote").outputs["result"])["promoted"] is None
