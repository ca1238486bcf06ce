"""The programs of the control plane as child processes that cannot outlive the tests."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

START_TIMEOUT = 120.0
STOP_TIMEOUT = 3.0  # an API server would wait for its watches to end
PAUSE = 0.1
LAST_LINES = 25


def free_port() -> int:
    """Return a loopback port that nobody listens on now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        number: int = one.getsockname()[1]
        return number


class Program:
    """One program with its log in a file; `ready` tells whether it answers."""

    def __init__(
        self, name: str, command: list[str], log: Path, ready: Callable[[], bool], env: Mapping[str, str] | None = None
    ) -> None:
        self._name = name
        # Should the tests be killed, the program goes too.
        setpriv = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        self._command = [*setpriv, *command]
        self._log = log
        self._ready = ready
        self._env = dict(env or {})
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and return once it answers; raises RuntimeError with its last words where it does not."""
        with self._log.open("ab") as sink:
            # A group of its own: an interrupt at the terminal must reach the tests first.
            process = self._process = subprocess.Popen(
                self._command,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_TIMEOUT
        while not self._ready():
            if process.poll() is not None or time.monotonic() > deadline:
                last = "\n".join(self._log.read_text(errors="replace").splitlines()[-LAST_LINES:])
                self.stop()
                raise RuntimeError(f"{self._name} did not start; its last words:\n{last}")
            time.sleep(PAUSE)

    def stop(self) -> None:
        """End it, politely first; nothing happens where it does not run."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
