"""Steps of docker-publish on one repository and one registry, with a Docker that needs no daemon."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlops_actions.boundary.github.history import GitHubHistory
from mlops_actions.boundary.github.transport import Pace
from mlops_actions.boundary.registry.client import BasicCredentials, RegistryClient
from mlops_actions.boundary.registry.docker_logins import DockerLogins
from mlops_actions.boundary.runner import GitHubRunner
from mlops_actions.boundary.sockets import find_socket
from mlops_actions.boundary.workspace import WorkspaceFiles
from mlops_actions.core import declare
from mlops_actions.core.checkout import Checkout
from mlops_actions.core.context import Context
from mlops_actions.core.event import load
from mlops_actions.core.outcome import Outcome
from mlops_actions.docker_publish.inputs import Inputs
from mlops_actions.docker_publish.ports import Ports
from mlops_actions.docker_publish.run import run
from mlops_sandbox.registry import Registry
from tests.support.clock import FakeClock
from tests.support.docker_publish import COMMITTED, SHA
from tests.support.local_docker import LocalDocker
from tests.support.logs import LOG
from tests.support.step import LocalRunner, Step

PACE = Pace(attempts=1, backoff=0.0)
# What the runner of these steps says otherwise than the harness: a branch without protection, and a fixed commit.
VARIABLES = {"GITHUB_SHA": SHA, "GITHUB_ACTOR": "octo", "GITHUB_REF_PROTECTED": "false"}


def _fixed_clock() -> FakeClock:
    return FakeClock(at=datetime(2026, 11, 23, 4, 5, 6, tzinfo=UTC))


@dataclass(kw_only=True)
class Publisher:
    """One repository, one registry, any number of steps."""

    runner: LocalRunner
    registry: Registry
    host: str
    docker: LocalDocker = field(default_factory=LocalDocker)
    clock: FakeClock = field(default_factory=_fixed_clock)
    google_token: str = "ya29.google"
    checkout: Checkout | None = field(default_factory=lambda: Checkout(SHA, "main", committed=COMMITTED))
    log: io.StringIO = field(default_factory=io.StringIO)

    @property
    def repository(self) -> str:
        return "octo/digits"

    @property
    def workspace(self) -> Path:
        return self.runner.workspace

    def publish(
        self,
        given: Mapping[str, str] | None = None,
        *,
        event: str = "push",
        payload: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
        **context: str,
    ) -> Outcome:
        """Run one step on these ports; `given` are inputs by their exact names."""
        inputs = dict(given or {})
        if not {"image", "name", "image_name"} & {name.lower() for name in inputs}:
            inputs["image"] = f"{self.host}/{self.repository}"
        step = Step(
            "docker-publish",
            inputs=inputs,
            event_name=event,
            event={"repository": {"full_name": "Octo/Digits", "default_branch": "main"}, **(payload or {})},
            environ={**VARIABLES, **(environ or {}), **context},
        )
        variables = self.runner.prepare(step)
        known = Context.from_environ(variables)
        return run(declare.read(Inputs, variables), known, load(known), variables, self._ports(variables))

    def _ports(self, variables: Mapping[str, str]) -> Ports:
        return Ports(
            runner=GitHubRunner(variables, self.log),
            docker=self.docker,
            open_registry=self._client,
            workspace=WorkspaceFiles(self.workspace),
            read_checkout=lambda _: self.checkout,
            open_history=lambda: GitHubHistory(
                variables.get("INPUT_GITHUB-TOKEN"), Context.from_environ(variables), LOG, PACE
            ),
            cloud_token=lambda _: self.google_token,
            find_login=DockerLogins(variables, LOG).find,
            login_hosts=DockerLogins(variables, LOG).hosts,
            private_directory=lambda: self.runner.temp,
            find_socket=lambda path: find_socket(path, variables),
            clock=self.clock,
        )

    def _client(self, host: str, username: str | None, password: str | None, *, pushes_to: str = "") -> RegistryClient:
        credentials = BasicCredentials(username, password) if username and password else None
        return RegistryClient(self.docker.addresses.get(host, host), credentials, LOG, backoff=0, pushes_to=pushes_to)

    @property
    def tags(self) -> dict[str, str]:
        """The registry's tags of the image, with the digests they point at."""
        repository = self.registry.store.repositories.get(self.repository)
        return dict(repository.tags) if repository else {}

    @property
    def summary(self) -> str:
        """The summary of the last step."""
        return self.runner.files["GITHUB_STEP_SUMMARY"].read_text()

    def labels(self, tag: str, name: str = "") -> dict[str, str]:
        """Return the labels of the image with a tag, by default in this repository."""
        name = name or self.repository
        repository = self.registry.store.repositories[name]
        digest = json.loads(repository.manifest(tag).content)["config"]["digest"]
        config = json.loads(self.registry.store.blob(name, digest).read_bytes())
        labels: dict[str, str] = config["config"]["Labels"]
        return labels
