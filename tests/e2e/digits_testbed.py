"""The digits repository on GitHub's stand-in, and act to run its workflow files with a token of what each job asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mlops_sandbox.cluster import Executor
from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.demo import repository as digits
from mlops_sandbox.demo.doctor import LABELS
from mlops_sandbox.demo.repository import DigitsRepository
from mlops_sandbox.demo.story import CONTRIBUTOR, MAINTAINER, NAME
from mlops_sandbox.github import GitHubServer, PullRequest, Repository
from mlops_sandbox.suite import Sandbox
from tests.e2e.act import Act, WorkflowRun


@dataclass
class DigitsTestbed:
    """The services that the repository's workflows use; `secrets` and `variables` come on top of the sandbox's own."""

    sandbox: Sandbox
    act: Act
    digits: DigitsRepository
    repository: Repository
    secrets: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def github(self) -> GitHubServer:
        return self.sandbox.github

    def run(self, path: str, event: str, payload: Mapping[str, Any], actor: str) -> WorkflowRun:
        """Run a workflow file of main as a run that GitHub knows, with one token for all its jobs, as act has it."""
        workflow = yaml.safe_load((self.digits.path / path).read_text())
        permissions: dict[str, str] = {}
        for job in workflow["jobs"].values():
            permissions |= job["permissions"]
        token = self.github.workflow_token(self.repository, permissions).value
        recorded = self.repository.workflow_run(self.digits.main, by=actor, name=workflow["name"], event=event, path=path)
        addresses = self.sandbox.environment()
        return self.act.run(
            self.digits.path,
            path,
            event_name=event,
            event=payload,
            repository=NAME,
            actor=actor,
            env={
                **{name: addresses[name] for name in ("GITHUB_API_URL", "GITHUB_SERVER_URL", "GITHUB_GRAPHQL_URL")},
                "GITHUB_RUN_ID": str(recorded.id),
            },
            secrets={**self.sandbox.secrets(), **self.secrets, "GITHUB_TOKEN": token},
            variables={**self.sandbox.variables("digits"), **self.variables},
        )

    def say(self, pull: PullRequest, body: str, path: str, *, by: str = MAINTAINER) -> WorkflowRun:
        """Comment, and run a workflow file on it."""
        delivery = pull.comment(body, by=by)
        return self.run(path, delivery.event, delivery.payload, by)

    def workflows(self) -> int:
        """Return how many workflows there are in the cluster."""
        return len(self.sandbox.cluster.store.items(WORKFLOWS)[0])

    def open_pull_request(self) -> PullRequest:
        """Push the example's branch and open a pull request for it."""
        self.repository.push(digits.BRANCH, by=CONTRIBUTOR, message=digits.TITLE, sha=self.digits.branch)
        opened = self.repository.open_pull_request(by=CONTRIBUTOR, head=digits.BRANCH, title=digits.TITLE)
        self.github.clock.catch_up()
        return opened


@contextmanager
def digits_testbed(act: Act, executor: Executor, root: Path) -> Iterator[DigitsTestbed]:
    """A sandbox with the digits repository on it, a maintainer and a contributor."""
    made = digits.create(root / "repository")
    with Sandbox(executor) as sandbox:
        found = sandbox.github.repository(NAME, sha=made.main, files=digits.files(made.path))
        found.collaborator(MAINTAINER, "maintain")
        found.collaborator(CONTRIBUTOR, "write")
        for label in LABELS:
            found.define_label(label)
        yield DigitsTestbed(sandbox, act, made, found)
