"""Runs of workflow files, recorded on the embedded GitHub and cancelled there."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from mlops_sandbox.actions import ActionsRun, GitHubActions, NotTriggered
from mlops_sandbox.github import Delivery, GitHubServer, PullRequest
from mlops_sandbox.runner.job import Settings
from mlops_sandbox.runner.workflow import parse
from tests.standins.github.conftest import Client
from tests.support.payloads import Sample, make_sample

WORKFLOW = """\
name: MLOps
on: issue_comment
permissions: {}
jobs:
  listen:
    name: Listen
    outputs: {triggered: "${{ startsWith(github.event.comment.body, '/train') }}"}
    steps:
      - run: echo "::notice title=a title::it is $GITHUB_WORKFLOW_REF"
  train:
    name: Train
    needs: listen
    if: needs.listen.outputs.triggered == 'true'
    concurrency: {group: train, queue: max}
    steps:
      - run: sleep 600
  finish:
    name: Finish
    needs: [listen, train]
    if: always() && needs.listen.outputs.triggered == 'true'
    steps:
      - run: echo "train was ${{ needs.train.result }}"
"""
PATH = ".github/workflows/mlops.yml"


class Scene:
    """A repository with the workflow above; `log` is what its jobs printed."""

    def __init__(self, sample: Sample, root: Path) -> None:
        self.sample, self.log = sample, list[str]()
        self.actions = GitHubActions(sample.github, sample.repository, root)
        self._settings = Settings(root, {}, {}, self.log.append)
        self.call = Client(sample.github, sample.github.workflow_token(sample.repository, {"actions": "write"}))

    def start(self, delivery: Delivery[Any]) -> ActionsRun:
        run = self.actions.create(parse(WORKFLOW, PATH), delivery, by="maintainer")
        return run.start(self._settings)

    def jobs(self, run: ActionsRun) -> list[tuple[str, str]]:
        jobs = self.call(f"GET {{repo}}/actions/runs/{run.record.id}/jobs").json()["jobs"]
        return [(job["name"], job["conclusion"] or job["status"]) for job in jobs]

    def wait_for(self, run: ActionsRun, expected: list[tuple[str, str]]) -> None:
        while self.jobs(run) != expected:  # pytest's own limit ends it
            threading.Event().wait(0.02)


@pytest.fixture
def scene(github: GitHubServer, tmp_path: Path) -> Scene:
    return Scene(make_sample(github), tmp_path)


def test_a_run_that_trains_and_one_that_waits_are_cancelled_and_their_last_jobs_run(scene: Scene) -> None:
    pull: PullRequest = scene.sample.pull
    first = scene.start(pull.comment("/train", by="maintainer"))
    scene.wait_for(first, [("Listen", "success"), ("Train", "in_progress")])
    second = scene.start(pull.comment("/train", by="maintainer"))
    scene.wait_for(second, [("Listen", "success"), ("Train", "pending")])
    assert [(run.record.status, run.record.conclusion) for run in (first, second)] == [
        ("in_progress", None),
        ("pending", None),
    ]
    for run in (second, first):
        assert scene.call(f"POST {{repo}}/actions/runs/{run.record.id}/cancel").status_code == 202
        assert run.wait().conclusion == "cancelled"
        assert scene.jobs(run) == [("Listen", "success"), ("Train", "cancelled"), ("Finish", "success")]
        assert (run.record.status, run.record.conclusion) == ("completed", "cancelled")
    assert scene.log.count("train was cancelled") == 2


def test_a_comment_that_is_no_command_ends_with_skipped_jobs_and_its_notice_is_kept(scene: Scene) -> None:
    run = scene.start(scene.sample.pull.comment("/help", by="maintainer"))
    assert run.wait().conclusion == "success"
    assert scene.jobs(run) == [("Listen", "success"), ("Train", "skipped"), ("Finish", "skipped")]
    (notice,) = run.record.jobs[0].check_run.annotations
    assert notice == {
        "annotation_level": "notice",
        "title": "a title",
        "message": f"it is octo-org/digits/{PATH}@refs/heads/main",
    }


def test_an_event_that_the_file_does_not_name_starts_nothing(scene: Scene) -> None:
    delivery = scene.sample.repository.dispatch("done", {}, by="maintainer")
    with pytest.raises(NotTriggered, match="not triggered by this repository_dispatch"):
        scene.start(delivery)
    assert not scene.sample.repository.workflow_runs
