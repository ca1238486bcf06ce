"""Run an action many times, each in a process of its own, and import its modules once.

A process that has imported everything waits for orders and forks for each: the child has an environment, a working
directory, standard streams, an exit code and an interpreter's end of its own, as a step has. Saved is the interpreter's
start alone.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[2]


class Forker:
    """Use as a context manager; `modules` are imported once; `run` may be called from one thread at a time."""

    def __init__(self, *modules: str) -> None:
        self._command = [sys.executable, "-m", "tests.support.forking", "mlops_actions.__main__", *modules]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=10)

    def run(self, arguments: Sequence[str], environ: Mapping[str, str], log: Path, folder: Path | None = None) -> int:
        """Run `mlops-actions ARGUMENTS` to its end in `folder`; returns the exit code. What it printed is in `log`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"arguments": list(arguments), "environ": dict(environ), "folder": str(folder or ROOT), "log": str(log)}
        print(json.dumps(order), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        assert answer, "the process that forks has died"
        return int(answer)


def _become(order: Mapping[str, Any]) -> int:
    """Turn this process into the step."""
    from mlops_actions.__main__ import main

    os.environ.clear()
    os.environ.update(order["environ"])
    os.chdir(order["folder"])
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for source, targets in ((log, (1, 2)), (os.open(os.devnull, os.O_RDONLY), (0,))):
        for target in targets:
            os.dup2(source, target)
        os.close(source)
    return main(order["arguments"])


def _serve(modules: Sequence[str]) -> int:
    """Fork a process for each line of standard input; answers with its exit code. Returns in each of them, too."""
    for module in modules:
        importlib.import_module(module)
    gc.freeze()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            return _become(json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(_serve(sys.argv[1:]))
