"""Read a checkout: real git on real repositories, also on ones that try to run a program."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from mlops_actions.boundary.git import read_checkout
from mlops_actions.core.checkout import Checkout

MOMENT = 1_700_000_000


def git(directory: Path, *arguments: str) -> str:
    moment = f"{MOMENT} +0100"
    environ = {
        "PATH": os.environ["PATH"], "HOME": str(directory), "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_DATE": moment, "GIT_COMMITTER_DATE": moment,
    }  # fmt: skip
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.invalid", "-c", "init.defaultBranch=main")
    command = ["git", *identity, "-C", str(directory), *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "file").write_text("content")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    return tmp_path


def test_a_checked_out_branch_is_read(repository: Path) -> None:
    sha = git(repository, "rev-parse", "HEAD")
    assert read_checkout(repository) == Checkout(sha, "main", committed=MOMENT)


def test_a_detached_head_has_the_refs_that_point_at_it(repository: Path) -> None:
    git(repository, "checkout", "--quiet", "--detach")
    git(repository, "tag", "v1.0.0")
    git(repository, "tag", "--annotate", "--message", "x", "release/one")
    git(repository, "update-ref", "refs/remotes/pull/7/merge", "HEAD")
    checkout = read_checkout(repository)
    assert checkout is not None
    assert checkout.branch == ""
    assert checkout.tags == ("refs/tags/release/one", "refs/tags/v1.0.0")
    assert checkout.pull_request_refs == ("refs/pull/7/merge",)


def test_without_a_repository_or_a_commit_there_is_no_checkout(tmp_path: Path) -> None:
    assert read_checkout(tmp_path) is None
    assert read_checkout(tmp_path / "missing") is None
    git(tmp_path, "init", "--quiet")
    assert read_checkout(tmp_path) is None


def test_a_folder_inside_a_repository_is_not_its_checkout(repository: Path) -> None:
    (repository / "inner").mkdir()
    assert read_checkout(repository / "inner") is None


def test_a_repository_of_another_user_is_read(repository: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    for path in (repository, *repository.rglob("*")):
        os.chown(path, 12345, 12345)
    assert read_checkout(repository) is not None


def test_git_s_own_variables_do_not_select_another_repository(
    repository: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path_factory.mktemp("other")
    git(other, "init", "--quiet")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    checkout = read_checkout(repository)
    assert checkout is not None
    assert checkout.branch == "main"


def test_a_hostile_configuration_runs_nothing(repository: Path) -> None:
    trap = repository / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {repository}/sprung\n")
    trap.chmod(0o755)
    for name in ("core.fsmonitor", "core.pager", "core.sshCommand", "diff.external", "gpg.program", "core.editor"):
        git(repository, "config", name, str(trap))
    git(repository, "config", "log.showSignature", "true")
    git(repository, "config", "core.hooksPath", str(repository))
    assert read_checkout(repository) is not None
    assert not (repository / "sprung").exists()


def test_a_branch_named_like_an_option_is_text(repository: Path) -> None:
    git(repository, "symbolic-ref", "HEAD", "refs/heads/--upload-pack=touch")
    git(repository, "update-ref", "refs/heads/--upload-pack=touch", "refs/heads/main")
    checkout = read_checkout(repository)
    assert checkout is not None
    assert checkout.branch == "--upload-pack=touch"
