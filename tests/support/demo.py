"""Run the demo as a process, with local processes in the place of containers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def play(output: Path) -> subprocess.CompletedProcess[str]:
    """Play the demo to its end; it takes a minute, and a cold, busy machine has been seen to take four."""
    return subprocess.run(
        [sys.executable, "-m", "mlops_actions", "demo", "--output", str(output)],
        env={**os.environ, "DOCKER_HOST": "unix:///nowhere/docker.sock"},
        cwd=output.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
