"""What a run left that died before it concluded its command: the next run on the pull request ends it, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.core.callback import RECORD_TITLE, record
from mlops_actions.core.command_notice import TITLE
from mlops_actions.core.sticky import CommandMark, command_comment
from mlops_sandbox.github import Delivery, GitHubServer, WorkflowRun
from mlops_sandbox.runner.files import LogCommand, read_log
from tests.actions.chatops.case import US
from tests.actions.chatops.step import PERMISSIONS, ChatopsStep
from tests.support.payloads import Sample, make_sample
from tests.support.step import StepRecord

FILE = ".github/workflows/mlops.yml"
INPUTS = {
    "commands": "/train, /lint",
    "controls": "status, stop",
    "pending-label": "training",
    "success-label": "trained",
    "failure-label": "failed",
    "check-name": "model",
    "environment": "staging",
}
FIRST, SECOND = 100, 101


class Runs:
    """The runs of one workflow file on a pull request."""

    def __init__(self, github: GitHubServer, directory: Path) -> None:
        self.sample: Sample = make_sample(github)
        self.stage = ChatopsStep(github, directory)
        self.sample.repository.push("main", by="maintainer", files={FILE: "on: issue_comment\n"})
        self.commands: dict[int, Delivery[Any]] = {}
        self.begun: dict[int, StepRecord] = {}

    def listen(
        self, run: int = FIRST, body: str = "/train", attempt: int = 1, file: str = FILE, event: Any = None, **inputs: str
    ) -> StepRecord:
        """Run the main stage of a run on a comment."""
        self._set_run(run, attempt, file)
        if run not in self.commands:
            self.commands[run] = event or self.sample.pull.comment(body, by="maintainer")
            self.run(run, file)
        self.begun[run] = self.stage.run(self.commands[run], INPUTS | inputs)
        return self.begun[run]

    def run(self, run: int, file: str = FILE) -> WorkflowRun:
        """Return a run as GitHub knows it."""
        repository = self.sample.repository
        known = repository.workflow_runs.get(run)
        return known or repository.workflow_run(repository.branches["main"], by="maintainer", run_id=run, path=file)

    def post(self, run: int, status: str = "success", **inputs: str) -> StepRecord:
        """Run the post stage of a run."""
        inputs = INPUTS | {"job-status": status} | inputs
        return self.stage.run(self.commands[run], inputs, post=True, state=self.begun[run].state)

    def finish(self, run: int, status: str = "success") -> StepRecord:
        """Run the job that finishes, in a file of several jobs."""
        inputs = INPUTS | {"mode": "finish", "begun": self.begun[run].outputs["result"], "job-status": status}
        return self.stage.run(self.commands[run], inputs)

    def die(self, run: int = FIRST, conclusion: str = "cancelled", *, detached: bool = False) -> None:
        """End a run without its post stage; GitHub keeps the notices that its job printed."""
        now, repository = self.sample.github.clock.now(), self.sample.repository
        job = repository.workflow_job(self.run(run), "Train")
        for one in read_log(self.begun[run].log):
            if isinstance(one, LogCommand) and one.properties.get("title") == TITLE:
                job.check_run.annotations.append({"annotation_level": "notice", "title": TITLE, "message": one.message})
        if detached:
            said = {"annotation_level": "notice", "title": RECORD_TITLE, "message": record("ml", "train-x", "0b5a")}
            job.check_run.annotations.append(said)
        job.complete(conclusion, now)
        self.run(run).complete(conclusion, now)

    def _set_run(self, run: int, attempt: int, file: str) -> None:
        self.stage.environ |= {
            "GITHUB_RUN_ID": str(run),
            "GITHUB_RUN_ATTEMPT": str(attempt),
            "GITHUB_WORKFLOW_REF": f"octo-org/digits/{file}@refs/heads/main",
            "GITHUB_REF": "refs/heads/main",
        }

    @property
    def signs(self) -> dict[str, object]:
        """Everything that shows what the first command does."""
        repository = self.sample.repository
        said = [comment.body for comment in self.sample.pull.comments if comment.user.login == US]
        return {
            "reactions": [reaction.content for reaction in self.commands[FIRST].subject.reactions],
            "checks": [run.conclusion for run in repository.check_runs.values() if run.from_api][:1],
            "deployments": [deployment.state for deployment in repository.deployments.values()][:1],
            "comment": "ended" if said and " open" not in said[0].partition("-command:")[2][:120] else "open",
        }


ENDED = {"reactions": ["confused"], "checks": ["cancelled"], "deployments": ["error"], "comment": "ended"}
FAILED = ENDED | {"checks": ["failure"], "deployments": ["failure"]}
OPEN = {"reactions": ["eyes"], "checks": [None], "deployments": ["in_progress"], "comment": "open"}


def another(runs: Runs) -> None:
    """Another command, to its end."""
    runs.listen(SECOND)
    runs.post(SECOND)


def another_that_waits(runs: Runs) -> None:
    """Another command of a file of two jobs, whose work has not ended."""
    runs.listen(SECOND, conclude="false")
    runs.post(SECOND, conclude="false")


def another_finished(runs: Runs) -> None:
    """A job that finishes another command."""
    runs.listen(SECOND, conclude="false")
    assert runs.signs["comment"] == "open"
    runs.finish(SECOND)


def status(runs: Runs) -> None:
    """A control, which says first that nothing runs."""
    runs.listen(SECOND, "/status")
    assert "Nothing of" in runs.sample.pull.comments[-1].body
    runs.post(SECOND)


def refused(runs: Runs) -> None:
    """A command of somebody who may not give it."""
    event = runs.sample.pull.comment("/train", by="outsider")
    assert runs.listen(SECOND, event=event).outputs["reason"] == "permission"
    runs.post(SECOND)


def on_another_commit(runs: Runs) -> None:
    """Another command after a push."""
    runs.sample.pull.push(by="writer")
    another(runs)


def of_another_file(runs: Runs) -> None:
    """A command of another workflow file."""
    runs.listen(SECOND, file=".github/workflows/other.yml")
    runs.post(SECOND)


def without_rights(runs: Runs) -> None:
    """Another command of a private repository, whose job may not read runs."""
    runs.sample.repository.private = True
    runs.stage.permissions = {name: level for name, level in PERMISSIONS.items() if name != "actions"}
    another(runs)


def without_annotations(runs: Runs) -> None:
    """Another command, whose job is shown no annotations, so that nobody knows whether a workflow runs on."""
    runs.sample.github.faults.answer("GET /repos/*/*/check-runs/*/annotations", 404)
    another(runs)


def again(runs: Runs) -> None:
    """All jobs of the run once more."""
    runs.listen(FIRST, attempt=2)
    runs.post(FIRST)


@dataclass(frozen=True)
class Left:
    """A run that ends by `dies`, what happens next, and what the signs of its command are then."""

    name: str
    then: Callable[[Runs], None]
    signs: Mapping[str, object] = field(default_factory=lambda: ENDED)
    labels: tuple[str, ...] = ("trained",)
    dies: Mapping[str, Any] | None = field(default_factory=dict)


CASES = (
    Left("another command", another),
    Left("another command that still waits", another_that_waits, labels=("training",)),
    Left("a job that finishes another command", another_finished),
    Left("a status", status, labels=()),
    Left("another command, after a push", on_another_commit),
    Left("a run that failed", another, FAILED, dies={"conclusion": "failure"}),
    Left("a run that timed out", another, FAILED, dies={"conclusion": "timed_out"}),
    Left("a run that succeeded, and said nothing", another, dies={"conclusion": "success"}),
    Left(
        "a run whose workflow runs on", another, OPEN, ("training", "trained"), {"conclusion": "success", "detached": True}
    ),
    Left(
        "a run whose workflow runs on, which is hidden",
        without_annotations,
        OPEN,
        ("training", "trained"),
        {"conclusion": "success", "detached": True},
    ),
    Left("a run whose workflow runs on, and a status", status, OPEN, ("training",), None),
    Left("a run that goes on", another, OPEN, ("training", "trained"), None),
    Left("a refused command", refused, OPEN, ("training",)),
    Left("a command of another file", of_another_file, OPEN, ("trained",)),
    Left("a job that may not read runs", without_rights, OPEN, ("training", "trained")),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_next_run_ends_what_a_dead_one_left(case: Left, github: GitHubServer, tmp_path: Path) -> None:
    runs = Runs(github, tmp_path)
    assert runs.listen().outputs["triggered"] == "true"
    assert runs.signs == OPEN
    if case.dies is not None:
        runs.die(**case.dies)
    case.then(runs)
    assert runs.signs == case.signs
    assert tuple(sorted(runs.sample.pull.label_names)) == tuple(sorted(case.labels))


@pytest.mark.parametrize("status", ["success", "failure"])
def test_a_run_that_is_run_again_ends_what_its_first_attempt_left(status: str, github: GitHubServer, tmp_path: Path) -> None:
    """Its comment is used again; the check run and the deployment are others."""
    runs = Runs(github, tmp_path)
    runs.listen()
    runs.die()
    runs.listen(attempt=2)
    runs.post(FIRST, status)
    repository = runs.sample.repository
    assert [run.conclusion for run in repository.check_runs.values() if run.from_api] == ["cancelled", status]
    assert [deployment.state for deployment in repository.deployments.values()] == ["error", status]
    assert (runs.signs["comment"], runs.sample.pull.label_names) == (
        "ended",
        ["trained" if status == "success" else "failed"],
    )


def test_the_comment_keeps_what_it_said_of_the_command(github: GitHubServer, tmp_path: Path) -> None:
    runs = Runs(github, tmp_path)
    runs.listen(body="/train lr=0.1")
    runs.die()
    another(runs)
    (body, *_) = [comment.body for comment in runs.sample.pull.comments if comment.user.login == US]
    assert "🚫 **`/train` has ended without a result.** [Its run](" in body
    assert f"/actions/runs/{FIRST}) was cancelled, and did not say more." in body
    assert "is running" not in body
    assert "by [maintainer](" in body
    assert "| `lr` | `0.1` |" in body


@pytest.mark.parametrize("reply", ["deny", "never"])
def test_without_comments_the_open_check_run_tells_of_a_dead_run(reply: str, github: GitHubServer, tmp_path: Path) -> None:
    runs = Runs(github, tmp_path)
    runs.listen(reply=reply)
    runs.die()
    runs.listen(SECOND, reply=reply)
    runs.post(SECOND, reply=reply)
    assert runs.signs | {"comment": "ended"} == ENDED


def test_what_another_run_has_concluded_stays(github: GitHubServer, tmp_path: Path) -> None:
    runs = Runs(github, tmp_path)
    runs.listen()
    runs.post(FIRST)
    runs.die(conclusion="failure")
    another(runs)
    # GitHub makes a deployment inactive where a later one of its environment succeeds.
    assert runs.signs == {"reactions": ["rocket"], "checks": ["success"], "deployments": ["inactive"], "comment": "ended"}


@pytest.mark.parametrize("mark", ["100-1-ab", "100", "0100-1-ab", "١٠٠-1-ab", f"{'9' * 40}-1-ab", "-1-ab", "4711-1-ab"])
def test_a_comment_that_somebody_has_edited_ends_nothing_that_runs(mark: str, github: GitHubServer, tmp_path: Path) -> None:
    """Whoever may write to the repository can edit the bot's comments: the run that one names is looked up."""
    runs = Runs(github, tmp_path)
    runs.listen()
    runs.sample.pull.comment(command_comment("mlops", CommandMark(mark), "⏳ It runs."), by=US)
    another(runs)
    assert runs.signs == OPEN


@pytest.mark.parametrize("status", [403, 404, 500])
def test_runs_that_cannot_be_read_are_left_alone(status: int, faulty_github: GitHubServer, tmp_path: Path) -> None:
    runs = Runs(faulty_github, tmp_path)
    runs.listen()
    runs.die()
    faulty_github.faults.answer("GET /repos/*/*/actions/runs/*", status)
    runs.listen(SECOND)
    record = runs.post(SECOND)
    assert (record.exit_code, runs.signs) == (0, OPEN), record.log
    assert "::warning" not in record.log


def test_where_nothing_is_left_that_costs_few_requests(github: GitHubServer, tmp_path: Path) -> None:
    runs = Runs(github, tmp_path)
    runs.listen()
    runs.post(FIRST)
    runs.listen(SECOND, "/lint")
    before = len(github.exchanges)
    runs.post(SECOND)
    reads = [one.path.rpartition("/")[2] for one in github.exchanges[before:] if one.method == "GET"]
    assert sorted(name for name in reads if not name.isdecimal()) == [
        "check-runs",
        "comments",  # is another command with this pending label open?
        "comments",
        "deployments",
        "statuses",  # of the first command's deployment
        "user",  # whose comments are ours
    ]
