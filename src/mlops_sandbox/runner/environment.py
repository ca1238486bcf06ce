"""The `github` context of a job, and the environment variables that the runner sets for a container action.

Names are from "Default environment variables" and "Contexts reference" in GitHub's documentation.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_sandbox.runner.expressions import Value

# A process inherits programs and network settings, which a container has from its image or the daemon.
_INHERITED_VARIABLES = (
    "DOCKER_HOST", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "LANG", "PYTHONPATH", "SSL_CERT_DIR", "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy",
)  # fmt: skip
_NO_PROXY_HOSTS = "127.0.0.1,localhost"


@dataclass(frozen=True)
class Run:
    """One workflow run: its event, repository and server. `sha` and `ref` are those of the event."""

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
        """The directory where the repository is checked out."""
        return self.root / "workspace"

    @property
    def home(self) -> Path:
        """The HOME of all steps of the job."""
        return self.root / "home"

    @property
    def temp(self) -> Path:
        """`RUNNER_TEMP`."""
        return self.root / "temp"

    @property
    def event(self) -> Path:
        """The file with the payload of the event."""
        return self.root / "workflow" / "event.json"

    @property
    def commands(self) -> Path:
        """The directory of the files to which steps write commands."""
        return self.root / "file_commands"

    def create(self) -> None:
        """Create the directories."""
        for directory in (self.workspace, self.home, self.temp, self.event.parent, self.commands):
            directory.mkdir(parents=True, mode=0o700)


def github_context(run: Run, layout: Layout, *, workflow: str, path: str, job: str, token: str) -> dict[str, Value]:
    """Return the `github` context of a job."""
    return {
        **run_context(run, workflow, path),
        "event_path": str(layout.event),
        "job": job,
        "token": token,
        "workspace": str(layout.workspace),
    }


def run_context(run: Run, workflow: str, path: str) -> dict[str, Value]:
    """Return the part of the `github` context that is known before a job starts; `path` is that of the workflow file."""
    return {
        "actor": run.actor,
        "api_url": run.api_url,
        "event": _as_value(run.payload),
        "event_name": run.event_name,
        "graphql_url": run.graphql_url,
        "ref": run.ref,
        "ref_name": _ref_name(run.ref),
        "ref_type": _ref_type(run.ref),
        "repository": run.repository,
        "repository_owner": run.repository.partition("/")[0],
        "run_attempt": str(run.attempt),
        "run_id": str(run.run_id),
        "run_number": str(run.run_number),
        "server_url": run.server_url,
        "sha": run.sha,
        "triggering_actor": run.actor,
        "workflow": workflow,
        "workflow_ref": _workflow_ref(run, path),
    }


def variables(run: Run, layout: Layout, *, workflow: str, path: str, job: str) -> dict[str, str]:
    """Return the variables of every step, without those of a single step (`GITHUB_ACTION`, its command files)."""
    return {
        **inherited_variables(os.environ),
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
        "GITHUB_REF_NAME": _ref_name(run.ref),
        "GITHUB_REF_TYPE": _ref_type(run.ref),
        "GITHUB_REPOSITORY": run.repository,
        "GITHUB_REPOSITORY_OWNER": run.repository.partition("/")[0],
        "GITHUB_RUN_ATTEMPT": str(run.attempt),
        "GITHUB_RUN_ID": str(run.run_id),
        "GITHUB_RUN_NUMBER": str(run.run_number),
        "GITHUB_SERVER_URL": run.server_url,
        "GITHUB_SHA": run.sha,
        "GITHUB_TRIGGERING_ACTOR": run.actor,
        "GITHUB_WORKFLOW": workflow,
        "GITHUB_WORKFLOW_REF": _workflow_ref(run, path),
        "GITHUB_WORKSPACE": str(layout.workspace),
        "HOME": str(layout.home),
        "RUNNER_ARCH": "X64",
        "RUNNER_ENVIRONMENT": "self-hosted",
        "RUNNER_NAME": "sandbox",
        "RUNNER_OS": "Linux",
        "RUNNER_TEMP": str(layout.temp),
    }


def input_variable(name: str) -> str:
    """Return the variable of an input: upper case, blanks as `_`, hyphens as they are."""
    return f"INPUT_{name.replace(' ', '_').upper()}"


def inherited_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the PATH (this Python first) and the network settings of an environment, and no other variable."""
    inherited = {name: environ[name] for name in _INHERITED_VARIABLES if name in environ}
    path = f"{Path(sys.executable).parent}{os.pathsep}{environ.get('PATH', os.defpath)}"
    no_proxy = ",".join(filter(None, (_NO_PROXY_HOSTS, environ.get("NO_PROXY") or environ.get("no_proxy"))))
    return {**inherited, "PATH": path, "NO_PROXY": no_proxy, "no_proxy": no_proxy}


def _workflow_ref(run: Run, path: str) -> str:
    return f"{run.repository}/{path}@{run.ref}"


def _ref_name(ref: str) -> str:
    return ref.removeprefix("refs/heads/").removeprefix("refs/tags/")


def _ref_type(ref: str) -> str:
    return "tag" if ref.startswith("refs/tags/") else "branch"


def _as_value(value: Any) -> Value:
    if isinstance(value, Mapping):
        return {str(key): _as_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_value(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)
