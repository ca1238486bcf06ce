"""Run one process of a step: pass on its output, end its process group, and cancel it as the runner does."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from mlops_sandbox.runner.concurrency import Cancellation

# ProcessInvoker.cs: SIGINT, 7.5 s, SIGTERM, 2.5 s, kill.
_CANCEL_SIGNALS = ((signal.SIGINT, 7.5), (signal.SIGTERM, 2.5))
_MAX_DRAIN_SECONDS = 5.0
_INTERRUPTED, _ENDED = b"i", b"e"


def run(
    argv: Sequence[str],
    environment: Mapping[str, str],
    directory: Path,
    write_log: Callable[[str], None],
    cancellation: Cancellation,
) -> int:
    """Run to the end and return the exit code.

    SIGINT, SIGTERM and a cancellation first end the process, then raise KeyboardInterrupt. Standard output and error go to
    `write_log` as they come, without line ends. No child process outlives the call.
    """
    with _signal_pipe() as (reader_end, writer_end), cancellation.interrupts(
        lambda: os.write(writer_end, _INTERRUPTED)
    ), subprocess.Popen(
        argv, env=dict(environment), cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="replace", start_new_session=True,
    ) as process:  # fmt: skip
        reader = threading.Thread(target=_pass_on, args=(process.stdout, write_log), daemon=True)
        reader.start()
        waiter = threading.Thread(target=lambda: (process.wait(), os.write(writer_end, _ENDED)), daemon=True)
        waiter.start()
        interrupted = os.read(reader_end, 1) == _INTERRUPTED
        if interrupted:
            _cancel(process)
        # A child that is left would hold the pipe open.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        waiter.join()
        reader.join(_MAX_DRAIN_SECONDS)
    if interrupted:
        raise KeyboardInterrupt
    return process.returncode


@contextmanager
def until_stopped() -> Iterator[Callable[[], object]]:
    """Yield a function that waits for SIGINT or SIGTERM; a signal earlier in the block counts too."""
    with _signal_pipe() as (reader_end, _):
        yield lambda: os.read(reader_end, 1)


@contextmanager
def _signal_pipe() -> Iterator[tuple[int, int]]:
    """Yield a pipe to which SIGINT and SIGTERM write; unlike an exception it interrupts no instruction."""
    reader_end, writer_end = os.pipe()
    handlers = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            handlers[number] = signal.signal(number, lambda *_: os.write(writer_end, _INTERRUPTED))
    try:
        yield reader_end, writer_end
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        os.close(reader_end)
        os.close(writer_end)


def _pass_on(stream: IO[str] | None, write_log: Callable[[str], None]) -> None:
    for line in stream or ():
        write_log(line.rstrip("\r\n"))


def _cancel(process: subprocess.Popen[str]) -> None:
    for number, seconds in _CANCEL_SIGNALS:
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            return
