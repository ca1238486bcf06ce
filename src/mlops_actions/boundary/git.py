"""Read the checked-out commit with git, and which files belong to it.

`GITHUB_SHA` cannot replace it: it is the event's commit, and for a comment the default branch's.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from pathlib import Path

from mlops_actions.core.checkout import Checkout

TIMEOUT_SECONDS = 30.0
# The repository's own configuration is foreign text: nothing in it may start a program.
_SAFE = ("-c", "safe.directory=*", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")


def read_checkout(directory: Path) -> Checkout | None:
    """Read the repository whose top is `directory`; None where there is none, it has no commit, or git is missing."""
    if not (directory / ".git").exists():
        return None
    # The three run at the same time; `cat-file` rather than `log`: it runs no signature program and no text conversion.
    with contextlib.ExitStack() as started:
        try:
            cat_file, symbolic_ref, for_each_ref = (
                started.enter_context(_git(directory, *arguments))
                for arguments in (
                    ("cat-file", "--batch"),
                    ("symbolic-ref", "--quiet", "HEAD"),
                    ("for-each-ref", "--points-at=HEAD", "--format=%(refname)", "refs/tags", "refs/remotes/pull"),
                )
            )
        except FileNotFoundError:
            return None
        first_line, _, commit = _output(cat_file, b"HEAD^{commit}\n").partition("\n")
        branch, names = _output(symbolic_ref), _output(for_each_ref).splitlines()
    header = re.fullmatch(r"([0-9a-f]{40}|[0-9a-f]{64}) commit [0-9]+", first_line)
    if header is None:
        return None
    committed = re.search(r"^committer .* ([0-9]{1,12}) [+-][0-9]{4}$", commit.partition("\n\n")[0], re.MULTILINE)
    return Checkout(
        sha=header[1],
        branch=branch.removeprefix("refs/heads/") if branch.startswith("refs/heads/") else "",
        tags=tuple(name for name in names if name.startswith("refs/tags/")),
        # actions/checkout keeps refs/pull/7/merge as refs/remotes/pull/7/merge.
        pull_request_refs=tuple(
            name.replace("refs/remotes/", "refs/", 1) for name in names if name.startswith("refs/remotes/pull/")
        ),
        committed=int(committed[1]) if committed else None,
    )


def is_tracked(repository: Path, path: Path) -> bool | None:
    """Tell whether the repository whose top is `repository` tracks a file, given by its path from there.

    None where git cannot tell. Case does not count: on some file systems another spelling is the same file.
    """
    # Named, not searched for: git would take a folder of the commit that looks like a bare repository for one.
    place = ("--git-dir=.git", "--work-tree=.")
    try:
        with _git(repository, *place, "ls-files", "-z", "--", f":(top,literal,icase){path.as_posix()}") as process:
            output = _output(process)
    except OSError:
        return None
    return bool(output) if process.returncode == 0 else None


def _git(directory: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start git in a directory."""
    # Variables such as GIT_DIR would point git elsewhere; a missing object must not be fetched to answer.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environ |= {"GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    command = ["git", *_SAFE, "-C", str(directory), *arguments]
    return subprocess.Popen(  # noqa: S603 - a list of arguments, no shell
        command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


def _output(process: subprocess.Popen[bytes], stdin: bytes = b"") -> str:
    """Return git's output without the last line's end; empty where git failed."""
    try:
        output, _ = process.communicate(stdin, TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return ""
    return output.decode("utf-8", "replace").rstrip("\n") if process.returncode == 0 else ""
