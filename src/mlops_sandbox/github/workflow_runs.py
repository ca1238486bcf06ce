"""Workflow runs and their jobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from mlops_sandbox.github.accounts import User
from mlops_sandbox.github.checks import CheckRun

# What a run or job can be before it is `completed`, in the order in which a run takes the status of its jobs.
OPEN_STATUSES = ("in_progress", "queued", "waiting", "pending", "requested")


@dataclass(eq=False)
class WorkflowJob:
    """One job of one attempt of a workflow run.

    Its check run has the same id (https://docs.github.com/rest/actions/workflow-jobs). `pending` is a job that waits in its
    concurrency group, `waiting` one that waits for the protection rules of its environment.
    """

    check_run: CheckRun
    attempt: int
    created_at: datetime
    summary: str = ""  # what the steps wrote to GITHUB_STEP_SUMMARY; GitHub shows it on the run's page alone

    @property
    def id(self) -> int:
        """The id of the job, which is that of its check run."""
        return self.check_run.id

    def set_status(self, status: str, at: datetime) -> None:
        """Change the status of a job that has not completed."""
        self.check_run.status = status
        if status == "in_progress":
            self.check_run.started_at = at

    def complete(self, conclusion: str, at: datetime) -> None:
        """End the job."""
        self.check_run.status, self.check_run.conclusion, self.check_run.completed_at = "completed", conclusion, at


@dataclass(eq=False)
class WorkflowRun:
    """A run of a workflow file, with the accounts that started and re-ran it; `title` is its `run-name`.

    `cancel` is called where somebody cancels the run, and has to end its jobs; without it the jobs end at once.
    """

    id: int
    name: str
    path: str
    event: str
    head_sha: str
    head_branch: str | None
    actor: User
    triggering_actor: User
    created_at: datetime
    updated_at: datetime
    number: int = 1
    attempt: int = 1
    status: str = "in_progress"
    conclusion: str | None = None
    title: str = ""
    jobs: list[WorkflowJob] = field(default_factory=list)
    cancel: Callable[[], object] | None = field(default=None, repr=False)

    @property
    def is_completed(self) -> bool:
        """Whether the run has ended."""
        return self.status == "completed"

    def follow_jobs(self, at: datetime) -> None:
        """Take the status of the jobs that have not completed; the run itself is completed by `complete`."""
        statuses = {job.check_run.status for job in self.jobs}
        self.status = next((status for status in OPEN_STATUSES if status in statuses), self.status)
        self.updated_at = at

    def complete(self, conclusion: str, at: datetime) -> None:
        """End the run."""
        self.status, self.conclusion, self.updated_at, self.cancel = "completed", conclusion, at, None

    def cancelled_by_request(self, at: datetime) -> None:
        """Carry out a request to cancel."""
        if self.cancel is not None:
            self.cancel()
            return
        for job in self.jobs:
            if job.check_run.status != "completed":
                job.complete("cancelled", at)
        self.complete("cancelled", at)
