"""Concurrency groups: which of several runs of a workflow run, wait, are replaced or are cancelled."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from mlops_sandbox.runner.concurrency import MAX_PENDING, Cancellation, Concurrency, ConcurrencyGroups
from mlops_sandbox.runner.environment import Run
from mlops_sandbox.runner.expressions import ExpressionError, Scope
from mlops_sandbox.runner.job import JobResult, Settings, run_workflow
from mlops_sandbox.runner.workflow import parse

WORKFLOW = """\
on: issue_comment
jobs:
  train:
    if: contains(github.event.comment.body, '/train')
    runs-on: x
    {concurrency}
    steps:
      - id: work
        run: |
          echo started > {gates}/started-${{{{ github.run_id }}}}
          read -r line < {gates}/go-${{{{ github.run_id }}}}
      - id: last
        if: always()
        run: 'true'
"""


class Runs:
    """Runs of one workflow file, each in a thread. A run reports its start, and works until it is let go."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._threads: dict[int, threading.Thread] = {}
        self._results: dict[int, dict[str, JobResult]] = {}
        self.groups = ConcurrencyGroups()
        self.top = ""
        self.concurrency = ""

    def start(self, number: int, comment: str = "/train") -> None:
        """Start a run, and return without waiting for it."""
        for gate in ("started", "go"):
            os.mkfifo(self._root / f"{gate}-{number}")

        def work() -> None:
            self._results[number] = self.run(number, comment)

        self._threads[number] = threading.Thread(target=work, daemon=True)
        self._threads[number].start()

    def run(self, number: int, comment: str = "/train") -> dict[str, JobResult]:
        """Run the workflow in this thread."""
        text = self.top + WORKFLOW.format(concurrency=self.concurrency, gates=self._root)
        run = Run(
            repository="octo/digits", server_url="http://server", api_url="http://api", graphql_url="http://graphql",
            event_name="issue_comment", payload={"comment": {"body": comment}, "issue": {"number": 7}}, sha="0" * 40,
            ref="refs/heads/main", actor="octocat", run_id=number,
        )  # fmt: skip
        settings = Settings(self._root, {}, {"KEY": "s3cret"}, lambda _: None)
        root = self._root / f"run-{number}"
        return run_workflow(settings, run, parse(text, "w.yml"), root, lambda _: "token", self.groups)

    def wait_for_start(self, number: int) -> None:
        """Return once the run works."""
        assert (self._root / f"started-{number}").read_text() == "started\n"

    def let_go(self, number: int) -> None:
        """Let the run's work end."""
        (self._root / f"go-{number}").write_text("go\n")

    def result(self, number: int) -> dict[str, JobResult]:
        self._threads[number].join(60)
        return self._results[number]

    def conclusions(self, *numbers: int) -> list[str]:
        """The conclusion of each run's job; `no job` where the run has none."""
        jobs = [self.result(number).get("train") for number in numbers]
        return [job.conclusion if job else "no job" for job in jobs]


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


@pytest.mark.parametrize("level", ["job", "workflow"])
def test_of_three_runs_the_first_runs_and_the_newest_replaces_the_one_that_waits(runs: Runs, level: str) -> None:
    concurrency = "concurrency: train-${{ github.event.issue.number }}"
    runs.top, runs.concurrency = (f"{concurrency}\n", "") if level == "workflow" else ("", concurrency)
    runs.start(1)
    runs.wait_for_start(1)
    runs.start(2)
    assert runs.groups.wait_until_pending("train-7", "2") == ["2"]
    runs.start(3)
    assert runs.groups.wait_until_pending("train-7", "3") == ["3"]
    replaced = runs.result(2)
    runs.let_go(1)
    runs.wait_for_start(3)
    runs.let_go(3)
    assert runs.conclusions(1, 2, 3) == ["success", "cancelled" if level == "job" else "no job", "success"]
    assert [job.steps for job in replaced.values()] == ([[]] if level == "job" else [])
    text = "Canceling since a higher priority waiting request for train-7 exists"
    annotations = [one.message for job in replaced.values() for one in job.annotations]
    assert annotations == ([text] if level == "job" else [])
    assert runs.groups.members("train-7") == ("", [])


def test_queue_max_keeps_all_runs_that_wait_in_their_order(runs: Runs) -> None:
    runs.concurrency = "concurrency: {group: train, queue: max}"
    runs.start(1)
    runs.wait_for_start(1)
    for number, pending in ((2, ["2"]), (3, ["2", "3"])):
        runs.start(number)
        assert runs.groups.wait_until_pending("train", f"{number}") == pending
    runs.let_go(1)
    runs.wait_for_start(2)
    assert runs.groups.members("TRAIN") == ("2", ["3"])
    runs.let_go(2)
    runs.wait_for_start(3)
    runs.let_go(3)
    assert runs.conclusions(1, 2, 3) == ["success"] * 3


def test_cancel_in_progress_interrupts_the_run_and_its_always_steps_still_run(runs: Runs) -> None:
    runs.concurrency = "concurrency: {group: train, cancel-in-progress: true}"
    runs.start(1)
    runs.wait_for_start(1)
    runs.start(2)
    runs.wait_for_start(2)
    runs.let_go(2)
    assert runs.conclusions(1, 2) == ["cancelled", "success"]
    assert [step.outcome for step in runs.result(1)["train"].steps] == ["cancelled", "success"]


def test_a_job_whose_condition_is_false_does_not_enter_its_group(runs: Runs) -> None:
    runs.concurrency = "concurrency: train"
    runs.start(1)
    runs.wait_for_start(1)
    runs.start(2)
    runs.groups.wait_until_pending("train", "2")
    runs.start(3, "nothing to do")
    assert runs.conclusions(3) == ["skipped"]
    assert runs.groups.members("train") == ("1", ["2"])
    runs.let_go(1)
    runs.wait_for_start(2)
    runs.let_go(2)
    assert runs.conclusions(1, 2) == ["success", "success"]


def test_a_job_in_another_group_does_not_wait(runs: Runs) -> None:
    runs.concurrency = "concurrency: train-${{ github.run_id }}"
    for number in (1, 2):
        runs.start(number)
    for number in (1, 2):
        runs.wait_for_start(number)
        runs.let_go(number)
    assert runs.conclusions(1, 2) == ["success", "success"]


def test_the_hundred_and_first_run_that_would_wait_is_cancelled() -> None:
    groups, scope = ConcurrencyGroups(), Scope({})
    concurrency = Concurrency("deploy", queue="max")
    admitted: list[str] = []

    def member(label: str) -> None:
        with groups.enter(concurrency, scope, label, Cancellation()) as is_admitted:
            admitted.extend([label] if is_admitted else [])

    with groups.enter(concurrency, scope, "first", Cancellation()):
        labels = [f"{number}" for number in range(MAX_PENDING)]
        threads = []
        for label in labels:
            threads.append(threading.Thread(target=member, args=(label,), daemon=True))
            threads[-1].start()
            groups.wait_until_pending("deploy", label)
        member("one too many")
        assert groups.members("deploy") == ("first", labels)
    for thread in threads:
        thread.join(60)
    assert admitted == labels


def test_a_cancelled_run_no_longer_waits() -> None:
    groups, scope, cancellation = ConcurrencyGroups(), Scope({}), Cancellation()
    concurrency = Concurrency("deploy")
    with groups.enter(concurrency, scope, "first", Cancellation()):
        cancellation.request()
        with groups.enter(concurrency, scope, "second", cancellation) as is_admitted:
            assert not is_admitted
        assert groups.members("deploy") == ("first", [])


@pytest.mark.parametrize("context", ["secrets.KEY", "steps.a.outputs.b", "env.A", "runner.os"])
def test_a_group_cannot_use_what_is_known_only_in_the_job(runs: Runs, context: str) -> None:
    runs.concurrency = f"concurrency: train-${{{{ {context} }}}}"
    with pytest.raises(ExpressionError, match="unknown context"):
        runs.run(1)
