"""The digits repository on GitHub's stand-in, and act to run its workflow files with a token of what each job asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mlops_actions.core.types import Json
from mlops_sandbox.cluster import Executor
from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.demo import repository as digits
from mlops_sandbox.demo.doctor import LABELS
from mlops_sandbox.demo.repository import DigitsRepository
from mlops_sandbox.demo.story import CONTRIBUTOR, MAINTAINER, NAME
from mlops_sandbox.github import GitHubServer, PullRequest, Repository
from mlops_sandbox.github import workflow_runs as recorded
from mlops_sandbox.suite import Sandbox
from tests.e2e.act import Act, RunningAct, WorkflowRun
from tests.support.git import commit


class RecordedRun:
    """A run of act that GitHub's stand-in knows: its jobs, their notices, and how it ended."""

    running: RunningAct

    def __init__(self, testbed: DigitsTestbed, run: recorded.WorkflowRun, jobs: Mapping[str, Any]) -> None:
        self.run, self._testbed = run, testbed
        # act shows a job that calls a reusable workflow beside the jobs of that workflow; GitHub lists only these.
        self._callers = {name for name, job in jobs.items() if "uses" in job}
        self._jobs: dict[str, recorded.WorkflowJob] = {}

    def hear(self, record: Json) -> None:
        """Keep what a line of act's log says of a job."""
        name, now = record.get("jobID"), self._testbed.github.clock.now
        if not name or name in self._callers:
            return
        if name not in self._jobs:
            shown = str(record["job"]).partition("/")[2] or name
            self._jobs[name] = self._testbed.repository.workflow_job(self.run, shown.strip(), "in_progress")
        job = self._jobs[name]
        if record.get("command") == "notice":
            title = (record.get("kvPairs") or {}).get("title", "")
            notice = {"annotation_level": "notice", "title": title, "message": record["arg"]}
            job.check_run.annotations.append(notice)
        if "jobResult" in record:
            job.complete(record["jobResult"], now())
            self.run.follow_jobs(now())

    @property
    def is_running(self) -> bool:
        """Whether act still runs."""
        return self.running.is_running

    def wait(self) -> WorkflowRun:
        """Wait for the end of the run."""
        ended = self.running.wait()
        self.run.complete("failure" if ended.exit_code else "success", self._testbed.github.clock.now())
        return ended


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
        """Run a workflow file of main to its end; see `started`."""
        with self.started(path, event, payload, actor) as followed:
            return followed.wait()

    @contextmanager
    def started(
        self, path: str, event: str, payload: Mapping[str, Any], actor: str, *, beside: bool = False
    ) -> Iterator[RecordedRun]:
        """Start a workflow file of main as a run that GitHub knows, with one token for all its jobs, as act has it.

        `beside` is for a run during the block of another one.
        """
        workflow = yaml.safe_load((self.digits.path / path).read_text())
        permissions: dict[str, str] = {}
        for job in workflow["jobs"].values():
            permissions |= job.get("permissions", workflow.get("permissions", {}))
        token = self.github.workflow_token(self.repository, permissions).value
        run = self.repository.workflow_run(
            self.digits.main, by=actor, name=workflow.get("name", path), event=event, path=path
        )
        followed = RecordedRun(self, run, workflow["jobs"])
        addresses = self.sandbox.environment()
        with self.act.started(
            self.digits.path,
            path,
            event_name=event,
            event=payload,
            repository=NAME,
            actor=actor,
            env={
                **{name: addresses[name] for name in ("GITHUB_API_URL", "GITHUB_SERVER_URL", "GITHUB_GRAPHQL_URL")},
                "GITHUB_RUN_ID": str(run.id),
                "GITHUB_WORKFLOW_REF": f"{NAME}/{path}@refs/heads/main",
            },
            secrets={**self.sandbox.secrets(), **self.secrets, "GITHUB_TOKEN": token},
            variables={**self.sandbox.variables("digits"), **self.variables},
            heard=followed.hear,
            beside=beside,
        ) as followed.running:
            run.cancel = followed.running.cancel
            yield followed

    def say(self, pull: PullRequest, body: str, path: str, *, by: str = MAINTAINER) -> WorkflowRun:
        """Comment, and run a workflow file on it."""
        delivery = pull.comment(body, by=by)
        return self.run(path, delivery.event, delivery.payload, by)

    def workflows(self) -> int:
        """Return how many workflows there are in the cluster."""
        return len(self.sandbox.cluster.store.items(WORKFLOWS)[0])

    def add_to_main(self, files: Mapping[str, str], message: str) -> None:
        """Commit files to main; GitHub's stand-in has them in the commit that it knows as main's, which stays the base."""
        commit(self.digits.path, files, message)
        self.repository.commits[self.digits.main].files.update(files)

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
