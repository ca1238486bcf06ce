"""The built-in commands in the reusable workflow and in the root action, on the sandbox's runner and cluster.

The workflow is one that waits for an approval, so that it needs no container.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.core.callback import EVENT_TYPE, CallBack
from mlops_actions.core.types import Json
from mlops_sandbox.actions import ActionsRun, GitHubActions
from mlops_sandbox.cluster import ProcessExecutor
from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.demo import repository as digits
from mlops_sandbox.demo.doctor import LABELS
from mlops_sandbox.demo.story import CONTRIBUTOR, MAINTAINER, NAME, REVIEWER
from mlops_sandbox.github import PullRequest
from mlops_sandbox.runner.job import RunResult, Settings
from mlops_sandbox.runner.workflow import parse
from mlops_sandbox.suite import Sandbox
from tests.support import pipeline

PATH = ".github/workflows/mlops.yml"
WAITS = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: waits-}
spec:
  entrypoint: main
  templates:
    - name: main
      steps: [[{name: approval, template: approval}]]
    - name: approval
      suspend: {}
"""
INPUTS = {
    "commands": "train",
    "controls": "status, stop, retry, approve, reject",
    "pending-label": "training",
    "success-label": "trained",
    "failure-label": "training-failed",
    "workflow": WAITS,
    "namespace": "default",
}
SECRETS = {"kubeconfig": "secrets.KUBECONFIG"}
DETACHED = {"wait": "false", "callback": "repository_dispatch", "callback-secret": "mlops-callback"}
RIGHTS = {"contents": "read", "actions": "write", "pull-requests": "write", "checks": "write"}


class Repository:
    """A repository with one workflow file and an open pull request; `secrets` hold the cluster's credentials."""

    def __init__(self, sandbox: Sandbox, root: Path, text: str) -> None:
        self.sandbox = sandbox
        self._origin = digits.create(root / "digits")
        self._workflow = parse(text, PATH)
        repository = sandbox.github.repository(NAME, sha=self._origin.main, files=digits.files(self._origin.path))
        for person in (MAINTAINER, REVIEWER):
            repository.collaborator(person, "maintain")
        repository.collaborator(CONTRIBUTOR, "write")
        for label in LABELS:
            repository.define_label(label)
        repository.push(digits.BRANCH, by=CONTRIBUTOR, message=digits.TITLE, sha=self._origin.branch)
        self.pull: PullRequest = repository.open_pull_request(by=CONTRIBUTOR, head=digits.BRANCH)
        sandbox.github.clock.catch_up()
        self._actions = GitHubActions(sandbox.github, repository, root)
        self.log: list[str] = []
        self.secrets = sandbox.secrets()

    def begin(self, body: str, by: str = MAINTAINER) -> ActionsRun:
        run = self._actions.create(self._workflow, self.pull.comment(body, by=by), by=by)
        return run.start(self._settings)

    def say(self, body: str, by: str = MAINTAINER) -> RunResult:
        return self.begin(body, by).wait()

    def call_back(self, run: int, phase: str) -> RunResult:
        (workflow,) = self.workflows()
        metadata = workflow["metadata"]
        claim = CallBack(
            self._origin.branch, self.pull.number, run, metadata["name"], phase, metadata["namespace"], metadata["uid"]
        )
        delivery = self.pull.repository.dispatch(EVENT_TYPE, claim.payload(), by=MAINTAINER)
        return self._actions.create(self._workflow, delivery, by=MAINTAINER).execute(self._settings)

    @property
    def _settings(self) -> Settings:
        return Settings(self._origin.path, self.sandbox.variables("digits"), self.secrets, self.log.append)

    def workflows(self) -> list[Json]:
        return list(self.sandbox.cluster.store.items(WORKFLOWS)[0])

    def until(self, holds: Callable[[], object]) -> None:
        end = time.monotonic() + 60
        while not holds():
            assert time.monotonic() < end, self.log
            time.sleep(0.05)

    def waits(self, count: int = 1) -> None:
        """Wait until the newest of so many workflows waits for an approval."""
        self.until(lambda: len(self.workflows()) == count and any(map(_waits, self.workflows())))

    @property
    def reply(self) -> str:
        """The newest comment of the bot."""
        return [comment.body for comment in self.pull.comments if comment.user.is_bot][-1].replace("\u00a0", " ")


def _waits(workflow: Json) -> bool:
    nodes = (workflow.get("status") or {}).get("nodes") or {}
    return any(node["type"] == "Suspend" and node["phase"] == "Running" for node in nodes.values())


def phases(repository: Repository) -> list[Any]:
    return sorted(workflow["status"]["phase"] for workflow in repository.workflows())


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(ProcessExecutor(lambda _: None)) as server:
        yield server


@pytest.fixture
def called(sandbox: Sandbox, tmp_path: Path) -> Repository:
    """A repository that calls the reusable workflow."""
    return Repository(sandbox, tmp_path, pipeline.reusable(INPUTS, SECRETS))


def test_a_waiting_training_is_shown_approved_and_reported(called: Repository) -> None:
    training = called.begin("/train")
    called.waits()
    assert called.say("/status", CONTRIBUTOR).conclusion == "success", called.log
    assert "`/train`" in called.reply
    assert "runs \\(job Train\\)" in called.reply
    approved = called.say("/approve", REVIEWER)
    assert approved.conclusion == "success", called.log
    assert {name: job.conclusion for name, job in approved.jobs.items()} == {
        "listen": "success", "train": "skipped", "control": "success", "finish": "skipped",
    }  # fmt: skip
    assert "**`/approve` succeeded**" in called.reply
    assert training.wait().conclusion == "success"
    assert (phases(called), sorted(called.pull.label_names)) == (["Succeeded"], ["trained"])


def test_a_training_is_stopped_given_again_and_rejected(called: Repository) -> None:
    training = called.begin("/train")
    called.waits()
    stopped = called.say("/stop")
    assert stopped.jobs["control"].conclusion == "success", called.log
    assert training.wait().conclusion == "cancelled"
    again = called.begin("/retry")
    called.waits(2)
    assert called.say("/reject", REVIEWER).jobs["control"].conclusion == "success", called.log
    assert again.wait().conclusion == "failure"
    assert (phases(called), sorted(called.pull.label_names)) == (["Failed", "Failed"], ["training-failed"])


def test_retry_failed_without_an_argo_server_says_what_it_needs(called: Repository) -> None:
    training = called.begin("/train")
    called.waits()
    called.say("/reject", REVIEWER)
    assert training.wait().conclusion == "failure"
    assert called.say("/retry failed").jobs["train"].conclusion == "failure"
    assert any("'retry' needs the Argo Server" in line for line in called.log)
    assert len(called.workflows()) == 1, "nothing was submitted"


def test_a_stop_needs_no_cluster_where_none_is_used(sandbox: Sandbox, tmp_path: Path) -> None:
    called = Repository(sandbox, tmp_path, pipeline.reusable({**INPUTS, "workflow": ""}, {}))
    assert called.say("/train").conclusion == "success"
    stopped = called.say("/stop")
    assert (stopped.conclusion, stopped.jobs["control"].conclusion) == ("success", "skipped"), called.log


@pytest.fixture(params=["reusable", "root"])
def detached(request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path: Path) -> Repository:
    """A repository whose jobs do not wait for the workflow."""
    sandbox.cluster.add_secret("mlops-callback", {"token": "never used: the tests call back"})
    given = {**INPUTS, **DETACHED}
    text = pipeline.reusable(given, SECRETS) if request.param == "reusable" else pipeline.root(given, SECRETS, RIGHTS)
    return Repository(sandbox, tmp_path, text)


def test_a_workflow_that_nobody_waits_for_is_stopped(detached: Repository) -> None:
    begun = detached.begin("/train")
    assert begun.wait().conclusion == "success", detached.log
    detached.waits()
    assert list(detached.pull.label_names) == ["training"]
    assert detached.say("/status").conclusion == "success", detached.log
    assert "its workflow runs on without a job" in detached.reply
    assert detached.say("/stop").conclusion == "success", detached.log
    detached.until(lambda: phases(detached) == ["Failed"])
    assert detached.call_back(begun.record.id, "Failed").conclusion == "success", detached.log
    assert sorted(detached.pull.label_names) == ["training-failed"], "the report went well, the workflow did not"


def test_a_workflow_that_nobody_waits_for_is_approved(detached: Repository) -> None:
    begun = detached.begin("/train")
    assert begun.wait().conclusion == "success", detached.log
    detached.waits()
    assert detached.say("/approve", REVIEWER).conclusion == "success", detached.log
    assert any("**`/approve` succeeded**" in one.body.replace("\u00a0", " ") for one in detached.pull.comments)
    detached.until(lambda: phases(detached) == ["Succeeded"])
    assert detached.call_back(begun.record.id, "Succeeded").conclusion == "success", detached.log
    assert sorted(detached.pull.label_names) == ["trained"]


def test_where_nothing_could_be_submitted_the_command_is_concluded_at_once(detached: Repository) -> None:
    detached.secrets = {"KUBECONFIG": "bm90IGEga3ViZWNvbmZpZw=="}
    assert detached.say("/train").conclusion == "failure"
    assert (detached.workflows(), list(detached.pull.label_names)) == ([], ["training-failed"])
