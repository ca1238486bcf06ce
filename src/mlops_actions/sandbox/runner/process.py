"""One process of a step: its output line by line, its group ended with it, cancelled as the runner cancels."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

# ProcessInvoker.cs: SIGINT, 7.5 s, SIGTERM, 2.5 s, kill.
_SECONDS_TO_END = ((signal.SIGINT, 7.5), (signal.SIGTERM, 2.5))
_SECONDS_TO_DRAIN = 5.0


def run(argv: Sequence[str], environment: Mapping[str, str], directory: Path, say: Callable[[str], None]) -> int:
    """Run to the end and return the exit code; KeyboardInterrupt ends the process first, gently, and is raised again.

    Standard output and error reach `say` as they come, without line ends. Nothing of the process outlives the call.
    """
    with subprocess.Popen(
        argv, env=dict(environment), cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="replace", start_new_session=True,
    ) as process:  # fmt: skip
        reader = threading.Thread(target=_pass_on, args=(process, say), daemon=True)
        reader.start()
        try:
            process.wait()
        except KeyboardInterrupt:
            _end(process)
            raise
        finally:
            # A child left behind would hold the pipe open.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            reader.join(_SECONDS_TO_DRAIN)
    return process.returncode


def _pass_on(process: subprocess.Popen[str], say: Callable[[str], None]) -> None:
    assert process.stdout is not None  # noqa: S101 (asked for in `run`)
    for line in process.stdout:
        say(line.rstrip("\r\n"))


def _end(process: subprocess.Popen[str]) -> None:
    for number, seconds in _SECONDS_TO_END:
        with suppress(ProcessLookupError):
            process.send_signal(number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
        return
