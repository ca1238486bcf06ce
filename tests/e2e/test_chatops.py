"""A sample of the acceptance cases in chatops' own image, as a runner starts it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.sandbox.github import Delivery, GitHubServer
from tests.contract.chatops import test_cases as acceptance
from tests.contract.chatops.case import play
from tests.contract.chatops.stage import Ran, Stage
from tests.e2e.container_step import Runner

SAMPLE = (
    "all forms of arguments",
    "prose",
    "an outsider",
    "pushed after the comment",
    "legacy phrase",
    "check passed",
    "label",
    "review comment",
    "by hand with a pin",
    "fork approved",
    "call-back",
    "call-back for a foreign commit",
)
# Where the runner puts these is its own affair.
OF_THE_CONTAINER = ("GITHUB_EVENT_PATH", "GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE")


@dataclass
class Container(Stage):
    """A step of which each stage is a container."""

    runner: Runner | None = None

    def run(
        self,
        delivery: Delivery[Any],
        inputs: Mapping[str, str],
        *,
        post: bool = False,
        state: Mapping[str, str] | None = None,
    ) -> Ran:
        """Run the main or post stage on an event."""
        assert self.runner is not None
        environ = {
            name: value
            for name, value in self.environment(delivery, inputs).items()
            if name.startswith(("GITHUB_", "INPUT_")) and name not in OF_THE_CONTAINER
        }
        done = self.runner.run(
            "chatops", env=environ, event_name=delivery.event, event=delivery.payload, post=post, state=state
        )
        return Ran(done.exit_code, done.outputs, done.state, done.log)


@pytest.fixture
def github() -> Iterator[GitHubServer]:
    server = GitHubServer()
    with server.serve():
        yield server


@pytest.mark.parametrize("name", SAMPLE)
def test_case_in_the_image(name: str, github: GitHubServer, tmp_path: Path, runner: Runner) -> None:
    play(acceptance.CASES[name], Container(github, tmp_path, runner=runner))
