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
from mlops_sandbox.demo.audience import serve_until_stopped
from mlops_sandbox.demo.console import Console
from mlops_sandbox.demo.page import clear, figures, write_page
from mlops_sandbox.demo.stage import Checkout, DemoFailed, Stage
from mlops_sandbox.demo.story import Story
from mlops_sandbox.github import Clock, GitHubServer
from mlops_sandbox.runner.environment import inherited_variables
from mlops_sandbox.suite import Sandbox

INTERRUPTED = 130
SETUP_TIME = timedelta(minutes=2)  # how far before now the events before the first comment happen


def run(output: Path, *, keep: bool = False) -> int:
    """Run the demo, write its results to `output` and return the exit code; with `keep` go on serving until stopped."""
    console = Console(sys.stdout)
    handler = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        output.mkdir(parents=True, exist_ok=True)
        clear(output)
        with tempfile.TemporaryDirectory(prefix="mlops-demo-", ignore_cleanup_errors=True) as root:
            _run_story(console, output, Path(root), keep)
    except DemoFailed as failure:
        console.failure(f"The demo failed: {failure}")
        return 1
    except KeyboardInterrupt:
        console.failure("Interrupted.")
        return INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, handler)
    return 0


def _run_story(console: Console, output: Path, root: Path, keep: bool) -> None:
    environment = {**inherited_variables(os.environ), "HOME": str(root)}
    without_docker = machine.missing_docker(environment)
    checkout = Checkout()
    executor: Executor = ProcessExecutor(checkout) if without_docker else DockerExecutor(environment=environment)
    with Sandbox(executor, github=GitHubServer(Clock(behind=SETUP_TIME))) as sandbox:
        _introduce(console, sandbox, without_docker)
        try:
            with Stage(sandbox, console, output, root, checkout, without_docker) as stage:
                Story(stage).run()
                _conclude(console, stage)
                if keep:
                    serve_until_stopped(stage)
            if keep:
                console.success(f"Stopped. {write_page(stage)} now also holds what was done in the browser.")
        finally:
            if not without_docker:
                machine.remove_images(environment, sandbox.registry_host)


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
        console.text(f"Without containers ({without_docker}): no image is built, and the workflow runs from the checkout.")
    else:
        console.text("With Docker: the image is built, pushed to the registry, and run from there by its digest.")


def _conclude(console: Console, stage: Stage) -> None:
    """Say in two lines what came out, and where the page is."""
    page = write_page(stage)
    console.chapter("Open this page in a browser: the whole story, without a server")
    console.text(", ".join(f"{figure.value} {figure.name}" for figure in figures(stage.recording)))
    console.success(f"{page} ({page.resolve().as_uri()})")
