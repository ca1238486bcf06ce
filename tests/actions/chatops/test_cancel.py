"""Cancel or kill a job while GitHub does not answer: no feedback stays behind."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlops_sandbox.github import Delivery, GitHubServer
from tests.actions.chatops.step import ChatopsStep
from tests.support.payloads import Sample, make_sample
from tests.support.step import StepRecord

INPUTS = {"commands": "/train", "pending-label": "training", "check-name": "model", "environment": "staging"}
CREATING_REQUESTS = {
    "reaction": "POST /repos/*/*/issues/comments/*/reactions",
    "label": "POST /repos/*/*/issues/*/labels",
    "check run": "POST /repos/*/*/check-runs",
    "deployment": "POST /repos/*/*/deployments",
}
# The read that is sent together with the feedback: while it stalls, the step has not ended.
SECOND_READ = "GET /repos/*/*/pulls/*"
SIGNALS = [signal.SIGINT, signal.SIGKILL]


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait for an effect of a process while it lives; the server has no event to wait on."""
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.01)


@pytest.mark.parametrize(("number", "exits"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("silent", ["GET /repos/*/*/collaborators/*/permission", "GET /repos/*/*/activity"])
def test_a_cancelled_step_ends_at_once(
    github: GitHubServer, tmp_path: Path, number: signal.Signals, exits: int, silent: str
) -> None:
    sample = make_sample(github)
    github.faults.stall(silent)
    stage = ChatopsStep(github, tmp_path)
    with stage.start(sample.pull.comment("/train", by="maintainer"), INPUTS) as process:
        wait_for(lambda: bool(github.requests(silent)), process)
        process.send_signal(number)
        # Long before the stall would end.
        log, _ = process.communicate(timeout=100)
    assert process.returncode == exits, log


class Job:
    """A job whose chatops step is killed, and whose post step then runs."""

    def __init__(self, github: GitHubServer, directory: Path) -> None:
        self.sample: Sample = make_sample(github)
        self.github = github
        self.stage = ChatopsStep(github, directory)
        self.delivery: Delivery[Any] = self.sample.pull.comment("/train", by="maintainer")
        github.faults.stall(SECOND_READ, skip=1)

    def run_until_killed(self, when: Callable[[], bool], by: signal.Signals, **inputs: str) -> None:
        with self.stage.start(self.delivery, {**INPUTS, **inputs}) as process:
            wait_for(when, process)
            process.send_signal(by)
            log, _ = process.communicate(timeout=100)
        assert process.returncode == (130 if by == signal.SIGINT else -by), log
        self.github.faults.clear()

    def post(self, **inputs: str) -> StepRecord:
        post_inputs = {**INPUTS, "job-status": "cancelled", **inputs}
        return self.stage.run(self.delivery, post_inputs, post=True, state=self.stage.state())

    def all_feedback_is_there(self) -> bool:
        """Return whether GitHub has all feedback: then the only open request is the stalled one."""
        repository = self.sample.repository
        stalled = len(self.github.requests(SECOND_READ)) > 1
        return bool(
            self.delivery.subject.reactions
            and self.sample.pull.label_names
            and repository.check_runs
            and [one.state for one in repository.deployments.values()] == [self.deployed]
            and stalled
        )

    deployed = "in_progress"

    @property
    def feedback(self) -> dict[str, object]:
        repository = self.sample.repository
        return {
            "reactions": [reaction.content for reaction in self.delivery.subject.reactions],
            "labels": self.sample.pull.label_names,
            "checks": [run.conclusion for run in repository.check_runs.values()],
            "deployments": [deployment.state for deployment in repository.deployments.values()],
        }


CONCLUDED = {"reactions": ["confused"], "labels": [], "checks": ["cancelled"], "deployments": ["error"]}


@pytest.mark.parametrize("by", SIGNALS)
@pytest.mark.parametrize("lost", [*CREATING_REQUESTS, "all", "none"])
def test_the_post_step_concludes_the_feedback_of_a_killed_step(
    github: GitHubServer, tmp_path: Path, lost: str, by: signal.Signals
) -> None:
    """The feedback of every request that took effect is concluded, also without its answer."""
    job = Job(github, tmp_path)
    for kind, route in CREATING_REQUESTS.items():
        if lost in (kind, "all"):
            github.faults.stall(route, done=True)
    if lost in ("deployment", "all"):
        job.deployed = "pending"  # a deployment without an id gets no status
    job.run_until_killed(job.all_feedback_is_there, by)
    ran = job.post()
    assert (ran.exit_code, job.feedback) == (0, CONCLUDED), ran.log
    assert "::warning" not in ran.log


@pytest.mark.parametrize("by", SIGNALS)
def test_the_post_step_creates_nothing_that_github_never_received(
    github: GitHubServer, tmp_path: Path, by: signal.Signals
) -> None:
    job = Job(github, tmp_path)
    for route in CREATING_REQUESTS.values():
        github.faults.stall(route)
    job.run_until_killed(lambda: all(github.requests(route) for route in (*CREATING_REQUESTS.values(), SECOND_READ)), by)
    ran = job.post()
    assert (ran.exit_code, job.feedback) == (0, {**CONCLUDED, "checks": [], "deployments": []}), ran.log
    assert "::warning" not in ran.log


def test_the_feedback_of_another_step_is_left_alone(github: GitHubServer, tmp_path: Path) -> None:
    """Two commands at once, with the same commit, check name and environment: each concludes its own feedback."""
    job = Job(github, tmp_path)
    github.faults.clear()
    job.stage.run(job.sample.pull.comment("/train", by="maintainer"), INPUTS)
    github.faults.stall(SECOND_READ, skip=1)
    for route in CREATING_REQUESTS.values():
        github.faults.stall(route)
    job.run_until_killed(lambda: all(github.requests(route)[1:] for route in CREATING_REQUESTS.values()), signal.SIGKILL)
    job.post()
    # The label stays too, for the command that still runs.
    assert job.feedback == {**CONCLUDED, "labels": ["training"], "checks": [None], "deployments": ["in_progress"]}


def test_a_killed_step_is_concluded_also_with_conclude_false(github: GitHubServer, tmp_path: Path) -> None:
    """The killed step left no outputs, so the later job knows of no feedback."""
    job = Job(github, tmp_path)
    job.run_until_killed(job.all_feedback_is_there, signal.SIGKILL, conclude="false")
    assert job.post(conclude="false").exit_code == 0
    assert job.feedback == CONCLUDED
