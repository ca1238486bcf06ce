"""What a repository keeps about its commits: checks, statuses, deployments, workflow runs, required checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from mlops_sandbox.github import webhooks
from mlops_sandbox.github.checks import (
    CheckRun,
    CheckSuite,
    CommitStatus,
    Deployment,
    DeploymentStatus,
    Protection,
    WorkflowRun,
)
from mlops_sandbox.github.people import App, User

if TYPE_CHECKING:
    from mlops_sandbox.github.issues import PullRequest
    from mlops_sandbox.github.repository import Repository
    from mlops_sandbox.github.world import World


class CommitFacts:
    """The half of `Repository` that is indexed by commit."""

    world: World

    def __post_init__(self) -> None:
        self.check_suites: dict[int, CheckSuite] = {}
        self.check_runs: dict[int, CheckRun] = {}
        self.statuses: list[CommitStatus] = []
        self.deployments: dict[int, Deployment] = {}
        self.workflow_runs: dict[int, WorkflowRun] = {}
        self.protections: dict[str, list[Protection]] = {}

    @property
    def _self(self) -> Repository:
        return cast("Repository", self)

    def pulls_with(self, sha: str) -> list[PullRequest]:
        """Return the pull requests that hold this commit."""
        return [pull for pull in self._self.pulls if sha in pull.shas]

    # Checks

    def check_suite(
        self, sha: str, *, branch: str | None = None, app: App | None = None, at: datetime | None = None
    ) -> CheckSuite:
        """Return the App's suite of a commit (default: GitHub Actions'), made where there is none."""
        app = app or self.world.actions_app
        for suite in self.check_suites.values():
            if suite.app is app and suite.head_sha == sha:
                return suite
        at = at or self.world.clock.now()
        suite = CheckSuite(self.world.next_id("suite"), app, sha, branch, at, at)
        self.check_suites[suite.id] = suite
        return suite

    def check_run(
        self,
        sha: str,
        name: str,
        *,
        conclusion: str | None = None,
        status: str | None = None,
        app: App | None = None,
        at: datetime | None = None,
        **fields: Any,
    ) -> CheckRun:
        """Add a check run: concluded, or in the given status (default `in_progress`)."""
        at = at or self.world.clock.tick()
        suite = self.check_suite(sha, app=app, at=at)
        state = "completed" if conclusion else status or "in_progress"
        started = None if state == "queued" else at
        done = at if state == "completed" else None
        run = CheckRun(self.world.next_id("check"), suite, name, state, conclusion, started, done, **fields)
        self.check_runs[run.id] = run
        self.refresh(suite)
        return run

    def refresh(self, suite: CheckSuite) -> None:
        """Work a suite's status and conclusion out anew from its runs."""
        runs = self.latest_runs(suite)
        suite.updated_at = self.world.clock.now()
        if any(run.status != "completed" for run in runs):
            started = any(run.status == "in_progress" for run in runs)
            suite.status, suite.conclusion = "in_progress" if started else "queued", None
        elif runs:
            suite.status = "completed"
            ranked = ("failure", "timed_out", "cancelled", "action_required", "stale", "success", "neutral", "skipped")
            suite.conclusion = min((run.conclusion or "neutral" for run in runs), key=ranked.index)

    def latest_runs(self, suite: CheckSuite) -> list[CheckRun]:
        """Return the newest run of each name in a suite, newest first."""
        newest: dict[str, CheckRun] = {}
        for run in sorted(self.check_runs.values(), key=lambda run: run.id):
            if run.suite is suite:
                newest[run.name] = run
        return sorted(newest.values(), key=lambda run: -run.id)

    def status(
        self,
        sha: str,
        context: str,
        state: str,
        *,
        by: User | str = "ci",
        description: str | None = None,
        target_url: str | None = None,
    ) -> CommitStatus:
        """Add a commit status."""
        at, creator = self.world.clock.now(), self.world.actor(by)
        next_id = self.world.next_id("status")
        status = CommitStatus(next_id, sha, context, state, creator, at, description, target_url)
        self.statuses.append(status)
        return status

    def latest_statuses(self, sha: str) -> list[CommitStatus]:
        """Return the newest status of each context, newest first."""
        newest = {status.context: status for status in self.statuses if status.sha == sha}
        return sorted(newest.values(), key=lambda status: -status.id)

    def protect(
        self, branch: str, required_checks: Sequence[str], *, by: str = "protection", app: App | None = None
    ) -> None:
        """Require checks on a branch, by branch `protection` or by a `ruleset`; of one App, or of anybody."""
        self.protections.setdefault(branch, []).append(Protection(list(required_checks), by, app=app))

    # Deployments

    def deploy(
        self,
        sha: str,
        environment: str = "production",
        *,
        by: User | str,
        ref: str | None = None,
        task: str = "deploy",
        payload: Mapping[str, Any] | str | None = None,
        description: str | None = None,
        app: App | None = None,
        transient: bool = False,
        production: bool | None = None,
    ) -> Deployment:
        """Create a deployment; it appears on the pull requests that hold the commit."""
        at, creator = self.world.clock.now(), self.world.actor(by)
        is_production = environment == "production" if production is None else production
        content = payload if isinstance(payload, str) else dict(payload or {})
        deployment = Deployment(
            self.world.next_id("deployment"), sha, ref or sha, task, environment, environment, creator, at, at, content,
            description, transient, is_production, app,
        )  # fmt: skip
        self.deployments[deployment.id] = deployment
        for pull in self.pulls_with(sha):
            pull.record("deployed", creator, deployment, at=at)
        self.world.deliver("deployment", self._self, creator, webhooks.deployment(self._self, deployment))
        return deployment

    def deployment_status(
        self, deployment: Deployment, state: str, *, by: User | str, auto_inactive: bool = True, **fields: str
    ) -> DeploymentStatus:
        """Add a status; a success makes older successes of the environment inactive, unless told not to."""
        at, creator = self.world.clock.now(), self.world.actor(by)
        fields.setdefault("environment", deployment.environment)
        status = DeploymentStatus(self.world.next_id("deployment status"), state, creator, at, at, **fields)
        deployment.statuses.append(status)
        deployment.environment, deployment.updated_at = status.environment, at
        if state == "success" and auto_inactive and not deployment.transient:
            for other in self.deployments.values():
                is_older = other is not deployment and other.environment == deployment.environment
                if is_older and other.state == "success" and not (other.transient or other.production):
                    next_id = self.world.next_id("deployment status")
                    inactive = DeploymentStatus(next_id, "inactive", creator, at, at, environment=other.environment)
                    other.statuses.append(inactive)
        for pull in self.pulls_with(deployment.sha):
            pull.record("deployment-status", creator, deployment, detail=state, at=at)
        return status

    # Workflow runs

    def workflow_run(
        self,
        sha: str,
        *,
        by: User | str,
        again_by: User | str | None = None,
        name: str = "mlops",
        event: str = "issue_comment",
        path: str = ".github/workflows/mlops.yml",
        branch: str | None = None,
        run_id: int | None = None,
    ) -> WorkflowRun:
        """Record a run of a workflow file; `again_by` is who started its second attempt."""
        at, actor = self.world.clock.now(), self.world.actor(by)
        again = self.world.actor(again_by) if again_by is not None else actor
        run = WorkflowRun(
            run_id or self.world.next_id("workflow run"), name, path, event, sha, branch or self._self.default_branch,
            actor, again, at, at, len(self.workflow_runs) + 1, 1 if again_by is None else 2,
        )  # fmt: skip
        self.workflow_runs[run.id] = run
        return run
