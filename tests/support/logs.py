"""Logs for the clients under test."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

from mlops_actions.boundary.runner import GitHubRunner

# For clients whose log lines a test does not look at.
LOG = GitHubRunner({}, io.StringIO())


class RecordingLog:
    """A log that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.debug_lines: list[str] = []

    def info(self, text: str) -> None:
        """Keep lines."""
        self.lines.append(text)

    def debug(self, text: str) -> None:
        """Keep debug lines."""
        self.debug_lines.append(text)

    def notice(self, text: str, *, title: str = "", file: str = "", line: int = 0) -> None:
        """Keep the message of an annotation."""
        self.lines.append(text)

    warning = error = notice

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """Fold nothing."""
        yield

    def mask(self, secret: str) -> None:
        """Hide nothing."""
