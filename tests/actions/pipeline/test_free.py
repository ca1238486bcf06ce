"""`free.yml` of the example on the sandbox's runner: it stops what nobody waits for, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.core import provenance
from mlops_sandbox.cluster import ProcessExecutor
from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.demo import repository as digits
from mlops_sandbox.demo.story import CONTRIBUTOR, MAINTAINER, NAME
from mlops_sandbox.github import Delivery, PullRequest
from mlops_sandbox.runner.environment import Run
from mlops_sandbox.runner.job import Settings, run_workflow
from mlops_sandbox.runner.workflow import load
from mlops_sandbox.suite import Sandbox

FREE = ".github/workflows/free.yml"


class Example:
    """The digits repository with an open pull request, for whose old and new commit a workflow runs."""

    def __init__(self, sandbox: Sandbox, root: Path) -> None:
        self.sandbox, self._root = sandbox, root
        self.origin = digits.create(root / "digits")
        repository = sandbox.github.repository(NAME, sha=self.origin.main, files=digits.files(self.origin.path))
        repository.collaborator(MAINTAINER, "maintain")
        repository.collaborator(CONTRIBUTOR, "write")
        repository.push(digits.BRANCH, by=CONTRIBUTOR, message=digits.TITLE, sha=self.origin.branch)
        self.pull: PullRequest = repository.open_pull_request(by=CONTRIBUTOR, head=digits.BRANCH)
        old = self.pull.head_sha
        self.pull.push(by=CONTRIBUTOR)
        self.pushed: Delivery[Any] = sandbox.github.deliveries[-1]
        for name, sha, number in (
            ("old", old, self.pull.number),
            ("new", self.pull.head_sha, self.pull.number),
            ("other", old, 99),
        ):
            texts = {provenance.REPOSITORY: NAME, provenance.PULL_REQUEST: str(number), provenance.SHA: sha}
            page = f"{sandbox.github.origin}/{NAME}/actions/runs/1"
            metadata = {"name": name, "labels": provenance.labels(texts), "annotations": {**texts, provenance.RUN: page}}
            status = {"phase": "Running"}
            sandbox.cluster.store.create(WORKFLOWS, "default", {"metadata": metadata, "spec": {}, "status": status})

    def run(self, delivery: Delivery[Any]) -> str:
        """Run the file on an event of the pull request; returns how the job ended."""
        github, workflow = self.sandbox.github, load(self.origin.path / FREE, FREE)
        event = "pull_request_target"  # GitHub sends it with the payload of `pull_request`
        assert workflow.is_triggered_by(event, delivery.payload)
        run = Run(
            repository=NAME, server_url=github.origin, api_url=github.api_url, graphql_url=f"{github.origin}/api/graphql",
            event_name=event, payload=delivery.payload, sha=self.origin.main, ref="refs/heads/main",
            actor=MAINTAINER, run_id=1, run_number=1,
        )  # fmt: skip
        log: list[str] = []
        settings = Settings(self.origin.path, self.sandbox.variables("digits"), self.sandbox.secrets(), log.append)
        token = github.workflow_token(self.pull.repository, workflow.jobs[0].permissions or {}).value
        (job,) = run_workflow(settings, run, workflow, self._root / "run", lambda _: token).values()
        self.log = "\n".join(log)
        return str(job.conclusion)

    def ended(self) -> list[str]:
        store = self.sandbox.cluster.store
        return [name for name in ("new", "old", "other") if store.get(WORKFLOWS, "default", name)["spec"].get("shutdown")]


@pytest.fixture
def example(tmp_path: Path) -> Iterator[Example]:
    with Sandbox(ProcessExecutor(lambda _: None)) as sandbox:
        yield Example(sandbox, tmp_path)


def test_a_push_frees_the_cluster_of_the_older_commit(example: Example) -> None:
    assert example.run(example.pushed) == "success", example.log
    assert example.ended() == ["old"]


def test_a_closed_pull_request_frees_the_cluster_of_all_of_its_workflows(example: Example) -> None:
    assert example.run(example.pull.close(by=CONTRIBUTOR)) == "success", example.log
    assert example.ended() == ["new", "old"]
