"""Run a program of the machine for what it prints."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

_SECONDS = 10


def output_of(command: Sequence[str]) -> str:
    """Return what a program prints; empty where it is missing, fails, or takes longer than 10 seconds."""
    try:
        done = subprocess.run(  # noqa: S603 - a list of arguments, no shell
            command, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
