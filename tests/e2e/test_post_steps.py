"""What a post stage leaves alone: nothing begun is nothing concluded, and only what is an action's own is removed."""

from __future__ import annotations

import pytest

from mlops_sandbox.github import GitHubServer
from tests.e2e.container_step import ContainerRunner


def test_chatops_concludes_nothing_where_nothing_was_begun(runner: ContainerRunner, github: GitHubServer) -> None:
    pull = github.repository(runner.repository).open_pull_request(by="contributor")
    event = pull.comment("just talk", by="contributor").payload
    inputs = {"commands": "[train]", "github-token": "unused", "job-status": "failure"}
    env = {"GITHUB_API_URL": github.api_url, "GITHUB_SERVER_URL": github.origin}
    main = runner.run("chatops", inputs=inputs, env=env, event=event)
    post = runner.run("chatops", inputs=inputs, env=env, event=event, state=main.state, post=True)
    assert (main.exit_code, post.exit_code) == (0, 0), main.log + post.log
    assert main.outputs["triggered"] == "false"
    assert github.exchanges == []


@pytest.mark.parametrize(
    "path", ["/github/workspace/data", "/github/runner_temp/../workspace/data", "/github/runner_temp", "data", "/"]
)
def test_docker_publish_removes_nothing_that_it_did_not_make(runner: ContainerRunner, path: str) -> None:
    kept = runner.workspace / "data"
    kept.mkdir()
    (runner.temp / "kept").touch()
    post = runner.run("docker-publish", inputs={"image": "digits"}, state={"private_directory": path}, post=True)
    assert post.exit_code == 0, post.log
    assert kept.exists()
    assert (runner.temp / "kept").exists()


def test_wandb_runs_has_nothing_to_undo(runner: ContainerRunner) -> None:
    post = runner.run("wandb-runs", inputs={"project": "sandbox/digits"}, post=True)
    assert (post.exit_code, post.outputs) == (0, {}), post.log
