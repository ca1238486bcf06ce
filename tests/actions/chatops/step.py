"""A step of chatops on a GitHub of the test's own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_sandbox.github import Delivery, GitHubServer
from tests.support.payloads import Sample
from tests.support.step import Execute, LocalRunner, Step, StepRecord, in_this_process

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
# What a GitHub App is granted for chatops, with `members` for `allow-teams`.
APP_PERMISSIONS = {
    "checks": "write",
    "deployments": "write",
    "issues": "write",
    "members": "read",
    "pull_requests": "write",
}
# Waits ten minutes for an answer, so that a test can hold one back.
WITH_LONG_TIMEOUT = """
from mlops_actions.__main__ import main
from mlops_actions.boundary.github import transport
transport.PACE = transport.Pace(timeout=600)
raise SystemExit(main(["chatops"]))
"""


def app_inputs(sample: Sample, permissions: Mapping[str, str]) -> dict[str, str]:
    """Register a GitHub App with these permissions on the sample's repository; return the inputs that name it."""
    app = sample.github.register_app("ml-bot", permissions=permissions, repositories=[sample.repository])
    return {"app-id": str(app.id), "app-private-key": app.private_key}


@dataclass
class ChatopsStep:
    """One step of a job, run by `execute` on this machine unless `run_elsewhere` is given (an image's container)."""

    github: GitHubServer
    directory: Path
    repository: str = "octo-org/digits"
    permissions: Mapping[str, str] = field(default_factory=lambda: dict(PERMISSIONS))
    environ: dict[str, str] = field(default_factory=dict)
    execute: Execute = in_this_process
    run_elsewhere: Callable[[Step], StepRecord] | None = None

    def __post_init__(self) -> None:
        self.runner = LocalRunner(self.directory, self.repository, workspace=self.directory)

    def run(
        self,
        delivery: Delivery[Any],
        inputs: Mapping[str, str],
        *,
        post: bool = False,
        state: Mapping[str, str] | None = None,
    ) -> StepRecord:
        """Run the main or post stage on an event."""
        step = self.step(delivery, inputs, post=post, state=state)
        return self.run_elsewhere(step) if self.run_elsewhere else self.runner.run(step, self.execute)

    def start(self, delivery: Delivery[Any], inputs: Mapping[str, str]) -> subprocess.Popen[str]:
        """Start the main stage as a process that waits ten minutes for an answer, and leave it running."""
        return self.runner.start(self.step(delivery, inputs), WITH_LONG_TIMEOUT)

    def state(self) -> dict[str, str]:
        """Read what the last main stage left for the post stage."""
        return self.runner.state

    def step(
        self,
        delivery: Delivery[Any],
        inputs: Mapping[str, str],
        *,
        post: bool = False,
        state: Mapping[str, str] | None = None,
    ) -> Step:
        """Describe a stage on an event, with a token of the step's permissions."""
        repository = self.github.repositories[self.repository]
        sender = delivery.payload["sender"]["login"]
        environ = {
            "GITHUB_ACTOR": sender,
            "GITHUB_API_URL": self.github.api_url,
            "GITHUB_RUN_ID": RUN_ID,
            "GITHUB_SERVER_URL": self.github.origin,
            "GITHUB_SHA": repository.branches["main"],
            "GITHUB_TRIGGERING_ACTOR": sender,
        }
        token = self.github.workflow_token(repository, self.permissions).value
        return Step(
            "chatops",
            inputs={"github-token": token, "job-status": "success", **inputs},
            event_name=delivery.event,
            event=delivery.payload,
            environ={**environ, **self.environ},
            state=state or {},
            post=post,
        )
