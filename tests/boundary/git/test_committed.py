"""Which files of the workspace an earlier step wrote, and which a commit may have brought: real git on real checkouts."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mlops_actions.boundary.committed import refuse_committed, why_committed
from mlops_actions.core.errors import BadInput
from tests.support.git import commit


def git(directory: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(directory), *arguments], check=True, capture_output=True)


def checkout(folder: Path, *names: str) -> Path:
    """A checkout of a commit that holds these files."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "--quiet")
    commit(folder, dict.fromkeys(("README.md", *names), "from the commit"), "the pull request")
    return folder


def written(path: Path) -> Path:
    """A file as a step writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("from a step")
    return path


def linked(link: Path, target: Path) -> Path:
    link.symlink_to(target)
    return link


def in_a_submodule(workspace: Path) -> Path:
    other = checkout(workspace.with_name("other"), "kubeconfig")
    git(checkout(workspace), "-c", "protocol.file.allow=always", "submodule", "add", "--quiet", str(other), "conf")
    return workspace / "conf" / "kubeconfig"


def in_a_bare_repository_of_the_commit(workspace: Path) -> Path:
    """Git takes such a folder for a repository, which knows nothing of the file beside its own."""
    bare = ("conf/HEAD", "conf/objects/x", "conf/refs/x", "conf/kubeconfig")
    checkout(workspace, *bare)
    (workspace / "conf" / "HEAD").write_text("ref: refs/heads/main\n")
    return workspace / "conf" / "kubeconfig"


def with_a_flag(flag: str) -> Callable[[Path], Path]:
    def made(workspace: Path) -> Path:
        git(checkout(workspace, "kubeconfig"), "update-index", flag, "kubeconfig")
        return written(workspace / "kubeconfig")

    return made


def in_a_sparse_index(workspace: Path) -> Path:
    checkout(workspace, "conf/kubeconfig", "code/train.py")
    git(workspace, "sparse-checkout", "set", "--cone", "--sparse-index", "code")
    return written(workspace / "conf" / "kubeconfig")


def in_a_split_index(workspace: Path) -> Path:
    git(checkout(workspace, "kubeconfig"), "update-index", "--split-index")
    return workspace / "kubeconfig"


def repository_within(workspace: Path) -> Path:
    checkout(workspace, "conf/kubeconfig")
    git(workspace / "conf", "init", "--quiet")
    return workspace / "conf" / "kubeconfig"


def in_a_lost_worktree(workspace: Path) -> Path:
    written(workspace / ".git").write_text("gitdir: /nowhere/worktrees/pr\n")
    return written(workspace / "kubeconfig")


def staged(workspace: Path) -> Path:
    path = written(checkout(workspace) / "kubeconfig")
    git(workspace, "add", "--intent-to-add", "kubeconfig")
    return path


TRACKED, LINK, NO_GIT, UNKNOWN = "git tracks it", "a link leads to it", "without a git repository", "git cannot tell"
BROUGHT: dict[str, tuple[Callable[[Path], Path], str]] = {
    "tracked": (lambda it: checkout(it, "kubeconfig") / "kubeconfig", TRACKED),
    "tracked, and changed by a step": (lambda it: written(checkout(it, "kubeconfig") / "kubeconfig"), TRACKED),
    "tracked in another spelling": (lambda it: written(checkout(it, "KubeConfig") / "kubeconfig"), TRACKED),
    "tracked, not updated": (with_a_flag("--skip-worktree"), TRACKED),
    "tracked, assumed unchanged": (with_a_flag("--assume-unchanged"), TRACKED),
    "added alone": (staged, TRACKED),
    "in a nested checkout": (lambda it: checkout(checkout(it) / "pr", "ci/kubeconfig") / "ci" / "kubeconfig", TRACKED),
    "in a nested checkout alone": (lambda it: checkout(it / "pr", "kubeconfig") / "kubeconfig", TRACKED),
    "in a submodule": (in_a_submodule, TRACKED),
    "in a repository made within": (repository_within, TRACKED),
    "in a bare repository": (in_a_bare_repository_of_the_commit, TRACKED),
    "in a sparse index": (in_a_sparse_index, TRACKED),
    "in a split index": (in_a_split_index, TRACKED),
    "by way of dots": (lambda it: checkout(it, "kubeconfig") / "conf" / ".." / "kubeconfig", TRACKED),
    "a link to a tracked file": (lambda it: linked(it / "link", checkout(it, "kubeconfig") / "kubeconfig"), LINK),
    "a link to a file of a step": (lambda it: linked(it / "link", written(checkout(it) / "kubeconfig")), LINK),
    "in a linked folder": (lambda it: linked(it / "link", written(checkout(it) / "conf" / "k").parent) / "k", LINK),
    "a link out of the workspace": (lambda it: linked(checkout(it) / "link", written(it.with_name("out") / "k")), LINK),
    "a link from outside": (lambda it: linked(it.with_name("link"), checkout(it, "kubeconfig") / "kubeconfig"), TRACKED),
    "no repository": (lambda it: written(it / "kubeconfig"), NO_GIT),
    "beside a nested checkout": (lambda it: written(checkout(it / "pr").parent / "kubeconfig"), NO_GIT),
    "an empty .git": (lambda it: written(written(it / ".git" / "x").parent.parent / "kubeconfig"), UNKNOWN),
    "a lost worktree": (in_a_lost_worktree, UNKNOWN),
}
WRITTEN: dict[str, Callable[[Path], Path]] = {
    "beside the checkout's files": lambda it: written(checkout(it) / "kubeconfig"),
    "in a folder of its own": lambda it: written(checkout(it) / "conf" / "kubeconfig"),
    "in a folder of the commit": lambda it: written(checkout(it, "conf/a") / "conf" / "kubeconfig"),
    "ignored by git": lambda it: written(checkout(it, ".gitignore") / "kubeconfig"),
    "in a nested checkout": lambda it: written(checkout(it / "pr") / "kubeconfig"),
    "a name that is a pattern": lambda it: written(checkout(it, "kubeconfig") / "kube*"),
    "a name that is an option of patterns": lambda it: written(checkout(it, "kubeconfig") / ":(exclude)x"),
    "outside of the workspace": lambda it: written(checkout(it).with_name("home") / "kubeconfig"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "reason"), BROUGHT.values(), ids=BROUGHT)
def test_a_file_that_a_commit_may_have_brought_is_refused(tmp_path: Path, make: Callable[[Path], Path], reason: str) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    assert why_committed(make(workspace), str(workspace)).startswith(reason)


@pytest.mark.parametrize("make", WRITTEN.values(), ids=WRITTEN)
def test_a_file_that_a_step_wrote_is_accepted(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    path = make(workspace)
    assert why_committed(path, str(workspace)) == ""
    linked(tmp_path / "mounted", workspace)  # the workspace itself may be a link: the runner's own
    assert why_committed(tmp_path / "mounted" / os.path.relpath(path, workspace), str(tmp_path / "mounted")) == ""


def test_without_git_no_file_of_the_workspace_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(checkout(tmp_path) / "kubeconfig")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(BadInput, match=r"^it is the file '.*', and git cannot tell") as refusal:
        refuse_committed([path], {"GITHUB_WORKSPACE": str(tmp_path)}, what="it is the file", remedy="write it")
    assert refusal.value.remedy == "write it"
