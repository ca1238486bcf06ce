"""The two halves of a long training when it does not go well, by the example's own files on the sandbox's runner.

Where it goes well, the end-to-end tests run both under act; here is no Docker, so nothing is published or submitted.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.core.callback import EVENT_TYPE, CallBack, record
from mlops_sandbox.actions import GitHubActions
from mlops_sandbox.cluster import ProcessExecutor
from mlops_sandbox.demo import repository as digits
from mlops_sandbox.demo.doctor import LABELS
from mlops_sandbox.demo.story import CONTRIBUTOR, MAINTAINER, NAME
from mlops_sandbox.github import Delivery, PullRequest
from mlops_sandbox.runner.job import RunResult, Settings
from mlops_sandbox.runner.workflow import load
from mlops_sandbox.suite import Sandbox
from tests.support.call_backs import record_submission

LONG, ENDED = ".github/workflows/long.yml", ".github/workflows/long-ended.yml"
LEFT_OUT = {"publish": "there is no Docker", "workflow": "it would be submitted here"}


class Example:
    """The digits repository with an open pull request, and its workflow files."""

    def __init__(self, sandbox: Sandbox, root: Path) -> None:
        self.sandbox = sandbox
        self.origin = digits.create(root / "digits")
        repository = sandbox.github.repository(NAME, sha=self.origin.main, files=digits.files(self.origin.path))
        self._actions = GitHubActions(sandbox.github, repository, root)
        repository.collaborator(MAINTAINER, "maintain")
        repository.collaborator(CONTRIBUTOR, "write")
        for label in LABELS:
            repository.define_label(label)
        repository.push(digits.BRANCH, by=CONTRIBUTOR, message=digits.TITLE, sha=self.origin.branch)
        self.pull: PullRequest = repository.open_pull_request(by=CONTRIBUTOR, head=digits.BRANCH)
        sandbox.github.clock.catch_up()
        self.log: list[str] = []

    def run(self, path: str, delivery: Delivery[Any], skip: dict[str, str] | None = None) -> tuple[RunResult, int]:
        """Run a workflow file; returns the result and the number of the run."""
        run = self._actions.create(load(self.origin.path / path, path), delivery, by=MAINTAINER)
        sandbox = self.sandbox
        secrets = {**sandbox.secrets(), "KUBECONFIG": "bm90IGEga3ViZWNvbmZpZw=="}
        settings = Settings(self.origin.path, sandbox.variables("digits"), secrets, self.log.append, skip=skip or {})
        return run.execute(settings), run.record.id

    def call_back(self, run: int, phase: str) -> Delivery[Any]:
        claim = CallBack(self.origin.branch, self.pull.number, run, "digits-x7k2p", phase, "default", "0b5a-1")
        repository = self.pull.repository
        text = record(claim.namespace, claim.workflow, claim.uid)
        record_submission(repository, repository.workflow_runs[run], text)
        return self.pull.repository.dispatch(EVENT_TYPE, claim.payload(), by=MAINTAINER)

    def shown(self) -> tuple[list[str], dict[str, str], list[str]]:
        """Labels, checks and the reactions on the command."""
        checks = {run.name: run.conclusion or run.status for run in self.pull.repository.check_runs.values() if run.from_api}
        return sorted(self.pull.label_names), checks, [reaction.content for reaction in self.pull.comments[0].reactions]


@pytest.fixture
def example(tmp_path: Path) -> Iterator[Example]:
    with Sandbox(ProcessExecutor(lambda _: None)) as sandbox:
        yield Example(sandbox, tmp_path)


@pytest.fixture
def submitted(example: Example) -> int:
    """The number of the run that began, and is thought to have submitted."""
    result, run = example.run(LONG, example.pull.comment("/long epochs=5", by=MAINTAINER), LEFT_OUT)
    assert result.conclusion == "success", example.log
    assert example.shown() == (["training"], {"long training": "in_progress"}, ["eyes"])
    return run


def test_a_workflow_that_failed_is_reported_and_concluded_as_failed(example: Example, submitted: int) -> None:
    example.sandbox.wandb.store.project(example.sandbox.wandb.entity, "digits")
    result, _ = example.run(ENDED, example.call_back(submitted, "Failed"))
    assert result.conclusion == "failure"
    labels, checks, reactions = example.shown()
    assert (labels, reactions) == (["training-failed"], ["confused"])
    assert checks == {"long training": "failure", "metrics": "failure"}
    comment, notice = (one.body for one in example.pull.comments if one.user.is_bot)
    assert "no candidate finished" in comment
    assert "**`/long` failed**" in comment
    assert notice.startswith("@maintainer ❌ `/long` failed: [the report](")


def test_a_failed_workflow_fails_whatever_its_metrics(example: Example, submitted: int) -> None:
    wandb = example.sandbox.wandb
    for name, commit, tags in (("c1", example.origin.branch, []), ("b1", example.origin.main, ["baseline"])):
        summary = {"test_accuracy": 0.97, "val_accuracy": 0.96, "loss": 0.1}
        wandb.store.add_run(wandb.entity, "digits", name=name, commit=commit, tags=tags, summary=summary)
    result, _ = example.run(ENDED, example.call_back(submitted, "Error"))
    assert result.conclusion == "success", "the report itself is fine"
    labels, checks, reactions = example.shown()
    assert (labels, reactions) == (["training-failed"], ["confused"])
    assert checks == {"long training": "failure", "metrics": "success"}


def test_the_first_job_concludes_if_the_submission_fails(example: Example) -> None:
    delivery = example.pull.comment("/long epochs=5", by=MAINTAINER)
    result, _ = example.run(LONG, delivery, {"publish": LEFT_OUT["publish"]})
    assert result.conclusion == "failure"
    assert example.shown() == (["training-failed"], {"long training": "failure"}, ["confused"])
