"""Submit and leave, by the example's long.yml and long-ended.yml under act: two jobs that share nothing but GitHub.

No container of the workflow starts before the first job is gone for good: its act process, its containers and its folder.
Then the workflow trains, its exit handler calls back from inside the cluster, and the second job reports and concludes.
On the sandbox's cluster, and on a real one (kube-apiserver and Argo's controller).
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.core.callback import EVENT_TYPE, CallBack, read
from mlops_actions.core.types import Json
from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.demo.story import CONTRIBUTOR, MAINTAINER
from mlops_sandbox.github import Delivery, PullRequest
from mlops_sandbox.github.checks import CheckRun
from tests.e2e.act import WorkflowRun
from tests.e2e.cluster.workflows import has_ended
from tests.e2e.debian_registry import DebianRegistry
from tests.e2e.digits_testbed import DigitsTestbed
from tests.e2e.docker_daemon import Docker
from tests.e2e.held_containers import Held, held_testbed, submitting_to

LONG, ENDED = ".github/workflows/long.yml", ".github/workflows/long-ended.yml"
CONTAINERS_OF_ACT = "act-Long-training"
ENDING = 300.0
Wait = Callable[[str], Json]


@dataclass
class Story:
    """What happened, in order. `left` says what was found of the first job's act when it had ended."""

    testbed: DigitsTestbed
    pull: PullRequest
    workflow: Json
    submitted: WorkflowRun
    left: list[str]
    before: Mapping[str, Any]
    delivery: Delivery[Any]
    reported: WorkflowRun


@pytest.fixture(scope="module", params=["sandbox", "real cluster"])
def story(
    request: pytest.FixtureRequest,
    docker: Docker,
    images: Mapping[str, str],
    checkout: Path,
    registry: DebianRegistry,
    tools_image: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Story]:
    with held_testbed(docker, images, checkout, registry, tmp_path_factory.mktemp("long")) as (testbed, held):
        testbed.variables = {**testbed.variables, "CALLBACK_IMAGE": tools_image}
        token = {"token": testbed.github.user_token(MAINTAINER).value}
        if request.param == "sandbox":
            testbed.sandbox.cluster.add_secret("mlops-callback", token)
            yield played(testbed, held, of_the_sandbox(testbed))
        else:
            cluster = request.getfixturevalue("docker_cluster")
            with submitting_to(cluster, testbed, held, request.getfixturevalue("containers"), token):
                yield played(testbed, held, lambda name: cluster.until(name, has_ended))


def of_the_sandbox(testbed: DigitsTestbed) -> Wait:
    """How to wait for the end of a workflow on the sandbox's cluster: by its own changes."""

    def wait(name: str) -> Json:
        store, changed = testbed.sandbox.cluster.store, threading.Event()
        leave = store.subscribe(lambda _: changed.set())
        try:
            while not has_ended(workflow := store.get(WORKFLOWS, "default", name)):
                assert changed.wait(ENDING), workflow.get("status")
                changed.clear()
            return workflow
        finally:
            leave()

    return wait


def played(testbed: DigitsTestbed, held: Held, until_ended: Wait) -> Story:
    baseline(testbed)
    pull = testbed.open_pull_request()
    comment = pull.comment("/long lr=3e-3 epochs=20", by=MAINTAINER)
    submitted = testbed.run(LONG, comment.event, comment.payload, MAINTAINER)
    assert submitted.exit_code == 0, submitted.transcript
    assert held.started == [], "the workflow has not begun"
    left = remains(testbed)
    shutil.rmtree(testbed.act.root)
    testbed.act.root.mkdir()
    before = state(testbed, pull)
    held.release()
    workflow = until_ended(submitted.step("workflow").outputs["workflow-name"])
    (delivery,) = (one for one in testbed.github.deliveries if one.event == "repository_dispatch")
    reported = testbed.run(ENDED, delivery.event, delivery.payload, MAINTAINER)
    return Story(testbed, pull, workflow, submitted, left, before, delivery, reported)


def baseline(testbed: DigitsTestbed) -> None:
    wandb = testbed.sandbox.wandb
    summary = {"test_accuracy": 0.8, "val_accuracy": 0.8, "loss": 0.9}
    wandb.store.add_run(
        wandb.entity, "digits", name="baseline", commit=testbed.digits.main, tags=["baseline"], summary=summary
    )


def remains(testbed: DigitsTestbed) -> list[str]:
    """Containers and processes of an act that has run here."""
    names = testbed.act.docker("ps", "--all", "--filter", f"name={CONTAINERS_OF_ACT}", "--format", "{{.Names}}").split()
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = process.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it has ended meanwhile
        if str(testbed.act.root) in line:
            found.append(line)
    return [*names, *found]


def created_checks(testbed: DigitsTestbed) -> list[CheckRun]:
    """The check runs that the actions created, without those of the jobs."""
    return [run for run in testbed.repository.check_runs.values() if run.from_api]


def state(testbed: DigitsTestbed, pull: PullRequest) -> Json:
    """What the pull request shows."""
    return {
        "labels": sorted(pull.label_names),
        "checks": {run.name: run.conclusion or run.status for run in created_checks(testbed)},
        "reactions": [reaction.content for reaction in pull.comments[0].reactions],
        "comments": [one.body.replace("\u00a0", " ") for one in pull.comments if one.user.is_bot],
    }


def test_the_first_job_submits_and_is_gone_for_good(story: Story) -> None:
    outputs = story.submitted.step("workflow").outputs
    assert outputs["workflow-name"]
    assert story.left == []
    assert story.before["labels"] == ["training"]
    assert story.before["checks"] == {"long training": "in_progress"}
    assert story.before["reactions"] == ["eyes"]
    (comment,) = story.before["comments"]
    assert story.testbed.digits.branch[:7] in comment


def test_the_cluster_calls_back_with_what_it_knows(story: Story) -> None:
    assert story.workflow["status"]["phase"] == "Succeeded"
    assert story.delivery.payload["action"] == EVENT_TYPE
    claim: CallBack = read(story.delivery.payload["client_payload"])
    assert (claim.sha, claim.pull_request, claim.phase) == (story.testbed.digits.branch, story.pull.number, "Succeeded")
    assert claim.workflow == story.submitted.step("workflow").outputs["workflow-name"]
    assert claim.uid == story.workflow["metadata"]["uid"]


def test_the_second_job_restores_the_context(story: Story) -> None:
    assert story.reported.exit_code == 0, story.reported.transcript
    outputs = story.reported.step("chatops").outputs
    assert (outputs["sha"], outputs["pr-number"]) == (story.testbed.digits.branch, str(story.pull.number))
    feedback = json.loads(outputs["result"])["feedback"]
    check = next(run for run in created_checks(story.testbed) if run.name == "long training")
    assert (feedback["command"], feedback["check-run-id"]) == ("/long", check.id)


def test_it_compares_and_reports_in_the_comment_that_the_first_job_began(story: Story) -> None:
    outputs = story.reported.step("report").outputs
    assert (outputs["gate"], outputs["verified"], outputs["num-candidates"]) == ("passed", "true", "2")
    body, notice = state(story.testbed, story.pull)["comments"]
    assert "✅ `/long` succeeded: [the report](" in notice.partition("\n")[0]
    assert "✅ All 2 gates passed" in body
    assert outputs["best-run-url"] in body
    assert story.submitted.step("workflow").outputs["workflow-name"] in body
    assert story.submitted.step("publish").outputs["ref"] in body


def test_it_concludes_what_the_first_job_began(story: Story) -> None:
    now = state(story.testbed, story.pull)
    assert now["labels"] == ["trained"]
    assert now["checks"] == {"long training": "success", "metrics": "success"}
    assert now["reactions"] == ["rocket"]
    assert len(created_checks(story.testbed)) == 2


def test_a_forged_call_back_concludes_and_reports_nothing(story: Story) -> None:
    """Whoever may write can send one; a commit that is not the pull request's is not taken."""
    before = state(story.testbed, story.pull)
    claim = read(story.delivery.payload["client_payload"])
    forged = {**claim.payload(), "sha": "f" * 40, "phase": "Failed"}
    delivery = story.testbed.repository.dispatch(EVENT_TYPE, forged, by=CONTRIBUTOR)
    run = story.testbed.run(ENDED, delivery.event, delivery.payload, CONTRIBUTOR)
    assert run.step("chatops").outputs["decision"] == "deny", run.transcript
    assert run.step("report").outcome == ""
    assert state(story.testbed, story.pull) == before


def test_no_secret_reaches_a_log(story: Story) -> None:
    secrets = {**story.testbed.sandbox.secrets(), **story.testbed.secrets}.values()
    for run in (story.submitted, story.reported):
        for secret in secrets:
            assert secret not in run.transcript
