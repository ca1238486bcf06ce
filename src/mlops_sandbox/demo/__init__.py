"""`mlops-actions demo`: the whole pipeline on the embedded sandbox, with a real model."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from mlops_sandbox.cluster import DockerExecutor, Executor, ProcessExecutor
from mlops_sandbox.demo import machine
from mlops_sandbox.demo.console import Console
from mlops_sandbox.demo.story import Checkout, DemoFailed, Story
from mlops_sandbox.github import Clock, GitHubServer
from mlops_sandbox.runner.environment import of_the_machine
from mlops_sandbox.runner.process import until_stopped
from mlops_sandbox.suite import Sandbox

INTERRUPTED = 130
SET_UP = timedelta(minutes=2)  # by which what is arranged before the first comment lies in the past


def run(output: Path, *, keep: bool = False) -> int:
    """Play the demo, write what it leaves behind to `output` and return the exit code; `keep` serves on until stopped."""
    console = Console(sys.stdout)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="mlops-demo-", ignore_cleanup_errors=True) as root:
            _play(console, output, Path(root), keep)
    except DemoFailed as failure:
        console.bad(f"The demo failed: {failure}")
        return 1
    except KeyboardInterrupt:
        console.bad("Interrupted.")
        return INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, before)
    return 0


def _play(console: Console, output: Path, root: Path, keep: bool) -> None:
    environment = {**of_the_machine(os.environ), "HOME": str(root)}
    without_docker = machine.why_not(environment)
    checkout = Checkout()
    executor: Executor = ProcessExecutor(checkout) if without_docker else DockerExecutor(environment=environment)
    with Sandbox(executor, github=GitHubServer(Clock(behind=SET_UP))) as sandbox:
        _introduce(console, sandbox, without_docker)
        story = Story(sandbox, console, output, root, checkout, without_docker)
        try:
            pull = story.play()
        finally:
            if not without_docker:
                machine.forget(environment, sandbox.registry_host)
        if keep:
            with until_stopped() as wait:
                console.chapter("Still serving, until stopped (Ctrl-C)")
                console.say(f"{story.page(pull)} and {sandbox.wandb_url}")
                wait()


def _introduce(console: Console, sandbox: Sandbox, without_docker: str) -> None:
    console.chapter("A GitHub, a registry, a cluster and a W&B on loopback")
    rows = [
        ["", "address"],
        ["GitHub", sandbox.github.origin],
        ["registry", sandbox.registry_url],
        ["cluster", sandbox.cluster_url],
        ["W&B", sandbox.wandb_url],
    ]
    console.table(rows)
    if without_docker:
        console.say(f"Without containers ({without_docker}): no image is built, and the workflow runs from the checkout.")
    else:
        console.say("With Docker: the image is built, pushed to the registry, and run from there by its digest.")
