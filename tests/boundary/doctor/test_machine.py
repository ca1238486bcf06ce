"""The machine that doctor runs on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mlops_actions.boundary.doctor.machine import Machine

ASK = "from mlops_actions.boundary.doctor.machine import Machine; print(Machine({}).runner_version())"


@pytest.mark.skipif(sys.platform != "linux", reason="the runner's program is found in /proc")
def test_the_runners_own_program_tells_its_version(tmp_path: Path) -> None:
    worker = tmp_path / "Runner.Worker"
    shutil.copy(Path(shutil.which("bash") or "").resolve(), worker)
    listener = tmp_path / "Runner.Listener"
    listener.write_text("#!/bin/sh\necho 2.336.1\n")
    listener.chmod(0o755)
    script = f"{sys.executable} -c '{ASK}'; exit $?"
    done = subprocess.run([str(worker), "-c", script], capture_output=True, text=True, env=dict(os.environ), check=True)
    assert done.stdout.strip() == "2.336.1"


def test_a_process_that_is_no_step_has_no_runner() -> None:
    assert Machine({}).runner_version() == ""
