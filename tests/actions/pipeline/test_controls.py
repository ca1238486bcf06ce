"""The built-in commands in the reusable workflow and in the root action, on the sandbox's runner and cluster.

The workflow is one that waits for an approval, so that most tests need no container.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.core.types import Json
from mlops_sandbox.cluster import LocalImage, ProcessExecutor
from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.demo.story import CONTRIBUTOR, REVIEWER
from mlops_sandbox.host import Host
from mlops_sandbox.suite import Sandbox
from tests.support import pipeline, retry_failed
from tests.support.commanded_repository import CommandedRepository

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


def waits(repository: CommandedRepository, count: int = 1) -> None:
    """Wait until the newest of so many workflows waits for an approval."""
    repository.until(lambda: len(repository.workflows()) == count and any(map(_waits, repository.workflows())))


def _waits(workflow: Json) -> bool:
    nodes = (workflow.get("status") or {}).get("nodes") or {}
    return any(node["type"] == "Suspend" and node["phase"] == "Running" for node in nodes.values())


def phases(repository: CommandedRepository) -> list[Any]:
    return sorted(workflow["status"]["phase"] for workflow in repository.workflows())


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(ProcessExecutor({"": LocalImage()})) as server:
        yield server


@pytest.fixture
def called(sandbox: Sandbox, tmp_path: Path) -> CommandedRepository:
    """A repository that calls the reusable workflow."""
    return CommandedRepository(sandbox, tmp_path, pipeline.reusable(INPUTS, SECRETS))


def test_a_waiting_training_is_shown_approved_and_reported(called: CommandedRepository) -> None:
    training = called.begin("/train")
    waits(called)
    assert called.say("/status", CONTRIBUTOR).conclusion == "success", called.log
    assert "`/train`" in called.replies[-1]
    assert "runs \\(job Train\\)" in called.replies[-1]
    approved = called.say("/approve", REVIEWER)
    assert approved.conclusion == "success", called.log
    assert {name: job.conclusion for name, job in approved.jobs.items()} == {
        "listen": "success", "train": "skipped", "control": "success", "finish": "skipped",
    }  # fmt: skip
    assert "**`/approve` succeeded**" in called.replies[-1]
    assert training.wait().conclusion == "success"
    assert (phases(called), sorted(called.pull.label_names)) == (["Succeeded"], ["trained"])


def test_a_training_is_stopped_given_again_and_rejected(called: CommandedRepository) -> None:
    training = called.begin("/train")
    waits(called)
    stopped = called.say("/stop")
    assert stopped.jobs["control"].conclusion == "success", called.log
    assert training.wait().conclusion == "cancelled"
    again = called.begin("/retry")
    waits(called, 2)
    assert called.say("/reject", REVIEWER).jobs["control"].conclusion == "success", called.log
    assert again.wait().conclusion == "failure"
    assert (phases(called), sorted(called.pull.label_names)) == (["Failed", "Failed"], ["training-failed"])


def test_retry_failed_without_an_argo_server_says_what_it_needs(called: CommandedRepository) -> None:
    training = called.begin("/train")
    waits(called)
    called.say("/reject", REVIEWER)
    assert training.wait().conclusion == "failure"
    assert called.say("/retry failed").jobs["train"].conclusion == "failure"
    assert any("'retry' needs the Argo Server" in line for line in called.log)
    assert len(called.workflows()) == 1, "nothing was submitted"


def test_retry_failed_runs_only_the_failed_nodes_again(sandbox: Sandbox, tmp_path: Path) -> None:
    with Host(sandbox.cluster.argo_server) as server:
        story = retry_failed.played(sandbox, tmp_path, server.url, sandbox.cluster.admin_token)
    story.check()
    (workflow,) = sandbox.cluster.store.items(WORKFLOWS)[0]
    assert (workflow["metadata"]["name"], workflow["status"]["phase"]) == (story.workflow, "Succeeded")


def test_a_stop_needs_no_cluster_where_none_is_used(sandbox: Sandbox, tmp_path: Path) -> None:
    called = CommandedRepository(sandbox, tmp_path, pipeline.reusable({**INPUTS, "workflow": ""}, {}))
    assert called.say("/train").conclusion == "success"
    stopped = called.say("/stop")
    assert (stopped.conclusion, stopped.jobs["control"].conclusion) == ("success", "skipped"), called.log


@pytest.fixture(params=["reusable", "root"])
def detached(request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path: Path) -> CommandedRepository:
    """A repository whose jobs do not wait for the workflow."""
    sandbox.cluster.add_secret("mlops-callback", {"token": "never used: the tests call back"})
    given = {**INPUTS, **DETACHED}
    text = pipeline.reusable(given, SECRETS) if request.param == "reusable" else pipeline.root(given, SECRETS, RIGHTS)
    return CommandedRepository(sandbox, tmp_path, text)


def test_a_workflow_that_nobody_waits_for_is_stopped(detached: CommandedRepository) -> None:
    begun = detached.begin("/train")
    assert begun.wait().conclusion == "success", detached.log
    waits(detached)
    assert list(detached.pull.label_names) == ["training"]
    assert detached.say("/status").conclusion == "success", detached.log
    assert "its workflow runs on without a job" in detached.replies[-1]
    assert detached.say("/stop").conclusion == "success", detached.log
    detached.until(lambda: phases(detached) == ["Failed"])
    assert detached.call_back(begun.record.id, "Failed").conclusion == "success", detached.log
    assert sorted(detached.pull.label_names) == ["training-failed"], "the report went well, the workflow did not"


def test_a_workflow_that_nobody_waits_for_is_approved(detached: CommandedRepository) -> None:
    begun = detached.begin("/train")
    assert begun.wait().conclusion == "success", detached.log
    waits(detached)
    assert detached.say("/approve", REVIEWER).conclusion == "success", detached.log
    assert any("**`/approve` succeeded**" in reply for reply in detached.replies)
    detached.until(lambda: phases(detached) == ["Succeeded"])
    assert detached.call_back(begun.record.id, "Succeeded").conclusion == "success", detached.log
    assert sorted(detached.pull.label_names) == ["trained"]


@pytest.mark.parametrize("kind", ["reusable", "root"])
def test_retry_failed_of_a_workflow_that_nobody_waited_for_is_followed_and_concluded(
    kind: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    """The call-back is that of the run that submitted the workflow, so that it cannot conclude the retry."""
    folder = tmp_path / "shared"
    folder.mkdir()
    sandbox.cluster.add_secret("mlops-callback", {"token": "never used: the tests call back"})
    with Host(sandbox.cluster.argo_server) as server:
        given = {**INPUTS, **DETACHED, "workflow": retry_failed.workflow(folder), "argo-server": server.url}
        secrets = {"argo-token": "secrets.ARGO_TOKEN"}
        text = pipeline.reusable(given, secrets) if kind == "reusable" else pipeline.root(given, secrets, RIGHTS)
        called = CommandedRepository(sandbox, tmp_path, text)
        called.secrets = {"ARGO_TOKEN": sandbox.cluster.admin_token}
        begun = called.begin("/train")
        assert begun.wait().conclusion == "success", called.log
        called.until(lambda: phases(called) == ["Failed"])
        assert called.call_back(begun.record.id, "Failed").conclusion == "success", called.log
        assert list(called.pull.label_names) == ["training-failed"]
        (folder / "ready").touch()
        assert called.say("/retry failed").conclusion == "success", called.log
        assert (phases(called), list(called.pull.label_names)) == (["Succeeded"], ["trained"])
        assert "**`/train` succeeded**" in called.replies[-1]
        assert called.call_back(begun.record.id, "Succeeded").conclusion == "success", called.log
    assert list(called.pull.label_names) == ["trained"]


def test_where_nothing_could_be_submitted_the_command_is_concluded_at_once(detached: CommandedRepository) -> None:
    detached.secrets = {"KUBECONFIG": "bm90IGEga3ViZWNvbmZpZw=="}
    assert detached.say("/train").conclusion == "failure"
    assert (detached.workflows(), list(detached.pull.label_names)) == ([], ["training-failed"])
