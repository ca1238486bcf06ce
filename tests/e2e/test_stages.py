"""The main and the post stage of one step, in containers as the runner starts them: the post stage concludes.

act gives the post stage neither state nor defaults, so these tests run it.
"""

from __future__ import annotations

import base64
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from mlops_sandbox.cluster import Cluster, LocalImage, ProcessExecutor
from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.github import Delivery, GitHubServer, PullRequest
from mlops_sandbox.github.discussion import Comment
from mlops_sandbox.host import Host
from tests.e2e.container_step import ContainerRunner
from tests.e2e.debian_registry import DebianRegistry
from tests.e2e.images import BASE_IMAGE
from tests.support.step import StepRecord

PERMISSIONS = {"checks": "write", "contents": "read", "pull-requests": "write"}


class Commanded:
    """A maintainer's `/train` on a pull request, and the stages of chatops for it."""

    def __init__(self, runner: ContainerRunner, github: GitHubServer) -> None:
        self._runner = runner
        self._github = github
        self.repository = github.repository(runner.repository)
        self.repository.collaborator("maintainer", "maintain")
        for label in ("training", "trained", "training failed"):
            self.repository.define_label(label)
        self.pull: PullRequest = self.repository.open_pull_request(by="contributor", title="Train longer")
        github.clock.catch_up()
        self._comment: Delivery[Comment] = self.pull.comment("/train", by="maintainer")

    def run(self, *, status: str, state: Mapping[str, str] | None = None) -> StepRecord:
        """Run the main stage, or with a state the post stage; `status` is the job's."""
        inputs = {
            "commands": "/train",
            "github-token": self._github.workflow_token(self.repository, PERMISSIONS).value,
            "check-name": "training",
            "pending-label": "training",
            "success-label": "trained",
            "failure-label": "training failed",
            "job-status": status,
        }
        return self._runner.run(
            "chatops",
            inputs=inputs,
            event_name=self._comment.event,
            event=self._comment.payload,
            env={"GITHUB_API_URL": self._github.api_url, "GITHUB_SERVER_URL": self._github.origin},
            state=state,
            post=state is not None,
            read_only_home=True,
        )

    def check(self) -> tuple[str, str | None]:
        """Return the status and conclusion of the only check run."""
        (run,) = self.repository.check_runs.values()
        return run.status, run.conclusion

    def labels(self) -> list[str]:
        """Return the labels of the pull request."""
        return [label.name for label in self.pull.labels]


@pytest.mark.parametrize(
    ("status", "conclusion", "label"),
    [("success", "success", "trained"), ("failure", "failure", "training failed"), ("cancelled", "cancelled", None)],
)
def test_the_post_stage_of_chatops_concludes_its_feedback(
    runner: ContainerRunner, github: GitHubServer, status: str, conclusion: str, label: str | None
) -> None:
    commanded = Commanded(runner, github)

    main = commanded.run(status="success")
    assert main.exit_code == 0, main.log
    assert main.outputs["triggered"] == "true"
    assert commanded.check() == ("in_progress", None)
    assert commanded.labels() == ["training"]

    post = commanded.run(status=status, state=main.state)
    assert post.exit_code == 0, post.log
    assert commanded.check() == ("completed", conclusion)
    assert "training" not in commanded.labels()
    if label:
        assert commanded.labels() == [label]


@pytest.fixture
def workspace(runner: ContainerRunner) -> Path:
    """A checked-out commit whose image takes longer to build than anybody waits."""
    (runner.workspace / "Dockerfile").write_text(f"FROM {BASE_IMAGE}\nRUN echo began-$((40 + 2)) && sleep 3600\n")
    git = ["git", "-C", str(runner.workspace), "-c", "user.name=Alice", "-c", "user.email=alice@example.com"]
    subprocess.run([*git, "init", "--quiet", "--initial-branch", "main"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "Build slowly"], check=True)
    return runner.workspace


def credentials(runner: ContainerRunner, registry: DebianRegistry) -> list[Path]:
    """Files of the job, outside of its workspace, that hold the registry's password in any form."""
    password = registry.password.encode()
    forms = (password, base64.b64encode(password), base64.b64encode(f"{registry.username}:".encode() + password))
    files = [path for path in runner.temp.rglob("*") if path.is_file()]
    return [path for path in files if any(form in path.read_bytes() for form in forms)]


def publishing(registry: DebianRegistry) -> dict[str, str]:
    return {
        "image": "slow",
        "registry": registry.host,
        "username": registry.username,
        "password": registry.password,
        "tags": "sha",
        "github-token": "",
    }


@pytest.mark.usefixtures("workspace")
def test_the_post_stage_removes_the_credentials_of_a_killed_publisher(
    runner: ContainerRunner, registry: DebianRegistry
) -> None:
    runner = runner.on_host
    running = runner.start("docker-publish", inputs=publishing(registry), event_name="push", event={})
    running.wait_for("began-42")
    runner.docker("kill", "--signal", "KILL", running.name)
    killed = running.wait()
    assert killed.exit_code == 137
    assert credentials(runner, registry), "without this the test proves nothing"

    post = runner.run("docker-publish", inputs=publishing(registry), event_name="push", state=killed.state, post=True)
    assert post.exit_code == 0, post.log
    assert credentials(runner, registry) == []


WORKFLOW = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: long-}
spec:
  entrypoint: main
  templates:
    - name: main
      container:
        image: debian
        command: [sh, -c]
        args: [exec sleep 3600]
"""


@pytest.fixture
def cluster() -> Iterator[tuple[Cluster, dict[str, str]]]:
    """A cluster with nothing in it, and the inputs that run a workflow there which ends when it is told to."""
    with Cluster(ProcessExecutor({"": LocalImage()})) as made, Host(made.app) as host:
        with tempfile.TemporaryDirectory() as folder:
            kubeconfig = made.write_kubeconfig(Path(folder) / "kubeconfig", host.url).read_text()
        yield made, {"workflow": WORKFLOW, "kubeconfig": kubeconfig, "on-cancel": "terminate", "github-token": "none"}


def shutdown(cluster: Cluster) -> str | None:
    """How the one workflow was told to end."""
    (workflow,) = cluster.store.items(WORKFLOWS, "default")[0]
    told: str | None = workflow["spec"].get("shutdown")
    return told


def test_a_cancelled_submitter_ends_its_workflow(runner: ContainerRunner, cluster: tuple[Cluster, dict[str, str]]) -> None:
    (made, inputs), runner = cluster, runner.on_host
    running = runner.start("argo-submit", inputs=inputs, event_name="push", event={})
    running.wait_for("submitted workflow")
    running.interrupt()
    done = running.wait(timeout=10)
    assert done.exit_code == 130, done.log
    assert shutdown(made) == "Terminate"


def test_the_post_stage_ends_the_workflow_of_a_killed_submitter(
    runner: ContainerRunner, cluster: tuple[Cluster, dict[str, str]]
) -> None:
    (made, inputs), runner = cluster, runner.on_host
    running = runner.start("argo-submit", inputs=inputs, event_name="push", event={})
    running.wait_for("submitted workflow")
    runner.docker("kill", "--signal", "KILL", running.name)
    killed = running.wait()
    assert killed.exit_code == 137
    assert shutdown(made) is None

    post = runner.run("argo-submit", inputs=inputs, event_name="push", event={}, state=killed.state, post=True)
    assert post.exit_code == 0, post.log
    assert shutdown(made) == "Terminate"
