"""Processes of an action that start at once: a server that has imported everything forks one for each stage.

Each is a process as the runner starts one, with its own environment, standard streams, exit code and end of the interpreter;
what is saved is the interpreter's start, which `test_case_from_a_cold_start` takes into the bargain.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path


class Processes:
    """The server, as the tests see it."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.contract.chatops.processes"]
        self._server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, arguments: Sequence[str], environ: Mapping[str, str], output: Path) -> int:
        """Run `mlops-actions` with these arguments to its end, both streams going to a file; returns the exit code."""
        server = self._server
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps([list(arguments), dict(environ), str(output)]) + "\n")
        server.stdin.flush()
        answer = server.stdout.readline()
        assert answer, "the server of processes has died"
        return int(answer)

    def close(self) -> None:
        """End the server."""
        self._server.communicate(timeout=10)


def serve() -> int:
    """Fork a process for each line of standard input; answers with its exit code. Returns in each of them, too."""
    import mlops_actions.boundary.github.door
    import mlops_actions.chatops.declared
    import mlops_actions.chatops.finish
    import mlops_actions.chatops.listen  # noqa: F401
    from mlops_actions.__main__ import main

    for line in sys.stdin:
        arguments, environ, output = json.loads(line)
        child = os.fork()
        if child == 0:
            os.environ.clear()
            os.environ.update(environ)
            for descriptor, path, flags in (
                (0, os.devnull, os.O_RDONLY),
                (1, output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
            ):
                opened = os.open(path, flags)
                os.dup2(opened, descriptor)
                os.close(opened)
            os.dup2(1, 2)
            return main(arguments)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(serve())
