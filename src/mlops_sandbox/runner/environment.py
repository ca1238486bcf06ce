"""What a step of a run sees: the `github` context, and the environment that the runner gives a container action.

Names: "Default environment variables" and "Contexts reference" in GitHub's documentation.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_sandbox.runner.expressions import Value

# What a container has from its image or the daemon, a process must be given: its programs, and the way to the network.
_OF_THE_MACHINE = (
    "DOCKER_HOST", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "LANG", "PYTHONPATH", "SSL_CERT_DIR", "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy",
)  # fmt: skip
_DIRECT = "127.0.0.1,localhost"


@dataclass(frozen=True)
class Run:
    """One workflow run: what started it and where it works. `sha` and `ref` are the event's."""

    repository: str
    server_url: str
    api_url: str
    graphql_url: str
    event_name: str
    payload: Mapping[str, Any]
    sha: str
    ref: str
    actor: str
    run_id: int = 1
    run_number: int = 1
    attempt: int = 1


@dataclass(frozen=True)
class Layout:
    """A job's directories, below one private root."""

    root: Path

    @property
    def workspace(self) -> Path:
        """Where the repository is checked out."""
        return self.root / "workspace"

    @property
    def home(self) -> Path:
        """The HOME that all steps of the job share."""
        return self.root / "home"

    @property
    def temp(self) -> Path:
        """`RUNNER_TEMP`."""
        return self.root / "temp"

    @property
    def event(self) -> Path:
        """The file that holds the event's payload."""
        return self.root / "workflow" / "event.json"

    @property
    def commands(self) -> Path:
        """Where the files lie that steps write commands to."""
        return self.root / "file_commands"

    def make(self) -> None:
        """Create the directories."""
        for directory in (self.workspace, self.home, self.temp, self.event.parent, self.commands):
            directory.mkdir(parents=True, mode=0o700)


def github_context(run: Run, layout: Layout, *, workflow: str, job: str, token: str) -> dict[str, Value]:
    """The `github` context of a job."""
    owner = run.repository.partition("/")[0]
    return {
        "actor": run.actor,
        "api_url": run.api_url,
        "event": _plain(run.payload),
        "event_name": run.event_name,
        "event_path": str(layout.event),
        "graphql_url": run.graphql_url,
        "job": job,
        "ref": run.ref,
        "ref_name": _short(run.ref),
        "ref_type": _kind(run.ref),
        "repository": run.repository,
        "repository_owner": owner,
        "run_attempt": str(run.attempt),
        "run_id": str(run.run_id),
        "run_number": str(run.run_number),
        "server_url": run.server_url,
        "sha": run.sha,
        "token": token,
        "triggering_actor": run.actor,
        "workflow": workflow,
        "workspace": str(layout.workspace),
    }


def variables(run: Run, layout: Layout, *, workflow: str, job: str) -> dict[str, str]:
    """The variables of every step; those of a single step (`GITHUB_ACTION`, its command files) are added to them."""
    return {
        **of_the_machine(os.environ),
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_ACTOR": run.actor,
        "GITHUB_API_URL": run.api_url,
        "GITHUB_BASE_REF": "",
        "GITHUB_EVENT_NAME": run.event_name,
        "GITHUB_EVENT_PATH": str(layout.event),
        "GITHUB_GRAPHQL_URL": run.graphql_url,
        "GITHUB_HEAD_REF": "",
        "GITHUB_JOB": job,
        "GITHUB_REF": run.ref,
        "GITHUB_REF_NAME": _short(run.ref),
        "GITHUB_REF_TYPE": _kind(run.ref),
        "GITHUB_REPOSITORY": run.repository,
        "GITHUB_REPOSITORY_OWNER": run.repository.partition("/")[0],
        "GITHUB_RUN_ATTEMPT": str(run.attempt),
        "GITHUB_RUN_ID": str(run.run_id),
        "GITHUB_RUN_NUMBER": str(run.run_number),
        "GITHUB_SERVER_URL": run.server_url,
        "GITHUB_SHA": run.sha,
        "GITHUB_TRIGGERING_ACTOR": run.actor,
        "GITHUB_WORKFLOW": workflow,
        "GITHUB_WORKSPACE": str(layout.workspace),
        "HOME": str(layout.home),
        "RUNNER_ARCH": "X64",
        "RUNNER_ENVIRONMENT": "self-hosted",
        "RUNNER_NAME": "sandbox",
        "RUNNER_OS": "Linux",
        "RUNNER_TEMP": str(layout.temp),
    }


def input_variable(name: str) -> str:
    """The variable of an input: upper case, blanks as `_`, hyphens as they are."""
    return f"INPUT_{name.replace(' ', '_').upper()}"


def of_the_machine(environ: Mapping[str, str]) -> dict[str, str]:
    """Programs (this Python's first) and the network's settings, and nothing else of this machine's environment."""
    kept = {name: environ[name] for name in _OF_THE_MACHINE if name in environ}
    path = f"{Path(sys.executable).parent}{os.pathsep}{environ.get('PATH', os.defpath)}"
    direct = ",".join(filter(None, (_DIRECT, environ.get("NO_PROXY") or environ.get("no_proxy"))))
    return {**kept, "PATH": path, "NO_PROXY": direct, "no_proxy": direct}


def _short(ref: str) -> str:
    return ref.removeprefix("refs/heads/").removeprefix("refs/tags/")


def _kind(ref: str) -> str:
    return "tag" if ref.startswith("refs/tags/") else "branch"


def _plain(value: Any) -> Value:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)
