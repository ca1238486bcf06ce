"""Runs chatops as a runner does: an event's file, inputs and command files in, outputs, state and log out."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_actions.__main__ import act
from mlops_sandbox.github import Delivery, GitHubServer
from mlops_sandbox.runner.files import read_file_command
from tests.support.forking import Forker
from tests.support.payloads import write_event

PERMISSIONS = {
    "actions": "read",
    "checks": "write",
    "contents": "read",
    "deployments": "write",
    "issues": "write",
    "pull-requests": "write",
    "statuses": "read",
}
RUN_ID = "4711"
PATIENT = """
from mlops_actions.__main__ import main
from mlops_actions.boundary.github import transport
transport.PACE = transport.Pace(timeout=600)
raise SystemExit(main(["chatops"]))
"""


@dataclass(frozen=True)
class Ran:
    """What a stage left behind."""

    exit_code: int
    outputs: Mapping[str, str]
    state: Mapping[str, str]
    log: str


@dataclass
class Stage:
    """One step of a job on one server: a process of its own from `forker` or a `cold_start`, else within this one."""

    github: GitHubServer
    directory: Path
    repository: str = "octo-org/digits"
    permissions: Mapping[str, str] = field(default_factory=lambda: dict(PERMISSIONS))
    environ: dict[str, str] = field(default_factory=dict)
    cold_start: bool = False
    forker: Forker | None = None

    def run(
        self,
        delivery: Delivery[Any],
        inputs: Mapping[str, str],
        *,
        post: bool = False,
        state: Mapping[str, str] | None = None,
    ) -> Ran:
        """Run the main or post stage on an event."""
        for name in ("output", "state", "summary"):
            (self.directory / name).write_bytes(b"")
        environ = self.environment(delivery, inputs) | {f"STATE_{key}": value for key, value in (state or {}).items()}
        arguments = ["chatops", *(["--post"] if post else [])]
        if self.forker is not None:
            code = self.forker.run(arguments, environ, self.directory / "log")
            log = (self.directory / "log").read_text(encoding="utf-8")
        elif self.cold_start:
            command = [sys.executable, "-m", "mlops_actions", *arguments]
            finished = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=120)
            code, log = finished.returncode, finished.stdout + finished.stderr
        else:
            out = io.StringIO()
            code = act("chatops", environ, post=post, out=out)
            log = out.getvalue()
        return Ran(code, self._read("output"), self._read("state"), log)

    def start(self, delivery: Delivery[Any], inputs: Mapping[str, str]) -> subprocess.Popen[str]:
        """Start the main stage as a process, and leave it running; it bears any silence for ten minutes."""
        for name in ("output", "state", "summary"):
            (self.directory / name).write_bytes(b"")
        return subprocess.Popen(
            [sys.executable, "-c", PATIENT],
            env=self.environment(delivery, inputs),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def state(self) -> dict[str, str]:
        """Read what the last main stage left for the post stage."""
        return self._read("state")

    def _read(self, name: str) -> dict[str, str]:
        return read_file_command((self.directory / name).read_bytes().decode())

    def environment(self, delivery: Delivery[Any], inputs: Mapping[str, str]) -> dict[str, str]:
        """Return the whole environment of a stage; writes the event's file."""
        repository = self.github.repositories[self.repository]
        token = self.github.workflow_token(repository, self.permissions)
        sender = delivery.payload["sender"]["login"]
        # Coverage and the interpreter's own variables stay; whatever this machine has of a runner's goes.
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "INPUT_", "STATE_"))}
        return {
            **kept,
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": sender,
            "GITHUB_API_URL": self.github.api_url,
            "GITHUB_EVENT_NAME": delivery.event,
            "GITHUB_EVENT_PATH": str(write_event(delivery, self.directory / "event.json")),
            "GITHUB_OUTPUT": str(self.directory / "output"),
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_REPOSITORY": self.repository,
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_RUN_ID": RUN_ID,
            "GITHUB_SERVER_URL": self.github.origin,
            "GITHUB_SHA": repository.branches["main"],
            "GITHUB_STATE": str(self.directory / "state"),
            "GITHUB_STEP_SUMMARY": str(self.directory / "summary"),
            "GITHUB_TRIGGERING_ACTOR": sender,
            "GITHUB_WORKSPACE": str(self.directory),
            "INPUT_GITHUB-TOKEN": token.value,
            "INPUT_JOB-STATUS": "success",
            **{f"INPUT_{name.replace(' ', '_').upper()}": value for name, value in inputs.items()},
            **self.environ,
        }
