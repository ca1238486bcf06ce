"""What the demo prints: numbered chapters, plain lines, and the jobs' logs set back."""

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
        """Begin a numbered part of the story."""
        self._chapter += 1
        seconds = time.monotonic() - self._started
        self._write(f"\n{self._in(_BOLD, f'{self._chapter}. {title}')} {self._in(_DIM, f'({seconds:.0f} s)')}")

    def say(self, text: str) -> None:
        """Tell something, wrapped."""
        self._write(textwrap.fill(text, _WIDTH, initial_indent="   ", subsequent_indent="   ", break_on_hyphens=False))

    def good(self, text: str) -> None:
        """Tell what went well."""
        self._write(f"   {self._in(_GREEN, '✓')} {text}")

    def bad(self, text: str) -> None:
        """Tell what did not."""
        self._write(f"   {self._in(_RED, '✗')} {text}")

    def quote(self, lines: Iterable[str]) -> None:
        """Show something as it is: a comment, a difference."""
        for line in lines:
            self._write(f"   │ {printable(line)}")

    def log(self, line: str) -> None:
        """Show one line of a job's log."""
        self._write(self._in(_DIM, f"     {printable(line)}"))

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """Show rows in columns, the first row as their head."""
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        for number, row in enumerate(rows):
            line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            self._write(f"   {self._in(_BOLD, line) if number == 0 else line}")

    def _in(self, style: str, text: str) -> str:
        return f"{style}{text}{_PLAIN}" if self._coloured else text

    def _write(self, line: str) -> None:
        self._out.write(f"{line}\n")
        self._out.flush()


def printable(line: str) -> str:
    """The line without control characters, so that what others wrote cannot steer the terminal."""
    return "".join(character if character.isprintable() else " " for character in line.expandtabs(4))
