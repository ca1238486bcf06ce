"""A job that is cancelled, or killed, while GitHub is silent: nothing that it began stays behind."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlops_sandbox.github import Delivery, GitHubServer
from tests.actions.chatops.stage import Ran, Stage
from tests.support.payloads import Scene, scene

INPUTS = {"commands": "/train", "pending-label": "training", "check-name": "model", "environment": "staging"}
SIGNS = {
    "reaction": "POST /repos/*/*/issues/comments/*/reactions",
    "label": "POST /repos/*/*/issues/*/labels",
    "check run": "POST /repos/*/*/check-runs",
    "deployment": "POST /repos/*/*/deployments",
}
# The read that is sent together with the signs: as long as it is silent, the step has not ended.
SECOND_LOOK = "GET /repos/*/*/pulls/*"
SIGNALS = [signal.SIGINT, signal.SIGKILL]


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait for something a process does, as long as it lives; the server has no event to wait on."""
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.01)


@pytest.mark.parametrize(("number", "exits"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("silent", ["GET /repos/*/*/collaborators/*/permission", "GET /repos/*/*/activity"])
def test_it_ends_at_once(github: GitHubServer, tmp_path: Path, number: signal.Signals, exits: int, silent: str) -> None:
    it = scene(github)
    github.faults.stall(silent)
    stage = Stage(github, tmp_path)
    with stage.start(it.pull.comment("/train", by="maintainer"), INPUTS) as process:
        wait_for(lambda: bool(github.requests(silent)), process)
        process.send_signal(number)
        # Long before the silence would end.
        log, _ = process.communicate(timeout=100)
    assert process.returncode == exits, log


class Job:
    """A job whose chatops step is killed, and whose post step then runs."""

    def __init__(self, github: GitHubServer, directory: Path) -> None:
        self.it: Scene = scene(github)
        self.github = github
        self.stage = Stage(github, directory)
        self.delivery: Delivery[Any] = self.it.pull.comment("/train", by="maintainer")
        github.faults.stall(SECOND_LOOK, skip=1)

    def killed(self, when: Callable[[], bool], by: signal.Signals, **inputs: str) -> None:
        with self.stage.start(self.delivery, {**INPUTS, **inputs}) as process:
            wait_for(when, process)
            process.send_signal(by)
            log, _ = process.communicate(timeout=100)
        assert process.returncode == (130 if by == signal.SIGINT else -by), log
        self.github.faults.clear()

    def post(self, **inputs: str) -> Ran:
        said = {**INPUTS, "job-status": "cancelled", **inputs}
        return self.stage.run(self.delivery, said, post=True, state=self.stage.state())

    def begun(self) -> bool:
        """Whether every sign has been given: then no request is on its way but the one that is stalled."""
        repository = self.it.repository
        stalled = len(self.github.requests(SECOND_LOOK)) > 1
        return bool(
            self.delivery.subject.reactions
            and self.it.pull.label_names
            and repository.check_runs
            and [one.state for one in repository.deployments.values()] == [self.deployed]
            and stalled
        )

    deployed = "in_progress"

    @property
    def signs(self) -> dict[str, object]:
        repository = self.it.repository
        return {
            "reactions": [reaction.content for reaction in self.delivery.subject.reactions],
            "labels": self.it.pull.label_names,
            "checks": [run.conclusion for run in repository.check_runs.values()],
            "deployments": [deployment.state for deployment in repository.deployments.values()],
        }


CONCLUDED = {"reactions": ["confused"], "labels": [], "checks": ["cancelled"], "deployments": ["error"]}


@pytest.mark.parametrize("by", SIGNALS)
@pytest.mark.parametrize("lost", [*SIGNS, "all", "none"])
def test_what_had_begun_is_concluded_by_the_post_step(
    github: GitHubServer, tmp_path: Path, lost: str, by: signal.Signals
) -> None:
    """Whatever request took effect is concluded, also one whose answer never came."""
    job = Job(github, tmp_path)
    for sign, route in SIGNS.items():
        if lost in (sign, "all"):
            github.faults.stall(route, done=True)
    if lost in ("deployment", "all"):
        job.deployed = "pending"  # a deployment without an id gets no status
    job.killed(job.begun, by)
    ran = job.post()
    assert (ran.exit_code, job.signs) == (0, CONCLUDED), ran.log
    assert "::warning" not in ran.log


@pytest.mark.parametrize("by", SIGNALS)
def test_what_never_arrived_is_not_begun_by_the_post_step(github: GitHubServer, tmp_path: Path, by: signal.Signals) -> None:
    job = Job(github, tmp_path)
    for route in SIGNS.values():
        github.faults.stall(route)
    job.killed(lambda: all(github.requests(route) for route in (*SIGNS.values(), SECOND_LOOK)), by)
    ran = job.post()
    assert (ran.exit_code, job.signs) == (0, {**CONCLUDED, "checks": [], "deployments": []}), ran.log
    assert "::warning" not in ran.log


def test_the_signs_of_another_step_are_left_alone(github: GitHubServer, tmp_path: Path) -> None:
    """One commit, one name, one environment: of two commands at once each concludes its own."""
    job = Job(github, tmp_path)
    github.faults.clear()
    job.stage.run(job.it.pull.comment("/train", by="maintainer"), INPUTS)
    github.faults.stall(SECOND_LOOK, skip=1)
    for route in SIGNS.values():
        github.faults.stall(route)
    job.killed(lambda: all(github.requests(route)[1:] for route in SIGNS.values()), signal.SIGKILL)
    job.post()
    assert job.signs == {**CONCLUDED, "checks": [None], "deployments": ["in_progress"]}


def test_a_step_that_died_is_concluded_also_where_a_later_job_would_have_done_so(
    github: GitHubServer, tmp_path: Path
) -> None:
    """It left no outputs, so that the later job has nothing to go by."""
    job = Job(github, tmp_path)
    job.killed(job.begun, signal.SIGKILL, conclude="false")
    assert job.post(conclude="false").exit_code == 0
    assert job.signs == CONCLUDED
