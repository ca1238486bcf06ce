"""Every sign of a command ends, and none twice: in several jobs, in several attempts, and where a job never began."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mlops_sandbox.github import Delivery, GitHubServer
from tests.actions.chatops.case import US
from tests.actions.chatops.step import PERMISSIONS, RUN_ID, ChatopsStep
from tests.support.payloads import Sample, make_sample
from tests.support.step import StepRecord

INPUTS = {
    "commands": "/train",
    "pending-label": "training",
    "success-label": "trained",
    "failure-label": "failed",
    "check-name": "model",
    "conclude": "false",
}
PLACE_TAKEN = "Canceling since a higher priority waiting request for train-1 exists"


class Jobs:
    """The jobs `listen` and `finish` of commands on one pull request; each command has a run of its own."""

    def __init__(self, github: GitHubServer, directory: Path, **inputs: str) -> None:
        self.sample: Sample = make_sample(github)
        self.stage = ChatopsStep(github, directory)
        self.inputs = INPUTS | inputs
        self.commands: list[Delivery[Any]] = []
        self.begun: list[StepRecord] = []

    def command(self, body: str = "/train") -> None:
        """Give a command."""
        self.commands.append(self.sample.pull.comment(body, by="maintainer"))

    def listen(self, number: int, attempt: int = 1) -> None:
        """Run the job `listen` of a command; its post stage has nothing to conclude."""
        self._set_run(number, attempt)
        record = self.stage.run(self.commands[number], self.inputs)
        assert record.outputs["triggered"] == "true", record.log
        self.begun[number:] = [record]
        assert self.stage.run(self.commands[number], self.inputs, post=True, state=record.state).exit_code == 0

    def finish(self, number: int, status: str, attempt: int = 1) -> StepRecord:
        """Run the job `finish` of a command."""
        self._set_run(number, attempt)
        begun = self.begun[number].outputs["result"]
        inputs = self.inputs | {"mode": "finish", "begun": begun, "job-status": status}
        record = self.stage.run(self.commands[number], inputs)
        assert record.exit_code == 0, record.log
        return record

    def _set_run(self, number: int, attempt: int) -> None:
        run = str(int(RUN_ID) + number)
        self.stage.environ |= {"GITHUB_RUN_ID": run, "GITHUB_RUN_ATTEMPT": str(attempt)}

    @property
    def said(self) -> list[str]:
        """Our comments, oldest first."""
        return [comment.body for comment in self.sample.pull.comments if comment.user.login == US]

    def reactions(self, number: int) -> list[str]:
        """The reactions to a command."""
        return [reaction.content for reaction in self.commands[number].subject.reactions]


@dataclass(frozen=True)
class Ends:
    """Acts, each `(job, command, status, attempt)`, and what is there at the end, for each command or check run."""

    name: str
    acts: Sequence[tuple[str, int, str, int]]
    reactions: Sequence[Sequence[str]]
    checks: Sequence[str]
    labels: Sequence[str]
    outcomes: Sequence[str] = field(default=("succeeded",))


ENDS = [
    Ends("a command", [("listen", 0, "", 1), ("finish", 0, "success", 1)], [["rocket"]], ["success"], ["trained"]),
    Ends(
        "a listener that was cancelled after it had accepted the command",
        [("listen", 0, "", 1), ("finish", 0, "skipped", 1)],
        [["confused"]],
        ["cancelled"],
        ["failed"],
        ["was cancelled"],
    ),
    Ends(
        "only the failed jobs once more",
        [("listen", 0, "", 1), ("finish", 0, "failure", 1), ("finish", 0, "success", 2)],
        [["rocket"]],
        ["success"],
        ["trained"],
    ),
    Ends(
        "only the failed jobs once more, and they fail after a success",
        [("listen", 0, "", 1), ("finish", 0, "success", 1), ("finish", 0, "failure", 2)],
        [["confused"]],
        ["failure"],
        ["failed"],
        ["failed"],
    ),
    Ends(
        "all jobs once more",
        [("listen", 0, "", 1), ("finish", 0, "failure", 1), ("listen", 0, "", 2), ("finish", 0, "success", 2)],
        [["rocket"]],
        ["failure", "success"],
        ["trained"],
    ),
    Ends(
        "the job that finishes twice",
        [("listen", 0, "", 1), ("finish", 0, "success", 1), ("finish", 0, "success", 1)],
        [["rocket"]],
        ["success"],
        ["trained"],
    ),
    Ends(
        "two commands at once, the first ends first",
        [("listen", 0, "", 1), ("listen", 1, "", 1), ("finish", 0, "failure", 1), ("finish", 1, "success", 1)],
        [["confused"], ["rocket"]],
        ["failure", "success"],
        ["trained"],
        ["failed", "succeeded"],
    ),
    Ends(
        "two commands at once, the second ends first",
        [("listen", 0, "", 1), ("listen", 1, "", 1), ("finish", 1, "success", 1), ("finish", 0, "cancelled", 1)],
        [["confused"], ["rocket"]],
        ["cancelled", "success"],
        ["failed"],
        ["was cancelled", "succeeded"],
    ),
]


@pytest.mark.parametrize("case", ENDS, ids=lambda case: case.name)
def test_every_sign_ends_and_none_twice(case: Ends, github: GitHubServer, tmp_path: Path) -> None:
    jobs = Jobs(github, tmp_path)
    for job, number, status, attempt in case.acts:
        if job == "listen":
            if number == len(jobs.commands):
                jobs.command()
            jobs.listen(number, attempt)
        else:
            jobs.finish(number, status, attempt)
    assert [jobs.reactions(number) for number in range(len(jobs.commands))] == list(case.reactions)
    assert [run.conclusion for run in jobs.sample.repository.check_runs.values()] == list(case.checks)
    assert jobs.sample.pull.label_names == list(case.labels)
    assert len(jobs.said) == len(case.outcomes)
    for text, outcome in zip(jobs.said, case.outcomes, strict=True):
        assert f"`/train` {outcome}**" in text


@dataclass(frozen=True)
class Place:
    """A job that was cancelled: its annotation, and whether the command's place in the queue was taken by a newer one."""

    name: str
    annotation: str
    is_taken: bool
    body: str = "/train lr=1"
    again: str = "/train lr=1"
    inputs: Mapping[str, str] = field(default_factory=dict)
    permissions: Mapping[str, str] = field(default_factory=lambda: PERMISSIONS)
    other_run: bool = False


PLACES = [
    Place("replaced by a newer command", PLACE_TAKEN, is_taken=True),
    Place("with parameters below it", PLACE_TAKEN, is_taken=True, body="/train\nlr: 1", again="/train\nlr: 1"),
    Place("with a commit that it named", PLACE_TAKEN, is_taken=True, body="/train sha=HEAD lr=1"),
    Place("too long to be offered", PLACE_TAKEN, is_taken=True, body=f"/train a={'x' * 2000}", again=""),
    Place("an older server's quotes", PLACE_TAKEN.replace("train-1", "'train-1'"), is_taken=True),
    Place("without a comment of its own", PLACE_TAKEN, is_taken=True, inputs={"reply": "deny"}),
    Place("with no comments at all", PLACE_TAKEN, is_taken=True, inputs={"reply": "never"}),
    Place("cancelled by a person", "The run was canceled by @maintainer.", is_taken=False),
    Place("a step that prints the same within its text", f"note: {PLACE_TAKEN}", is_taken=False),
    Place("another run's job", PLACE_TAKEN, is_taken=False, other_run=True),
    Place("check runs that cannot be read", PLACE_TAKEN, is_taken=False, permissions={"pull-requests": "write"}),
]


@pytest.mark.parametrize("case", PLACES, ids=lambda case: case.name)
def test_a_waiting_command_whose_place_was_taken_is_told_so(case: Place, github: GitHubServer, tmp_path: Path) -> None:
    jobs = Jobs(github, tmp_path, **case.inputs)
    repository, head = jobs.sample.repository, jobs.sample.pull.head_sha
    jobs.command(case.body.replace("HEAD", head))
    jobs.listen(0)
    repository.private = True
    run_id = int(RUN_ID) + case.other_run
    run = repository.workflow_run(repository.branches["main"], by="maintainer", run_id=run_id)
    job = repository.workflow_job(run, "Train", "pending")
    job.check_run.annotations.append({"annotation_level": "failure", "title": "", "message": case.annotation})
    job.complete("cancelled", github.clock.now())
    jobs.stage.permissions = case.permissions
    record = jobs.finish(0, "cancelled")
    told = [text for text in jobs.said if "a newer command took its place" in text]
    replies = case.inputs.get("reply", "always")
    assert len(told) == ({"always": 2, "deny": 1, "never": 0}[replies] if case.is_taken else 0), record.log
    if told:
        assert told[-1].startswith("@maintainer 🚫 `/train` was cancelled.")
        assert all(f"```text\n{case.again}\n```" in text for text in told) == bool(case.again)
        assert "reply" not in case.inputs or len(jobs.said) == 1
    elif "never" not in replies:
        assert any("`/train` was cancelled**" in text for text in jobs.said)
