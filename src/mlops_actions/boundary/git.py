"""What is checked out in a directory, read by git: `GITHUB_SHA` is the event's commit, and on a comment never the PR's."""

from __future__ import annotations

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
    sha = _git(directory, "rev-parse", "--verify", "--end-of-options", "HEAD^{commit}")
    if sha is None or not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", sha):
        return None
    head = _git(directory, "symbolic-ref", "--quiet", "HEAD") or ""
    refs = (
        _git(directory, "for-each-ref", f"--points-at={sha}", "--format=%(refname)", "refs/tags", "refs/remotes/pull") or ""
    ).splitlines()
    # `cat-file` rather than `log`: it runs no signature program and no text conversion.
    commit = _git(directory, "cat-file", "commit", sha) or ""
    committed = re.search(r"^committer .* ([0-9]{1,12}) [+-][0-9]{4}$", commit.partition("\n\n")[0], re.MULTILINE)
    return Checkout(
        sha=sha,
        branch=head.removeprefix("refs/heads/") if head.startswith("refs/heads/") else "",
        tags=tuple(ref for ref in refs if ref.startswith("refs/tags/")),
        # actions/checkout keeps refs/pull/7/merge as refs/remotes/pull/7/merge.
        pulls=tuple(ref.replace("refs/remotes/", "refs/", 1) for ref in refs if ref.startswith("refs/remotes/pull/")),
        committed=int(committed[1]) if committed else None,
    )


def _git(directory: Path, *arguments: str) -> str | None:
    """Run git and return what it printed, without the last line's end; None where it fails."""
    if not (directory / ".git").exists():
        return None
    # Variables such as GIT_DIR would point git elsewhere; a missing object must not be fetched to answer.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environ |= {"GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    command = ["git", *_SAFE, "-C", str(directory), *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - a list of arguments, no shell
            command, env=environ, capture_output=True, timeout=TIMEOUT_SECONDS, check=False
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace").rstrip("\n") if done.returncode == 0 else None
