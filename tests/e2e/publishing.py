"""A repository with a Dockerfile, and steps of docker-publish that publish it."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from tests.e2e.container_step import ContainerRunner, RunningContainer
from tests.support.step import StepRecord

BASE = "debian:trixie-slim"
DOCKERFILE = f"""\
FROM {BASE} AS train
ARG GREETING=hello
COPY . /app
RUN echo "$GREETING" > /greeting
FROM train AS other
RUN echo other > /other
FROM train
"""
EVENT = {"repository": {"full_name": "octo-org/digits", "default_branch": "main"}, "ref": "refs/heads/main"}


class AnyRegistry(Protocol):
    """A registry that images can be pushed to."""

    @property
    def host(self) -> str: ...
    @property
    def username(self) -> str: ...
    @property
    def password(self) -> str: ...


R = TypeVar("R", bound=AnyRegistry)


def git(workspace: Path, *arguments: str) -> str:
    """Run git in a workspace, as somebody."""
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.invalid", "-c", "init.defaultBranch=main")
    command = ["git", *identity, "-C", str(workspace), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


class Publisher(Generic[R]):
    """One repository, published to one image of one registry."""

    def __init__(self, runner: ContainerRunner, registry: R, repository: str, dockerfile: str = DOCKERFILE) -> None:
        self.runner = runner.on_host
        self.registry = registry
        self.repository = repository
        self.workspace = runner.workspace
        (self.workspace / "Dockerfile").write_text(dockerfile)
        (self.workspace / ".dockerignore").write_text(".git\nignored\n")
        (self.workspace / "train.py").write_text("print('training')\n")
        git(self.workspace, "init", "--quiet")
        self.commit()

    def commit(self) -> str:
        """Commit all there is; return the commit."""
        git(self.workspace, "add", "--all")
        git(self.workspace, "commit", "--quiet", "--allow-empty", "--message", "a change")
        return self.sha

    @property
    def sha(self) -> str:
        """The commit that is checked out."""
        return git(self.workspace, "rev-parse", "HEAD")

    @property
    def image(self) -> str:
        """The image's name."""
        return f"{self.registry.host}/{self.repository}"

    def options(self, given: Mapping[str, str] | None, env: Mapping[str, str] | None) -> dict[str, Any]:
        """What `ContainerRunner.run` and `start` take for one step."""
        inputs = {
            "image": self.image,
            "username": self.registry.username,
            "password": self.registry.password,
            **(given or {}),
        }
        return {"inputs": inputs, "event_name": "push", "event": EVENT, "env": {"GITHUB_SHA": self.sha, **(env or {})}}

    def publish(self, given: Mapping[str, str] | None = None, env: Mapping[str, str] | None = None) -> StepRecord:
        """Run one step to its end."""
        return self.runner.run("docker-publish", **self.options(given, env))

    def start(self, given: Mapping[str, str] | None = None, env: Mapping[str, str] | None = None) -> RunningContainer:
        """Start one step."""
        return self.runner.start("docker-publish", **self.options(given, env))

    def built(self, given: Mapping[str, str] | None = None) -> bool:
        """Publish, and say whether it was built."""
        finished = self.publish(given)
        assert finished.exit_code == 0, finished.log
        return finished.outputs["built"] == "true"

    @property
    def leftovers(self) -> list[str]:
        """What the runner's temporary directory and HOME hold of the action's own."""
        found = [*self.runner.temp.rglob("mlops-actions-*"), *(self.runner.temp / "_github_home").rglob("*")]
        return [str(path) for path in found]
