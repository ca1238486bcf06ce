"""GitHub Actions on the embedded GitHub: run workflow files on events, recorded as workflow runs that can be cancelled."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from mlops_sandbox.github import Delivery, GitHubServer, Repository, WorkflowJob, WorkflowRun
from mlops_sandbox.runner.concurrency import Cancellation, ConcurrencyGroups
from mlops_sandbox.runner.environment import Run
from mlops_sandbox.runner.job import JobResult, RunResult, Settings, run_workflow
from mlops_sandbox.runner.workflow import Job, Workflow


class NotTriggered(Exception):
    """The event does not start the workflow."""


@dataclass(eq=False)
class ActionsRun:
    """One run of a workflow file; it observes its jobs and records them. `when_started` is called before a job's steps."""

    actions: GitHubActions
    record: WorkflowRun
    workflow: Workflow
    run: Run
    root: Path
    result: RunResult | None = None
    when_started: Callable[[Job], None] = lambda _: None
    _cancellation: Cancellation = field(default_factory=Cancellation)
    _jobs: dict[str, WorkflowJob] = field(default_factory=dict)
    _thread: threading.Thread | None = None

    def execute(self, settings: Settings) -> RunResult:
        """Run all jobs in this thread; an interrupt of the main thread cancels the run."""
        self.record.cancel = self._cancellation.request
        actions = self.actions
        jobs = run_workflow(
            settings, self.run, self.workflow, self.root, actions.token, groups=actions.groups,
            cancellation=self._cancellation, observer=self,
        )  # fmt: skip
        self.result = RunResult(jobs)
        self.record.complete(self.result.conclusion, actions.now())
        return self.result

    def start(self, settings: Settings) -> ActionsRun:
        """Run all jobs in a thread of their own; returns this run."""
        self._thread = threading.Thread(target=self.execute, args=(settings,), daemon=True)
        self._thread.start()
        return self

    def cancel(self) -> None:
        """Cancel the run, as the API does."""
        self.record.cancelled_by_request(self.actions.now())

    def wait_until(self, status: str, timeout: float = 120.0) -> None:
        """Wait until the run has a status; raises TimeoutError, also where the run ends before."""
        until = time.monotonic() + timeout
        while self.record.status != status:
            if self.record.is_completed or time.monotonic() > until:
                raise TimeoutError(f"run {self.record.id} of {self.workflow.path} is {self.record.status}, not {status}")
            time.sleep(0.02)

    def wait(self, timeout: float = 300.0) -> RunResult:
        """Wait until the run that `start` started has ended; raises TimeoutError."""
        if self._thread is not None:
            self._thread.join(timeout)
        if self.result is None:
            raise TimeoutError(f"run {self.record.id} of {self.workflow.path} has not ended")
        return self.result

    def job_created(self, job: Job) -> None:
        """Record a job that waits for a machine, or in its concurrency group."""
        status = "queued" if job.concurrency is None else "pending"
        self._jobs[job.identifier] = self.actions.repository.workflow_job(self.record, job.name, status)

    def job_started(self, job: Job) -> None:
        """Record that the job works."""
        at = self.actions.now()
        self._jobs[job.identifier].set_status("in_progress", at)
        self.when_started(job)
        self.record.follow_jobs(at)

    def job_ended(self, job: Job, result: JobResult) -> None:
        """Record the job's conclusion, and its annotations, which GitHub gets only now."""
        recorded, at = self._jobs[job.identifier], self.actions.now()
        recorded.check_run.annotations += [
            {"annotation_level": {"error": "failure"}.get(one.level, one.level), "title": one.title, "message": one.message}
            for one in result.annotations
        ]
        recorded.summary = "\n\n".join(step.summary for step in result.steps if step.summary)
        recorded.complete(result.conclusion, at)
        self.record.follow_jobs(at)


class GitHubActions:
    """The workflow runs of one repository; `root` is a private directory for their jobs."""

    def __init__(self, github: GitHubServer, repository: Repository, root: Path) -> None:
        self._github, self.repository, self._root = github, repository, root
        self.groups = ConcurrencyGroups()

    def now(self) -> datetime:
        """Return the time of the embedded GitHub."""
        return self._github.clock.now()

    def token(self, permissions: Mapping[str, str] | None) -> str:
        """Return a job's token; None stands for the repository's default permissions."""
        if permissions is None:
            return self._github.workflow_token(self.repository).value
        return self._github.workflow_token(self.repository, permissions).value

    def create(self, workflow: Workflow, delivery: Delivery[Any], *, by: str) -> ActionsRun:
        """Record a run of a workflow file of the default branch; raises NotTriggered."""
        if not workflow.is_triggered_by(delivery.event, delivery.payload):
            raise NotTriggered(f"{workflow.path} is not triggered by this {delivery.event}")
        github, repository = self._github, self.repository
        sha = repository.branches[repository.default_branch]
        record = repository.workflow_run(sha, by=by, name=workflow.name, event=delivery.event, path=workflow.path)
        run = Run(
            repository=repository.full_name, server_url=github.origin, api_url=github.api_url,
            graphql_url=f"{github.origin}/api/graphql", event_name=delivery.event, payload=delivery.payload, sha=sha,
            ref=f"refs/heads/{repository.default_branch}", actor=by, run_id=record.id, run_number=record.number,
        )  # fmt: skip
        return ActionsRun(self, record, workflow, run, self._root / f"run-{record.id}")
