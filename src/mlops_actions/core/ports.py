"""The port every action has: the runner it runs on. Ports to other systems are defined by the action that needs them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol


class Log(Protocol):
    """The job's log. Any text is safe: nothing that is logged can start a workflow command."""

    def info(self, text: str) -> None:
        """Print lines."""

    def debug(self, text: str) -> None:
        """Print lines that only a run with debug logging shows."""

    def notice(self, text: str, *, title: str = "", file: str = "", line: int = 0) -> None:
        """Annotate the run; `file` is relative to the workspace, `line` counts from 1 (0: none)."""

    def warning(self, text: str, *, title: str = "", file: str = "", line: int = 0) -> None:
        """Annotate the run with a warning."""

    def error(self, text: str, *, title: str = "", file: str = "", line: int = 0) -> None:
        """Annotate the run with an error; does not end the action (raise an ActionError for that)."""

    def group(self, title: str) -> AbstractContextManager[None]:
        """Fold what is logged inside. Groups do not nest on GitHub: an inner one ends the outer."""

    def mask(self, secret: str) -> None:
        """Hide a secret (each of its lines) in all that the runner shows from now on."""


class Runner(Log, Protocol):
    """The log, and what outlives the process."""

    def save_state(self, name: str, value: str) -> None:
        """Keep a value for this step's post stage, from this moment on (also when the process dies later)."""

    def state(self, name: str) -> str:
        """Read in the post stage what the main stage kept; empty where nothing was."""

    def summary(self, markdown: str) -> None:
        """Append to the job's summary; what is beyond the runner's 1 MiB is cut and said so."""

    def private_directory(self) -> Path:
        """Make a 0700 directory that is removed on every exit path that Python can see."""
