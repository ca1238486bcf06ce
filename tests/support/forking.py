"""Run an action many times, each in a process of its own, and import its modules once.

A process that has imported everything waits for orders and forks for each: the child has an environment, a working
directory, a log and an exit code of its own, as a step has.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Self

_DEFECT = 70


class Forker:
    """Use as a context manager; `run` may be called from one thread at a time."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.support.forking"]
        root = Path(__file__).parents[2]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def run(self, action: str, environ: Mapping[str, str], folder: Path, log: Path) -> int:
        """Run one step; returns the exit code. What it printed is in `log`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"action": action, "environ": dict(environ), "folder": str(folder), "log": str(log)}
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())


def _become(order: Mapping[str, str | dict[str, str]]) -> int:
    """Turn this process into the step."""
    from mlops_actions.__main__ import main

    os.environ.clear()
    os.environ.update(dict(order["environ"]))
    os.chdir(str(order["folder"]))
    log = os.open(str(order["log"]), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for target in (1, 2):
        os.dup2(log, target)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    try:
        return main([str(order["action"])])
    except BaseException:  # noqa: BLE001 - whatever it is, this process must not go on as its parent would
        traceback.print_exc()
        return _DEFECT
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _serve() -> None:
    import github  # noqa: F401 - imported here once instead of in every child

    import mlops_actions.__main__
    import mlops_actions.boundary.clock
    import mlops_actions.boundary.github
    import mlops_actions.boundary.wandb
    import mlops_actions.core.event
    import mlops_actions.wandb_runs.run  # noqa: F401

    gc.freeze()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os._exit(_become(json.loads(line)))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    _serve()
