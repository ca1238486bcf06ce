"""Records about a commit: check suites and runs, statuses, deployments, required checks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mlops_sandbox.github.accounts import App, User

CHECK_STATUSES = ("queued", "in_progress", "completed", "waiting", "requested", "pending")
# The conclusions a client may set; only GitHub sets `stale`.
CONCLUSIONS = (
    "success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required",
)  # fmt: skip
PASSING = ("success", "neutral", "skipped")
STATUS_STATES = ("error", "failure", "pending", "success")
DEPLOYMENT_STATES = ("error", "failure", "inactive", "in_progress", "queued", "pending", "success")
MAX_OUTPUT_LENGTH = 65_535  # characters of a check run's summary and of its text
MAX_STATUSES = 1_000  # statuses of one context on one commit


@dataclass(eq=False)
class CheckSuite:
    """The check runs of one App on one commit."""

    id: int
    app: App
    head_sha: str
    head_branch: str | None
    created_at: datetime
    updated_at: datetime
    status: str = "queued"
    conclusion: str | None = None


@dataclass(eq=False)
class CheckRun:
    """One line of the Checks tab.

    `from_api` tells a run that a client created from the run that GitHub Actions itself has for each of its jobs.
    """

    id: int
    suite: CheckSuite
    name: str
    status: str
    conclusion: str | None
    started_at: datetime | None
    completed_at: datetime | None
    details_url: str | None = None
    external_id: str = ""
    title: str | None = None
    summary: str | None = None
    text: str | None = None
    annotations: list[dict[str, Any]] = field(default_factory=list)
    actions: list[dict[str, Any]] = field(default_factory=list)
    from_api: bool = False

    @property
    def head_sha(self) -> str:
        """The commit of the run."""
        return self.suite.head_sha

    @property
    def app(self) -> App:
        """The App that created the run."""
        return self.suite.app


@dataclass(eq=False)
class CommitStatus:
    """A commit status; the newest of a context counts."""

    id: int
    sha: str
    context: str
    state: str
    creator: User
    created_at: datetime
    description: str | None = None
    target_url: str | None = None


@dataclass(eq=False)
class DeploymentStatus:
    """One step of a deployment."""

    id: int
    state: str
    creator: User
    created_at: datetime
    updated_at: datetime
    description: str = ""
    environment: str = ""
    environment_url: str = ""
    log_url: str = ""
    app: App | None = None


@dataclass(eq=False)
class Deployment:
    """A deployment of a commit to an environment."""

    id: int
    sha: str
    ref: str
    task: str
    environment: str
    original_environment: str
    creator: User
    created_at: datetime
    updated_at: datetime
    payload: dict[str, Any] | str
    description: str | None = None
    transient: bool = False
    production: bool = False
    app: App | None = None
    statuses: list[DeploymentStatus] = field(default_factory=list)

    @property
    def state(self) -> str:
        """The newest status, `pending` before there is one."""
        return self.statuses[-1].state if self.statuses else "pending"


@dataclass(eq=False)
class Protection:
    """The checks that a branch requires, by branch protection or by a ruleset."""

    required_checks: list[str]
    source: str = "protection"  # or "ruleset"
    strict: bool = False
    app: App | None = None  # the App that must create the checks; None: any
