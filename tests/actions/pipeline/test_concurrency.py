"""Commands that come while another one works, in the published workflow files, on the sandbox's runner."""

from __future__ import annotations

import dataclasses
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops_sandbox.runner.concurrency import Cancellation, Concurrency, ConcurrencyGroups
from mlops_sandbox.runner.environment import Run
from mlops_sandbox.runner.expressions import Scope
from mlops_sandbox.runner.job import JobResult, Settings, run_workflow
from mlops_sandbox.runner.workflow import Job, Step, Workflow, load

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples" / "digits" / ".github" / "workflows"
OTHERS = (
    "Looks good to me.",
    "Please run /train when the data are there",
    "> /train lr=1\n\nI would not.",
    "/help",
    "see docs/training for why",
)


class Repository:
    """Runs the jobs of a workflow file on comments, each comment in a thread of its own.

    Instead of its steps, the job that works writes the comment's number to the file `worked`. Whether a comment is a command
    is decided by its first word: chatops is not the subject here.
    """

    def __init__(self, workflow: Workflow, command: str, root: Path) -> None:
        self.worked = root / "worked"
        self.worked.touch()
        self.groups = ConcurrencyGroups()
        self.results: dict[int, dict[str, JobResult]] = {}
        self._root = root
        self._workflow = dataclasses.replace(workflow, jobs=[self._job(job, command) for job in workflow.jobs])
        self._threads: list[threading.Thread] = []

    def _job(self, job: Job, command: str) -> Job:
        outputs = dict(job.outputs)
        run = "true"
        if "triggered" in outputs:
            is_command = f"${{{{ startsWith(github.event.comment.body, '{command}') }}}}"
            outputs = {"triggered": is_command, "pr-number": "7", "attempt": outputs.get("attempt", "")}
            outputs["lock"] = "${{ contains(github.event.comment.body, 'gpu') && 'lock-gpu' || '' }}"
        elif job.concurrency is not None:
            run = f'echo "$GITHUB_RUN_ID" >> {self.worked}'
        return dataclasses.replace(job, steps=[Step("work", "work", run=run)], outputs=outputs, environment={})

    def comment(self, number: int, body: str) -> None:
        """Start the run of a comment."""
        payload: dict[str, Any] = {"comment": {"body": body}, "issue": {"number": 7, "pull_request": {}}}
        run = Run(
            repository="octo/digits", server_url="http://server", api_url="http://api", graphql_url="http://graphql",
            event_name="issue_comment", sha="0" * 40, ref="refs/heads/main", actor="octocat", run_id=number, payload=payload,
        )  # fmt: skip
        settings = Settings(self._root, {}, {}, lambda _: None)

        def work() -> None:
            root = self._root / f"{number}"
            self.results[number] = run_workflow(
                settings, run, self._workflow, root, lambda _: "the job's token", self.groups
            )

        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def wait(self) -> None:
        """Wait until every run has ended."""
        for thread in self._threads:
            thread.join(120)

    def numbers(self) -> Iterator[int]:
        """Yield the numbers of the comments whose command was carried out, in the order of the work."""
        return map(int, self.worked.read_text().split())


@pytest.mark.parametrize(
    ("file", "group", "command"),
    [
        ("mlops", "train-7", "/train"),
        ("mlops", "lock-gpu", "/train on=gpu"),
        ("deploy", "deploy-production", "/deploy r1"),
        ("long", "long-7", "/long"),
    ],
)
def test_every_command_that_waits_is_carried_out(file: str, group: str, command: str, tmp_path: Path) -> None:
    repository = Repository(load(EXAMPLES / f"{file}.yml"), command, tmp_path)
    with repository.groups.enter(Concurrency(group), Scope({}), "the command that works", Cancellation()):
        for number in (2, 3):
            repository.comment(number, command)
            repository.groups.wait_until_pending(group, f"{number}")
    repository.wait()
    conclusions = {job.conclusion for jobs in repository.results.values() for job in jobs.values()}
    assert (list(repository.numbers()), conclusions - {"skipped"}) == ([2, 3], {"success"})


@pytest.mark.parametrize("file", ["mlops", "by-hand"])
def test_a_training_that_was_started_by_hand_and_one_of_a_comment_wait_for_each_other(file: str) -> None:
    document = yaml.safe_load((EXAMPLES / f"{file}.yml").read_text())
    concurrency = document.get("concurrency") or document["jobs"]["train"]["concurrency"]
    form = document[True].get("workflow_dispatch") or {"inputs": {"pr-number": {"type": "number"}}}
    assert form["inputs"]["pr-number"]["type"] == "number", "as a text, `#7` and `7` would be two groups"
    event: Any = {"issue": {"number": 7}}
    needs: Any = {"listen": {"outputs": {"lock": ""}}}
    scope = Scope({"github": {"event": event}, "needs": needs, "inputs": {"pr-number": 7}})
    assert scope.render(concurrency["group"]) == "train-7"


def test_a_comment_is_answered_while_a_training_runs_and_others_wait(tmp_path: Path) -> None:
    repository = Repository(load(EXAMPLES / "mlops.yml"), "/train", tmp_path)
    with repository.groups.enter(Concurrency("train-7"), Scope({}), "the training", Cancellation()):
        repository.comment(2, "/train")
        repository.groups.wait_until_pending("train-7", "2")
        repository.comment(3, "/help")
        while 3 not in repository.results:  # pytest's own limit ends it
            threading.Event().wait(0.01)
        assert {name: job.conclusion for name, job in repository.results[3].items()} == {
            "listen": "success", "train": "skipped", "control": "skipped", "finish": "skipped",
        }  # fmt: skip
        assert 2 not in repository.results
    repository.wait()
    assert list(repository.numbers()) == [2]


def test_of_twenty_commands_among_two_hundred_comments_none_is_lost_or_carried_out_twice(tmp_path: Path) -> None:
    repository = Repository(load(EXAMPLES / "mlops.yml"), "/train", tmp_path)
    draw = random.Random(7)
    commands = draw.sample(range(1, 221), 20)
    for number in range(1, 221):
        repository.comment(number, f"/train lr={number}" if number in commands else draw.choice(OTHERS))
    repository.wait()
    assert sorted(repository.numbers()) == sorted(commands)
    assert len(repository.results) == 220
    assert {jobs["finish"].conclusion for number, jobs in repository.results.items() if number in commands} == {"success"}


@pytest.mark.parametrize(
    ("file", "body", "starts"),
    [
        *((file, body, True) for file, body in {"mlops": "/train", "deploy": "/deploy r1", "long": "/long"}.items()),
        *((file, "／train", True) for file in ("mlops", "deploy", "long", "pipeline")),
        ("pipeline", "!train", True),
        ("pipeline", "/train", False),
        *((file, "Looks good to me.", False) for file in ("mlops", "deploy", "long", "pipeline")),
    ],
)
def test_which_comments_start_a_machine(file: str, body: str, starts: bool) -> None:
    folder = ROOT / ".github" / "workflows" if file == "pipeline" else EXAMPLES
    jobs = yaml.safe_load((folder / f"{file}.yml").read_text())["jobs"]
    event: Any = {"comment": {"body": body}, "issue": {"number": 7, "pull_request": {}}}
    scope = Scope({"github": {"event_name": "issue_comment", "event": event}, "inputs": {"prefix": "!"}})
    assert scope.condition(next(iter(jobs.values()))["if"]) is starts


@pytest.mark.parametrize(("attempt_of_listen", "attempt", "works"), [("1", "1", True), ("2", "2", True), ("1", "2", False)])
@pytest.mark.parametrize(
    ("file", "works_in", "ends_in"),
    [
        ("mlops", "train", "finish"),
        ("mlops", "control", ""),
        ("long", "submit", "conclude"),
        ("long", "control", ""),
        ("deploy", "deploy", "finish"),
        ("pipeline", "train", "finish"),
    ],
)
def test_a_job_that_is_run_again_without_a_decision_does_not_work(
    file: str, works_in: str, ends_in: str, attempt_of_listen: str, attempt: str, works: bool
) -> None:
    folder = ROOT / ".github" / "workflows" if file == "pipeline" else EXAMPLES
    jobs = yaml.safe_load((folder / f"{file}.yml").read_text())["jobs"]
    outputs = {"triggered": "true", "control": "stop", "attempt": attempt_of_listen}
    listen: Any = {"outputs": outputs, "result": "success"}
    worked: Any = {"outputs": {"workflow-name": ""}, "result": "failure" if works else "skipped"}
    inputs: Any = {"wait": "true", "callback": ""}
    scope = Scope({"github": {"run_attempt": attempt}, "inputs": inputs, "needs": {"listen": listen, works_in: worked}})
    assert scope.condition(jobs[works_in]["if"]) is works
    assert not ends_in or scope.condition(jobs[ends_in]["if"]) is works, "what was concluded stays so"
