"""What a triggered command costs: requests to GitHub, and how many of them wait for one another."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from mlops_actions.sandbox.github import GitHubServer
from tests.bench.startup import run_time

DELAY = 0.1  # seconds a request, for the second figure
ROUNDS = 5
PERMISSIONS = {"contents": "read", "checks": "write", "pull-requests": "write"}


@dataclass(frozen=True)
class Triggered:
    """One `/train` on a pull request, from process start to end; seconds."""

    requests: list[str]
    at_once: float
    delayed: float
    import_github: float


def measure() -> Triggered:
    """Trigger a command on a fresh pull request each time, without and with a delay of every request."""
    plain, delayed, imports = [], [], []
    requests: list[str] = []
    with TemporaryDirectory() as name:
        folder = Path(name)
        for _ in range(ROUNDS):
            seconds, requests = _trigger(folder, delay=0)
            plain.append(seconds)
            delayed.append(_trigger(folder, delay=DELAY)[0])
            imports.append(run_time([sys.executable, "-c", "import github"], dict(os.environ)))
    return Triggered(requests, *(statistics.median(times) for times in (plain, delayed, imports)))


def _trigger(folder: Path, *, delay: float) -> tuple[float, list[str]]:
    github = GitHubServer()
    with github.serve():
        repository = github.repository("octo-org/digits")
        repository.collaborator("maintainer", "maintain")
        pull = repository.open_pull_request(by="contributor", title="Learn faster")
        event = pull.comment("/train lr=3e-3", by="maintainer")
        if delay:
            github.faults.delay("* /**", delay)
        path = folder / "event.json"
        path.write_text(json.dumps(event.payload))
        environment = {
            **os.environ,
            "GITHUB_REPOSITORY": repository.full_name,
            "GITHUB_EVENT_NAME": event.event,
            "GITHUB_EVENT_PATH": str(path),
            "GITHUB_API_URL": github.api_url,
            "GITHUB_SERVER_URL": github.origin,
            "GITHUB_RUN_ID": "1",
            "GITHUB_OUTPUT": str(folder / "output"),
            "INPUT_COMMANDS": "train: {params: {lr: {type: float}}}",
            "INPUT_PENDING-LABEL": "training",
            "INPUT_CHECK-NAME": "training",
            "INPUT_GITHUB-TOKEN": github.workflow_token(repository, PERMISSIONS).value,
        }
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "mlops_actions", "chatops"], env=environment, capture_output=True, text=True, check=False
        )
        seconds = time.perf_counter() - began
        if done.returncode or "training" not in pull.label_names:
            raise RuntimeError(f"the command did not trigger:\n{done.stdout}{done.stderr}")
        return seconds, [str(exchange) for exchange in github.requests()]
