"""A cancelled job gets one exception, which is not lost and breaks nothing, whatever the main thread does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

PROGRAM = """
import gc, itertools, signal, sys, threading, time, weakref
from mlops_actions.boundary.cancellation import acknowledge, cancel_on_signals
from mlops_actions.core.errors import Cancelled
cancel_on_signals()
sys.unraisablehook = lambda ignored: None

def wait(seconds):
    print("ready", flush=True)
    time.sleep(seconds)

class Finalized:
    def __del__(self):
        wait(2)

class Referenced:
    pass

def wait_plainly():
    wait(60)

def wait_in_a_finalizer():
    Finalized()
    time.sleep(60)

def wait_in_a_callback():
    referenced = Referenced()
    reference = weakref.ref(referenced, lambda _: wait(2))
    del referenced
    time.sleep(60)

def wait_in_code_that_ignores_everything():
    try:
        wait(2)
    except BaseException:
        pass
    time.sleep(60)

def compute():
    print("ready", flush=True)
    for number in itertools.count():
        str(number)

def start_threads():
    threads, printed = [], False
    try:
        while True:
            threads = [threading.Thread(target=time.sleep, args=(0.001,)) for _ in range(8)]
            for thread in threads:
                thread.start()
            if not printed:
                print("ready", flush=True)
                printed = True
            time.sleep(0.05)
            for thread in threads:
                thread.join()
    finally:
        for thread in threads:
            thread.join()

try:
    globals()[sys.argv[1]]()
except Exception as error:
    print("swallowed", repr(error))
except Cancelled as cancelled:
    acknowledge()
    print("cleaning", flush=True)
    sys.stdin.readline()
    print("cleaned")
    sys.exit(cancelled.exit_code)
"""


@pytest.fixture(
    params=[
        "wait_plainly",
        "wait_in_a_finalizer",
        "wait_in_a_callback",
        "wait_in_code_that_ignores_everything",
        "compute",
        "start_threads",
    ]
)
def process(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", PROGRAM, str(request.param)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ}) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_cancels_once_and_a_second_does_not_interrupt_the_clean_up(
    process: subprocess.Popen[str], number: signal.Signals, code: int
) -> None:
    assert process.stdout
    process.send_signal(number)
    assert process.stdout.readline() == "cleaning\n"
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate("\n")
    assert rest == "cleaned\n"
    assert process.returncode == code
