"""Show the logs of several containers in one job's log, within bounds. Any thread may use it.

The log of one container is folded as a group. Lines of several containers that run at the same time share a group, each
after the name of its node. A log that does not run on, or is shorter than a moment, is shown in one piece.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import IO

from mlops_actions.core.ports import Log

MAX_LOG_BYTES = 10 << 20
MAX_ALL_BYTES = 100 << 20
RESERVED_BYTES = 10 << 20  # of all: for the logs of containers that failed
TAIL_LINES = 200  # of a log that is too long, its end is shown too
TAIL_BYTES = 64 << 10
HOLD_SECONDS = 1.0  # a log that ends within this time is shown in one piece
STATE_SECONDS = 10.0  # how often a line that rewrites itself, such as a progress bar, is shown before its end
LAST_LINES = 15
MAX_LAST_CHARACTERS = 4_000
MAX_PREFIX = 60
_MEMORY_BYTES = 128 << 10
_BLOCK_BYTES = 256 << 10
_SHARED_TITLE = "Logs of several nodes"


class LogPrinter:
    """Writes to the job's log: messages, and the logs of containers by the outputs that `open` returns."""

    def __init__(self, log: Log, now: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self.now = now
        self.lock = threading.RLock()
        self._group = ExitStack()
        self._grouped: LogOutput | str = ""
        self._outputs: dict[LogOutput, None] = {}  # those that are open, in order
        self._left = MAX_ALL_BYTES
        self.unshown: dict[str, int] = {}  # logs of which nothing is shown for lack of room, and their lines

    def info(self, text: str) -> None:
        """Print lines outside of any group."""
        with self.lock:
            self._end_group()
            self._log.info(text)

    def warning(self, text: str, *, title: str = "") -> None:
        """Annotate the run, outside of any group."""
        with self.lock:
            self._end_group()
            self._log.warning(text, title=title)

    def open(self, title: str, command: str, *, is_live: bool, is_failed: bool = False) -> LogOutput:
        """Return the output for one log; `command` is how a user reads the whole of it."""
        output = LogOutput(self, title, command, is_live=is_live, is_failed=is_failed)
        with self.lock:
            self._outputs[output] = None
        return output

    def flush(self) -> None:
        """Show the first lines of logs that are held no longer."""
        with self.lock:
            for output in list(self._outputs):
                output.flush()

    def close(self) -> None:
        """Show everything that was read."""
        with self.lock:
            for output in list(self._outputs):
                output.end("")
            self._end_group()

    @property
    def is_holding(self) -> bool:
        """Whether lines are held that `flush` will show."""
        with self.lock:
            return any(output.is_held for output in self._outputs)

    def reserve(self, size: int, *, is_failed: bool) -> bool:
        """Take room for a text; false where there is none."""
        if self._left - size < (0 if is_failed else RESERVED_BYTES):
            return False
        self._left -= size
        return True

    def forget(self, output: LogOutput) -> None:
        """Count an output no longer: its log has ended."""
        self._outputs.pop(output, None)
        if self._grouped is output:
            self._end_group()

    def print_lines(self, output: LogOutput, lines: Sequence[str], *, whole: bool = False) -> None:
        """Print lines of a log in its group, or in the group of several."""
        shared = not whole and sum(other.is_running for other in self._outputs) > 1
        wanted: LogOutput | str = _SHARED_TITLE if shared else output
        if self._grouped != wanted:
            self._end_group()
            again = " (continued)" if output.was_shown and not shared else ""
            self._group.enter_context(self._log.group(_SHARED_TITLE if shared else f"Log of {output.title}{again}"))
            self._grouped = wanted
        output.was_shown = True
        prefix = f"{output.title[:MAX_PREFIX]}: " if shared else ""
        self._log.info("\n".join(prefix + line for line in lines))

    def _end_group(self) -> None:
        self._group.close()
        self._grouped = ""


class LogOutput:
    """Where the lines of one log go; a live one shows them as they come."""

    def __init__(self, printer: LogPrinter, title: str, command: str, *, is_live: bool, is_failed: bool) -> None:
        self._printer = printer
        self.title = title
        self._command = command
        self._is_live = is_live
        self._is_failed = is_failed
        self._is_flowing = False
        self._first_line_at: float | None = None
        self._held: IO[str] | None = None
        self._held_lines = 0
        self._room = MAX_LOG_BYTES - TAIL_BYTES
        self._tail: deque[str] = deque()
        self._tail_bytes = 0
        self._left_out = 0
        self._left_out_bytes = 0
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        self._state = ""
        self._state_at: float | None = None
        self._has_ended = False
        self.was_shown = False

    @property
    def is_running(self) -> bool:
        """Whether the log is live and has lines."""
        return self._is_live and self._first_line_at is not None

    @property
    def is_held(self) -> bool:
        """Whether lines are held only for a moment."""
        return self._is_live and self._held is not None

    def add(self, lines: Sequence[str]) -> None:
        """Take lines, each without its end."""
        with self._printer.lock:
            if not self._has_ended:
                self._last.extend(lines[-LAST_LINES:])
                self._state = ""
                self._add(lines)

    def state(self, text: str) -> None:
        """Take the present state of a line that rewrites itself; it is shown now and then."""
        with self._printer.lock:
            now = self._printer.now()
            if self._state_at is None:
                self._state_at = now
            if self._is_live and text and text != self._state and now - self._state_at >= STATE_SECONDS:
                self._state, self._state_at = text, now
                self._add([text])

    def flush(self) -> None:
        """Show held lines once a moment has passed since the first."""
        now = self._printer.now()
        if self.is_held and self._first_line_at is not None and now - self._first_line_at >= HOLD_SECONDS:
            self._is_flowing = True
            self._show_held()

    def end(self, note: str, *, is_failed: bool = False) -> str:
        """Show what is left; return the last lines."""
        with self._printer.lock:
            if not self._has_ended:
                self._has_ended = True
                self._is_failed = self._is_failed or is_failed
                self._show_end(note)
                self._printer.forget(self)
            return "\n".join(self._last)[-MAX_LAST_CHARACTERS:]

    def _add(self, lines: Sequence[str]) -> None:
        fitting: list[str] = []
        for line in lines:
            size = len(line) + 1
            if not self._tail and size <= self._room and self._printer.reserve(size, is_failed=self._is_failed):
                self._room -= size
                fitting.append(line)
            else:
                self._add_to_tail(line)
        if self._first_line_at is None:
            self._first_line_at = self._printer.now()
        if not fitting:
            return
        if self._is_flowing:
            self._printer.print_lines(self, fitting)
            return
        if self._held is None:
            self._held = tempfile.SpooledTemporaryFile(_MEMORY_BYTES, "w+", encoding="utf-8", newline="\n")  # noqa: SIM115
        self._held.write("".join(f"{line}\n" for line in fitting))
        self._held_lines += len(fitting)
        self.flush()

    def _add_to_tail(self, line: str) -> None:
        self._tail.append(line)
        self._tail_bytes += len(line) + 1
        while len(self._tail) > TAIL_LINES or self._tail_bytes > TAIL_BYTES:
            size = len(self._tail.popleft()) + 1
            self._tail_bytes -= size
            self._left_out += 1
            self._left_out_bytes += size

    def _show_held(self, *, whole: bool = False) -> None:
        for block in self._blocks():
            self._printer.print_lines(self, block, whole=whole)

    def _blocks(self) -> Iterator[list[str]]:
        if self._held is not None:
            with self._held as held:
                self._held = None
                held.seek(0)
                while lines := held.readlines(_BLOCK_BYTES):
                    yield [line.removesuffix("\n") for line in lines]

    def _show_end(self, note: str) -> None:
        printer = self._printer
        if self._tail and not printer.reserve(self._tail_bytes, is_failed=self._is_failed):
            self._left_out += len(self._tail)
            self._left_out_bytes += self._tail_bytes
            self._tail.clear()
            if self._held is None and not self._is_flowing:
                printer.unshown[self.title] = self._left_out
                return
        whole = not self._is_flowing
        self._show_held(whole=whole)
        lines = [*self._tail, f"({note})"] if note else list(self._tail)
        if self._left_out:
            size = f"{self._left_out:,} lines ({self._left_out_bytes / 1e6:,.1f} MB)"
            lines.insert(0, f"… {size} are left out here; to read them: {self._command} …")
        if not lines and self._first_line_at is None:
            lines = ["(the container printed nothing)"]
        if lines:
            printer.print_lines(self, lines, whole=whole)
