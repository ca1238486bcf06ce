"""Run a command of `mlops-actions` beside the story, as somebody would in the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from mlops_sandbox.runner.environment import inherited_variables

_SECONDS = 180


@dataclass(frozen=True)
class Ended:
    """A command that has ended: what was typed, its exit code and its output."""

    line: str
    exit_code: int
    output: str
    errors: str


class Command:
    """A command that runs from `__enter__` on; it does not outlive the block. Its private files are in `home`."""

    def __init__(self, arguments: Sequence[str], directory: Path, home: Path, environment: Mapping[str, str]) -> None:
        self._line = " ".join(["mlops-actions", *arguments])
        # -P: the folder holds a pull request's files, and this process must not import its modules.
        self._argv = [sys.executable, "-P", "-m", "mlops_actions", *arguments]
        self._directory = directory
        self._environment = {**inherited_variables(os.environ), **environment, "HOME": str(home)}
        # Files and not pipes: nobody reads while the story goes on.
        self._output, self._errors = (home / f"{arguments[0]}.{name}" for name in ("out", "err"))

    def __enter__(self) -> Self:
        with self._output.open("wb") as output, self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                self._argv,
                cwd=self._directory,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
            )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def wait(self) -> Ended:
        """Return the command once it has ended; raises subprocess.TimeoutExpired where it does not."""
        code = self._process.wait(_SECONDS)
        return Ended(self._line, code, *(path.read_text("utf-8", "replace") for path in (self._output, self._errors)))
