"""Measure the cost of a triggered command: requests to GitHub, how many of them run in sequence, and time."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from mlops_sandbox.github import GitHubServer
from tests.bench import repeat

DELAY = 0.1  # seconds a request, for the second figure
PERMISSIONS = {"contents": "read", "checks": "write", "pull-requests": "write"}

Repeat = Callable[[Mapping[str, str], Path], Mapping[str, list[float]]]


@dataclass(frozen=True)
class Triggered:
    """One `/train` on a pull request, from process start to end; medians in seconds."""

    requests: list[str]
    at_once: float
    delayed: float
    import_github: float


def on_this_machine(environment: Mapping[str, str], folder: Path) -> Mapping[str, list[float]]:
    """Run `repeat.py` on the Python that runs this."""
    done = subprocess.run(
        [sys.executable, "-P", repeat.__file__],
        input=json.dumps(dict(environment)),
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    found: Mapping[str, list[float]] = json.loads(done.stdout)
    return found


def measure(run: Repeat = on_this_machine) -> Triggered:
    """Trigger a command again and again, first without and then with a delay of every request."""
    github = GitHubServer()
    with TemporaryDirectory() as name, github.serve():
        folder = Path(name)
        repository = github.repository("octo-org/digits")
        repository.collaborator("maintainer", "maintain")
        repository.define_label("training")
        pull = repository.open_pull_request(by="contributor", title="Learn faster")
        event = pull.comment("/train lr=3e-3", by="maintainer")
        (folder / "event.json").write_text(json.dumps(event.payload))
        environment = {
            "GITHUB_REPOSITORY": repository.full_name,
            "GITHUB_EVENT_NAME": event.event,
            "GITHUB_EVENT_PATH": str(folder / "event.json"),
            "GITHUB_API_URL": github.api_url,
            "GITHUB_SERVER_URL": github.origin,
            "GITHUB_RUN_ID": "1",
            "GITHUB_OUTPUT": str(folder / "output"),
            "INPUT_COMMANDS": "train: {params: {lr: {type: float}}}",
            "INPUT_PENDING-LABEL": "training",
            "INPUT_CHECK-NAME": "training",
            "INPUT_GITHUB-TOKEN": github.workflow_token(repository, PERMISSIONS).value,
        }
        plain = run(environment, folder)
        requests = [str(exchange) for exchange in github.requests()][: len(github.requests()) // repeat.ROUNDS]
        if "training" not in pull.label_names:
            raise RuntimeError("the command did not trigger")
        github.faults.delay("* /**", DELAY)
        delayed = run(environment, folder)
    imports = plain["import_github"] + delayed["import_github"]
    return Triggered(requests, *(statistics.median(times) for times in (plain["stage"], delayed["stage"], imports)))
