"""Which pull request gets the report of an event that names none: GitHub is asked by commit. A wrong one is never taken."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlops_sandbox.github import PullRequest
from tests.actions.wandb_runs.step import OTHER, SHA, WandbStep


def of_fork(step: WandbStep) -> PullRequest:
    fork = step.github.fork(step.repository, by="eve")
    return step.repository.open_pull_request(by="eve", fork=fork, head="topic", sha="c" * 40)


def run_of(pull: PullRequest, **changed: Any) -> dict[str, Any]:
    """Return the payload of a workflow run of a fork: it lists no pull requests."""
    head = {"owner": {"login": pull.head_owner.login}}
    run = {"head_sha": pull.head_sha, "head_branch": pull.head_ref, "head_repository": head, "pull_requests": []}
    return {"workflow_run": {**run, **changed}}


def second(step: WandbStep) -> None:
    step.repository.branches["second"] = SHA
    step.repository.open_pull_request(by="ada", head="second")


def push(step: WandbStep, **payload: Any) -> tuple[str, dict[str, Any]]:
    return "push", {"after": SHA, **payload}


def with_two(step: WandbStep) -> tuple[str, dict[str, Any]]:
    second(step)
    return push(step)


def merged(step: WandbStep) -> tuple[str, dict[str, Any]]:
    step.pull.merge(by="ada")
    return push(step)


def closed(step: WandbStep) -> tuple[str, dict[str, Any]]:
    step.pull.close(by="ada")
    return push(step)


def two_of_a_run(step: WandbStep) -> tuple[str, dict[str, Any]]:
    second(step)
    return "workflow_run", {"workflow_run": {"head_sha": SHA, "pull_requests": [{"number": 1}, {"number": 2}]}}


Given = Callable[[WandbStep], tuple[str, dict[str, Any]]]
FOUND: dict[str, Given] = {
    "push to a branch with an open pull request": push,
    "workflow run of this repository": lambda step: ("workflow_run", run_of(step.pull)),
    "workflow run that lists it": lambda step: (
        "workflow_run",
        run_of(step.pull, pull_requests=[{"number": step.pull.number}]),
    ),
    "workflow run of a fork": lambda step: ("workflow_run", run_of(of_fork(step))),
    "dispatch with its number": lambda step: ("workflow_dispatch", {"inputs": {"pr-number": str(step.pull.number)}}),
}
NOT_FOUND: dict[str, Given] = {
    "push of a commit of two pull requests": with_two,
    "push of a merged commit": merged,
    "push of a commit of a closed pull request": closed,
    "push of another commit": lambda step: push(step, after=step.repository.branches["main"]),
    "push that deletes a branch": lambda step: push(step, after="0" * 40),
    "workflow run that lists two": two_of_a_run,
    "workflow run of a fork's branch that has gone on": lambda step: ("workflow_run", run_of(of_fork(step), head_sha=OTHER)),
    "workflow run of another branch of a fork": lambda step: ("workflow_run", run_of(of_fork(step), head_branch="other")),
    "schedule": lambda _: ("schedule", {"schedule": "0 4 * * *"}),
    "dispatch without a number": lambda _: ("workflow_dispatch", {"inputs": {}}),
    "dispatch with words": lambda _: ("workflow_dispatch", {"inputs": {"pr-number": "the last one"}}),
}


def run_on(step: WandbStep, given: Given, directory: Path) -> None:
    name, payload = given(step)
    (directory / "event.json").write_text(json.dumps(payload))
    step.environ["GITHUB_EVENT_NAME"] = name
    step.candidate(commit=SHA)
    assert step.run(sha=SHA, gates="acc > 0.1", comment="true") == 0, step.log


@pytest.mark.parametrize("given", FOUND.values(), ids=FOUND)
def test_the_pull_request_is_found(step: WandbStep, given: Given, tmp_path: Path) -> None:
    run_on(step, given, tmp_path)
    comments = {pull.number: len(pull.comments) for pull in step.repository.pulls}
    assert sum(comments.values()) == 1
    assert comments[step.repository.pulls[-1].number] == 1
    assert step.outputs()["comment-url"]


@pytest.mark.parametrize("given", NOT_FOUND.values(), ids=NOT_FOUND)
def test_without_a_certain_pull_request_there_is_a_note_and_no_comment(
    step: WandbStep, given: Given, tmp_path: Path
) -> None:
    run_on(step, given, tmp_path)
    assert not any(pull.comments for pull in step.repository.pulls)
    assert step.outputs()["comment-url"] == ""
    assert any("no comment was written" in note for note in json.loads(step.outputs()["result"])["notes"])
