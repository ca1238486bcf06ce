"""The output of the demo: numbered chapters, text, and indented job logs."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterable, Sequence
from typing import TextIO

_WIDTH = 118
_DIM, _BOLD, _GREEN, _RED, _PLAIN = "\x1b[2m", "\x1b[1m", "\x1b[32m", "\x1b[31m", "\x1b[0m"


class Console:
    """Writes to one stream; colours only on a terminal."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._coloured = out.isatty()
        self._started = time.monotonic()
        self._chapter = 0

    def chapter(self, title: str) -> None:
        """Print the heading of a numbered chapter."""
        self._chapter += 1
        seconds = time.monotonic() - self._started
        self._write(f"\n{self._styled(_BOLD, f'{self._chapter}. {title}')} {self._styled(_DIM, f'({seconds:.0f} s)')}")

    def text(self, text: str) -> None:
        """Print wrapped text."""
        self._write(textwrap.fill(text, _WIDTH, initial_indent="   ", subsequent_indent="   ", break_on_hyphens=False))

    def success(self, text: str) -> None:
        """Print that something succeeded."""
        self._write(f"   {self._styled(_GREEN, '✓')} {text}")

    def failure(self, text: str) -> None:
        """Print that something failed."""
        self._write(f"   {self._styled(_RED, '✗')} {text}")

    def quote(self, lines: Iterable[str]) -> None:
        """Print lines as they are, such as a comment or a diff."""
        for line in lines:
            self._write(f"   │ {printable(line)}")

    def log(self, line: str) -> None:
        """Print one line of a job's log."""
        self._write(self._styled(_DIM, f"     {printable(line)}"))

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """Print rows in columns; the first row is the heading."""
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        for number, row in enumerate(rows):
            line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            self._write(f"   {self._styled(_BOLD, line) if number == 0 else line}")

    def _styled(self, style: str, text: str) -> str:
        return f"{style}{text}{_PLAIN}" if self._coloured else text

    def _write(self, line: str) -> None:
        self._out.write(f"{line}\n")
        self._out.flush()


def printable(line: str) -> str:
    """Return the line without control characters, so that text from others cannot control the terminal."""
    return "".join(character if character.isprintable() else " " for character in line.expandtabs(4))
