"""A workspace, inputs as the runner hands them over, and a run against the sandbox's registry."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from mlops_actions.boundary.registry.client import BasicCredentials, RegistryClient
from mlops_actions.boundary.runner import GitHubRunner
from mlops_actions.boundary.workspace import WorkspaceFiles
from mlops_actions.core import declare
from mlops_actions.core.checkout import Checkout
from mlops_actions.core.context import Context
from mlops_actions.core.event import read
from mlops_actions.core.outcome import Outcome
from mlops_actions.docker_publish.inputs import Inputs
from mlops_actions.docker_publish.ports import Ports
from mlops_actions.docker_publish.run import run
from mlops_sandbox.host import Host
from mlops_sandbox.registry import Registry
from tests.support.docker_daemon import LocalDocker
from tests.support.logs import LOG

SHA = "0123456789abcdef0123456789abcdef01234567"
COMMITTED = 1_700_000_000


def make_inputs(environ: Mapping[str, str] | None = None, /, **given: str) -> Inputs:
    """Inputs by their names with `_` for `-`, or, where that would lose a legacy name, as `environ`."""
    variables = {declare.input_variable(name.replace("_", "-")): value for name, value in given.items()}
    return declare.read(Inputs, variables | dict(environ or {}))


def make_context(workspace: Path, **changes: Any) -> Context:
    environ = {
        "GITHUB_REPOSITORY": "Octo/Digits", "GITHUB_EVENT_NAME": "push", "GITHUB_SHA": SHA, "GITHUB_REF": "refs/heads/main",
        "GITHUB_WORKSPACE": str(workspace), "GITHUB_ACTOR": "octo",
    }  # fmt: skip
    return Context.from_environ(environ | changes)


class Clock:
    """Time that passes when it is waited for."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 23, 4, 5, 6, tzinfo=UTC)
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.moment

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.moment += timedelta(seconds=seconds)


@dataclass
class Publisher:
    """One repository, one registry, any number of runs."""

    workspace: Path
    scratch: Path
    registry: Registry
    host: str
    docker: LocalDocker = field(default_factory=LocalDocker)
    clock: Clock = field(default_factory=Clock)
    google_token: str = "ya29.google"
    checkout: Checkout | None = field(default_factory=lambda: Checkout(SHA, "main", committed=COMMITTED))
    log: io.StringIO = field(default_factory=io.StringIO)

    @property
    def repository(self) -> str:
        return "octo/digits"

    def publish(
        self,
        given: Mapping[str, str] | None = None,
        *,
        event: str = "push",
        payload: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
        **context: str,
    ) -> Outcome:
        """Run once; `given` are inputs by their exact names."""
        variables = {declare.input_variable(name): value for name, value in (given or {}).items()}
        if not {"INPUT_IMAGE", "INPUT_NAME", "INPUT_IMAGE_NAME"} & variables.keys():
            variables["INPUT_IMAGE"] = f"{self.host}/{self.repository}"
        ports = Ports(
            runner=GitHubRunner({"GITHUB_STEP_SUMMARY": str(self.scratch / "summary")}, self.log),
            docker=self.docker,
            open_registry=self._client,
            workspace=WorkspaceFiles(self.workspace),
            read_checkout=lambda _: self.checkout,
            google_token=lambda: self.google_token,
            private_directory=lambda: self.scratch,
            clock=self.clock,
        )
        body = {"repository": {"full_name": "Octo/Digits", "default_branch": "main"}, **(payload or {})}
        return run(
            declare.read(Inputs, variables),
            make_context(self.workspace, GITHUB_EVENT_NAME=event, **context),
            read(event, body),
            environ or {},
            ports,
        )

    def _client(self, host: str, username: str | None, password: str | None, *, pushes_to: str = "") -> RegistryClient:
        credentials = BasicCredentials(username, password) if username and password else None
        return RegistryClient(self.docker.addresses.get(host, host), credentials, LOG, backoff=0, pushes_to=pushes_to)

    @property
    def tags(self) -> dict[str, str]:
        """What the registry's tags point at."""
        found = self.registry.store.repositories.get(self.repository)
        return dict(found.tags) if found else {}

    @property
    def summary(self) -> str:
        return (self.scratch / "summary").read_text()

    def labels(self, tag: str) -> dict[str, str]:
        repository = self.registry.store.repositories[self.repository]
        config = json.loads(repository.manifest(tag).content)["config"]["digest"]
        found: dict[str, str] = json.loads(self.registry.store.blob(self.repository, config).read_bytes())["config"][
            "Labels"
        ]
        return found


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY train.py /train.py\n")
    (folder / "train.py").write_text("print('training')\n")
    return folder


class Current:
    """One address for all tests, since a server's start costs more than most of them; the registry behind it changes."""

    registry: Registry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.registry.app(scope, receive, send)


@pytest.fixture(scope="session")
def served() -> Iterator[tuple[Current, str]]:
    current = Current()
    with Host(current) as host:
        yield current, host.url.removeprefix("http://")


@pytest.fixture
def publisher_of(served: tuple[Current, str], workspace: Path, tmp_path: Path) -> Callable[[Registry], Publisher]:
    """Put a registry at the address and return a publisher to it."""
    current, host = served
    scratch = tmp_path / "scratch"
    scratch.mkdir()

    def start(registry: Registry) -> Publisher:
        current.registry = registry
        return Publisher(workspace, scratch, registry, host)

    return start


@pytest.fixture
def publisher(publisher_of: Callable[[Registry], Publisher]) -> Publisher:
    return publisher_of(Registry())
