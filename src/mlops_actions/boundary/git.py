"""What is checked out in a directory, read by git: `GITHUB_SHA` is the event's commit, and on a comment never the PR's."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

TIMEOUT_SECONDS = 30.0
# The repository's own configuration is foreign text: nothing in it may start a program.
_SAFE = ("-c", "safe.directory=*", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")


@dataclass(frozen=True)
class Checkout:
    """The commit HEAD stands at and what is known to point at it.

    `branch` is empty for a detached HEAD; `tags` and `pulls` are the full refs (`refs/tags/v1`, `refs/pull/7/merge`) that
    point at the commit, as far as they were fetched; `committed` is the commit's time in seconds since 1970.
    """

    sha: str
    branch: str
    tags: tuple[str, ...]
    pulls: tuple[str, ...]
    committed: int | None


def checked_out(directory: Path) -> Checkout | None:
    """Read the repository whose top is `directory`; None where there is none, it has no commit, or git is missing."""
    if not (directory / ".git").exists():
        return None
    # Three questions at once; `cat-file` rather than `log`: it runs no signature program and no text conversion.
    with contextlib.ExitStack() as started:
        try:
            object_, head, refs = (
                started.enter_context(_git(directory, *words))
                for words in (
                    ("cat-file", "--batch"),
                    ("symbolic-ref", "--quiet", "HEAD"),
                    ("for-each-ref", "--points-at=HEAD", "--format=%(refname)", "refs/tags", "refs/remotes/pull"),
                )
            )
        except FileNotFoundError:
            return None
        first, _, commit = _said(object_, b"HEAD^{commit}\n").partition("\n")
        branch, names = _said(head), _said(refs).splitlines()
    found = re.fullmatch(r"([0-9a-f]{40}|[0-9a-f]{64}) commit [0-9]+", first)
    if found is None:
        return None
    committed = re.search(r"^committer .* ([0-9]{1,12}) [+-][0-9]{4}$", commit.partition("\n\n")[0], re.MULTILINE)
    return Checkout(
        sha=found[1],
        branch=branch.removeprefix("refs/heads/") if branch.startswith("refs/heads/") else "",
        tags=tuple(name for name in names if name.startswith("refs/tags/")),
        # actions/checkout keeps refs/pull/7/merge as refs/remotes/pull/7/merge.
        pulls=tuple(name.replace("refs/remotes/", "refs/", 1) for name in names if name.startswith("refs/remotes/pull/")),
        committed=int(committed[1]) if committed else None,
    )


def _git(directory: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start git in a directory."""
    # Variables such as GIT_DIR would point git elsewhere; a missing object must not be fetched to answer.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environ |= {"GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    command = ["git", *_SAFE, "-C", str(directory), *arguments]
    return subprocess.Popen(  # noqa: S603 - a list of arguments, no shell
        command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


def _said(process: subprocess.Popen[bytes], given: bytes = b"") -> str:
    """Return what git printed, without the last line's end; nothing where it failed."""
    try:
        said, _ = process.communicate(given, TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return ""
    return said.decode("utf-8", "replace").rstrip("\n") if process.returncode == 0 else ""
