"""Run git without the settings and hooks of this machine's user, so that a result depends on the repository alone."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path


class GitError(RuntimeError):
    """A git command failed; the message holds git's error output."""


def git(directory: Path, *arguments: str, environment: Mapping[str, str] | None = None, errors: str = "strict") -> str:
    """Run a git command in a directory and return its output without white space around it; raises GitError.

    `errors` says what happens with output that is no UTF-8, as `bytes.decode` takes it.
    """
    environment = {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "PATH": os.environ.get("PATH", os.defpath),
        **(environment or {}),
    }
    completed = subprocess.run(
        ["git", *arguments], cwd=directory, env=environment, capture_output=True, text=True, errors=errors, check=False
    )
    if completed.returncode:
        raise GitError(f"git {arguments[0]} failed: {completed.stderr.strip()}")
    return completed.stdout.strip()
