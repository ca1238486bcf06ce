"""The post stage of each action in its image, as the runner starts it: with the main stage's state and the job's status."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_actions.sandbox.cluster import LocalImage, ProcessExecutor
from mlops_actions.sandbox.cluster.resources import WORKFLOWS
from mlops_actions.sandbox.demo.story import CONTRIBUTOR, MAINTAINER, NAME
from mlops_actions.sandbox.github import PullRequest
from mlops_actions.sandbox.suite import Sandbox
from tests.e2e.container_step import Finished, Runner

SLEEPER = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: sleeper-}
spec:
  entrypoint: main
  templates:
    - name: main
      container: {image: any, command: [sleep, "600"]}
"""


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    (tmp_path / "image").mkdir()
    with Sandbox(ProcessExecutor(lambda _: LocalImage(tmp_path / "image"))) as started:
        started.github.repository(NAME).collaborator(MAINTAINER, "maintain")
        yield started


@pytest.fixture
def pull(sandbox: Sandbox) -> PullRequest:
    return sandbox.github.repository(NAME).open_pull_request(by=CONTRIBUTOR)


def addresses(sandbox: Sandbox) -> dict[str, str]:
    return {name: value for name, value in sandbox.environment().items() if name.startswith("GITHUB_")}


def listen(runner: Runner, sandbox: Sandbox, pull: PullRequest, status: str, before: Finished | None = None) -> Finished:
    """Run chatops' main stage on a new `/train`, or the post stage after that main stage."""
    token = sandbox.github.workflow_token(pull.repository, {"pull-requests": "write", "checks": "write", "contents": "read"})
    inputs = {
        "commands": "[train]", "github-token": token.value, "job-status": status, "check-name": "training",
        "pending-label": "training", "success-label": "trained", "failure-label": "training-failed",
    }  # fmt: skip
    state = {} if before is None else before.state
    event = (pull.comment("/train", by=MAINTAINER) if before is None else sandbox.github.deliveries[-1]).payload
    return runner.run("chatops", inputs=inputs, env=addresses(sandbox), event=event, state=state, post=before is not None)


@pytest.mark.parametrize(
    ("status", "label", "conclusion"),
    [
        ("success", "trained", "success"),
        ("failure", "training-failed", "failure"),
        ("cancelled", "training-failed", "cancelled"),
    ],
)
def test_chatops_concludes_what_it_began_by_the_jobs_status(
    runner: Runner, sandbox: Sandbox, pull: PullRequest, status: str, label: str, conclusion: str
) -> None:
    main = listen(runner, sandbox, pull, "success")
    assert main.exit_code == 0, main.log
    assert pull.label_names == ["training"]

    post = listen(runner, sandbox, pull, status, main)

    assert post.exit_code == 0, post.log
    assert pull.label_names == [label]
    (check,) = pull.repository.check_runs.values()
    assert (check.name, check.status, check.conclusion) == ("training", "completed", conclusion)


def test_chatops_concludes_nothing_where_nothing_was_begun(runner: Runner, sandbox: Sandbox, pull: PullRequest) -> None:
    event = pull.comment("just talk", by=MAINTAINER).payload
    inputs = {"commands": "[train]", "github-token": "unused", "job-status": "failure"}
    main = runner.run("chatops", inputs=inputs, env=addresses(sandbox), event=event)
    post = runner.run("chatops", inputs=inputs, env=addresses(sandbox), event=event, state=main.state, post=True)
    assert (main.exit_code, post.exit_code) == (0, 0), main.log + post.log
    assert main.outputs["triggered"] == "false"
    assert sandbox.github.exchanges == []


def test_docker_publish_removes_the_credentials_that_a_killed_main_stage_left(runner: Runner) -> None:
    left = runner.temp / "mlops-actions-left"
    left.mkdir(mode=0o700)
    (left / "config.json").write_text('{"auths": {}}')
    post = runner.run(
        "docker-publish",
        inputs={"image": "digits"},
        state={"private_directory": f"/github/runner_temp/{left.name}"},
        post=True,
    )
    assert post.exit_code == 0, post.log
    assert not left.exists()


def test_docker_publish_removes_nothing_that_it_did_not_make(runner: Runner) -> None:
    kept = runner.workspace / "data"
    kept.mkdir()
    for path in ("/github/workspace/data", "/github/runner_temp/../workspace/data", "/github/runner_temp"):
        post = runner.run("docker-publish", inputs={"image": "digits"}, state={"private_directory": path}, post=True)
        assert post.exit_code == 0, post.log
    assert kept.exists()
    assert runner.temp.exists()


def test_wandb_runs_has_nothing_to_undo(runner: Runner) -> None:
    assert runner.run("wandb-runs", inputs={"project": "sandbox/digits"}, post=True).exit_code == 0


def test_argo_submit_stops_the_workflow_of_a_main_stage_that_was_killed(runner: Runner, sandbox: Sandbox) -> None:
    (runner.workspace / "workflow.yaml").write_text(SLEEPER)
    inputs = {"workflow": "workflow.yaml", "kubeconfig": sandbox.secrets()["KUBECONFIG"], "sha": "a" * 40, "logs": "none"}
    main = runner.start("argo-submit", inputs=inputs, env=addresses(sandbox), event_name="push", event={})
    workflow = wait_for_a_running_workflow(sandbox)
    runner.docker("kill", main.name)
    killed = main.wait()
    assert killed.exit_code == 137, killed.log
    assert phase(sandbox, workflow) == "Running"

    post = runner.run(
        "argo-submit", inputs=inputs, env=addresses(sandbox), event_name="push", event={}, state=killed.state, post=True
    )

    assert post.exit_code == 0, post.log
    spec = sandbox.cluster.store.get(WORKFLOWS, "default", workflow)["spec"]
    assert spec["shutdown"] == "Stop"


def wait_for_a_running_workflow(sandbox: Sandbox) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found, _ = sandbox.cluster.store.items(WORKFLOWS)
        if found and found[0].get("status", {}).get("phase") == "Running":
            return str(found[0]["metadata"]["name"])
        time.sleep(0.1)
    raise AssertionError("no workflow ran within a minute")


def phase(sandbox: Sandbox, workflow: str) -> str:
    return str(sandbox.cluster.store.get(WORKFLOWS, "default", workflow)["status"]["phase"])
