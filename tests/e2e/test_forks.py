"""A fork, a branch and a pinned commit of the suite run their own code, all four actions of it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlops_sandbox.github import GitHubServer
from tests.e2e.act import PIPELINES, Act, WorkflowRun, prepare_for_act
from tests.e2e.docker_daemon import Docker
from tests.e2e.images import copy_checkout
from tests.support.git import commit
from tests.support.listening import one_step

FORK = "somebody/mlops-actions"
MARK = "This is the code of the fork."
REPOSITORY = "octo/digits"
WORKFLOW = ".github/workflows/listen.yml"
_CALLER = """\
name: Listen
on:
  issue_comment:
    types: [created]
permissions: {{}}
jobs:
  mlops:
    permissions:
      contents: read
      actions: write
      pull-requests: write
      checks: write
      packages: write
    uses: {repository}/.github/workflows/pipeline.yml@{ref}
    with:
      commands: /train
"""


def calling(repository: str, ref: str) -> str:
    """A file that listens by the reusable workflow."""
    return _CALLER.format(repository=repository, ref=ref)


@dataclass(frozen=True)
class Fork:
    """A fork whose chatops says that it is one, at a commit that no branch or tag names; `suite` is its tree for act."""

    suite: Path
    sha: str


@pytest.fixture(scope="module")
def fork(tmp_path_factory: pytest.TempPathFactory) -> Fork:
    suite = copy_checkout(tmp_path_factory.mktemp("fork") / "mlops-actions")
    subprocess.run(["git", "init", "--quiet", "--initial-branch", "main", str(suite)], check=True)
    changed = "src/mlops_actions/chatops/__init__.py"
    sha = commit(suite, {changed: f"{(suite / changed).read_text()}\nprint({MARK!r}, flush=True)\n"}, "Say who this is")
    commit(suite, {"README.md": "A later change.\n"}, "Change something else")
    subprocess.run(["git", "-C", str(suite), "checkout", "--quiet", sha], check=True)
    prepare_for_act(suite, FORK, sha)
    return Fork(suite, sha)


def test_nothing_of_the_suite_names_another_copy_of_it() -> None:
    """What users name uses its own actions by `$/`: on github.com the repository and the commit of the file itself."""
    root = Path(__file__).parents[2]
    for path in ("action.yml", *PIPELINES):
        own = re.findall(r"^ *(?:- )?uses: (?!actions/)(\S+)", (root / path).read_text(), re.MULTILINE)
        assert own
        assert [used for used in own if not used.startswith("$/actions/")] == []


@pytest.mark.parametrize("file", [one_step, calling], ids=["the action in the root", "the reusable workflow"])
def test_a_commit_of_a_fork_runs_the_code_of_that_commit(
    docker: Docker,
    images: Mapping[str, str],
    fork: Fork,
    github: GitHubServer,
    tmp_path: Path,
    file: Callable[[str, str], str],
) -> None:
    origin, root = tmp_path / "origin", tmp_path / "act"
    root.mkdir()
    subprocess.run(["git", "init", "--quiet", "--initial-branch", "main", str(origin)], check=True)
    head = commit(origin, {WORKFLOW: file(FORK, fork.sha)}, "Listen by a fork of the suite")
    repository = github.repository(REPOSITORY, sha=head)
    repository.collaborator("alice", "write")
    pull = repository.open_pull_request(by="alice")
    github.clock.catch_up()
    delivery = pull.comment("/train", by="alice")
    run = Act(docker, images, fork.suite, root, repository=FORK).run(
        origin,
        WORKFLOW,
        event_name=delivery.event,
        event=delivery.payload,
        repository=REPOSITORY,
        actor="alice",
        env={"GITHUB_API_URL": github.api_url, "GITHUB_SERVER_URL": github.origin},
        secrets={"GITHUB_TOKEN": github.workflow_token(repository, {"contents": "read", "pull-requests": "write"}).value},
        rebuild=True,
    )
    assert_forks_code(run, fork.sha)


def assert_forks_code(run: WorkflowRun, sha: str) -> None:
    assert MARK in run.transcript, run.transcript
    assert f"{FORK} with ref {sha} and subpath 'actions/chatops/action.yml'" in run.transcript
    assert "machine-learning-apps/mlops-actions with ref" not in run.transcript
