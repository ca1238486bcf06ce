"""The repository that a checkout was cloned from."""

from __future__ import annotations

import re
from pathlib import Path

from mlops_actions.boundary.doctor.programs import output_of

# Names as GitHub allows them, and nothing that a shell would take for more: commands to paste hold them.
_REMOTE = re.compile(
    r"(?:https?://|ssh://|git@)(?:[^@/]*@)?([A-Za-z0-9.-]+)(?::[0-9]+)?[/:]([\w-]+/[\w.-]+?)(?:\.git)?/?", re.ASCII
)


def remote_of(directory: Path) -> tuple[str, str]:
    """Return host and `owner/name` of the checkout's remote `origin`; empty where there is none."""
    match = _REMOTE.fullmatch(output_of(["git", "-C", str(directory), "remote", "get-url", "origin"]))
    return (match[1], match[2]) if match else ("", "")
