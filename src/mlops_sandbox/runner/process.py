"""One process of a step: its output line by line, its group ended with it, cancelled as the runner cancels."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

# ProcessInvoker.cs: SIGINT, 7.5 s, SIGTERM, 2.5 s, kill.
_SECONDS_TO_END = ((signal.SIGINT, 7.5), (signal.SIGTERM, 2.5))
_SECONDS_TO_DRAIN = 5.0
_INTERRUPTED, _ENDED = b"i", b"e"


def run(argv: Sequence[str], environment: Mapping[str, str], directory: Path, say: Callable[[str], None]) -> int:
    """Run to the end and return the exit code; SIGINT or SIGTERM first ends the process, then raises KeyboardInterrupt.

    Standard output and error reach `say` as they come, without line ends. Nothing of the process outlives the call.
    """
    with _news() as (heard, tell), subprocess.Popen(
        argv, env=dict(environment), cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="replace", start_new_session=True,
    ) as process:  # fmt: skip
        reader = threading.Thread(target=_pass_on, args=(process.stdout, say), daemon=True)
        reader.start()
        waiter = threading.Thread(target=lambda: (process.wait(), os.write(tell, _ENDED)), daemon=True)
        waiter.start()
        interrupted = os.read(heard, 1) == _INTERRUPTED
        if interrupted:
            _end(process)
        # A child left behind would hold the pipe open.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        waiter.join()
        reader.join(_SECONDS_TO_DRAIN)
    if interrupted:
        raise KeyboardInterrupt
    return process.returncode


@contextmanager
def until_stopped() -> Iterator[Callable[[], object]]:
    """Yield what waits for SIGINT or SIGTERM; one that comes earlier, but within the block, counts too."""
    with _news() as (heard, _tell):
        yield lambda: os.read(heard, 1)


@contextmanager
def _news() -> Iterator[tuple[int, int]]:
    """A pipe that hears of SIGINT and SIGTERM: an exception could come between any two instructions, this cannot."""
    heard, tell = os.pipe()
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, lambda *_: os.write(tell, _INTERRUPTED))
    try:
        yield heard, tell
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(heard)
        os.close(tell)


def _pass_on(stream: IO[str] | None, say: Callable[[str], None]) -> None:
    for line in stream or ():
        say(line.rstrip("\r\n"))


def _end(process: subprocess.Popen[str]) -> None:
    for number, seconds in _SECONDS_TO_END:
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            return
