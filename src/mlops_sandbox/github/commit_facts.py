"""The records of a repository about its commits: checks, statuses, deployments, workflow runs, required checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mlops_sandbox.github.accounts import App, User
from mlops_sandbox.github.checks import (
    CheckRun,
    CheckSuite,
    CommitStatus,
    Deployment,
    DeploymentStatus,
    Protection,
)
from mlops_sandbox.github.discussion import TimelineEventKind
from mlops_sandbox.github.events import Delivery, Event
from mlops_sandbox.github.repository_access import RepositoryAccess
from mlops_sandbox.github.workflow_runs import WorkflowJob, WorkflowRun


@dataclass(eq=False, repr=False, kw_only=True)
class CommitFacts(RepositoryAccess):
    """The part of `Repository` that is indexed by commit."""

    default_branch: str = "main"
    check_suites: dict[int, CheckSuite] = field(default_factory=dict)
    check_runs: dict[int, CheckRun] = field(default_factory=dict)
    statuses: list[CommitStatus] = field(default_factory=list)
    deployments: dict[int, Deployment] = field(default_factory=dict)
    workflow_runs: dict[int, WorkflowRun] = field(default_factory=dict)
    protections: dict[str, list[Protection]] = field(default_factory=dict)

    def _add_to_timelines(
        self, sha: str, kind: TimelineEventKind, actor: User, subject: object, *, detail: str = "", at: datetime
    ) -> None:
        """Add an entry to the timeline of each pull request that holds the commit."""
        raise NotImplementedError

    # Checks

    def check_suite(
        self, sha: str, *, branch: str | None = None, app: App | None = None, at: datetime | None = None
    ) -> CheckSuite:
        """Return the App's suite of a commit (default: GitHub Actions'), created where there is none.

        A check run cannot choose its suite: those of all workflows share the first one.
        https://docs.github.com/rest/guides/using-the-rest-api-to-interact-with-checks#about-check-suites
        """
        app = app or self.instance.actions_app
        for suite in self.check_suites.values():
            if suite.app is app and suite.head_sha == sha:
                return suite
        at = at or self.instance.clock.now()
        suite = CheckSuite(
            id=self.instance.next_id("suite"), app=app, head_sha=sha, head_branch=branch, created_at=at, updated_at=at
        )
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
        at = at or self.instance.clock.tick()
        suite = self.check_suite(sha, branch=self._branch_with(sha), app=app, at=at)
        state = "completed" if conclusion else status or "in_progress"
        run = CheckRun(
            id=self.instance.next_id("check"),
            suite=suite,
            name=name,
            status=state,
            conclusion=conclusion,
            started_at=None if state == "queued" else at,
            completed_at=at if state == "completed" else None,
            **fields,
        )
        self.check_runs[run.id] = run
        self.refresh(suite)
        return run

    def _branch_with(self, sha: str) -> str | None:
        """Return the branch of this repository whose tip is the commit, None where there is none."""
        raise NotImplementedError

    def refresh(self, suite: CheckSuite) -> None:
        """Compute a suite's status and conclusion from its runs."""
        runs = self.latest_runs(suite)
        suite.updated_at = self.instance.clock.now()
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
        status = CommitStatus(
            id=self.instance.next_id("status"),
            sha=sha,
            context=context,
            state=state,
            creator=self.instance.account(by),
            created_at=self.instance.clock.now(),
            description=description,
            target_url=target_url,
        )
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
        at, creator = self.instance.clock.now(), self.instance.account(by)
        deployment = Deployment(
            id=self.instance.next_id("deployment"),
            sha=sha,
            ref=ref or sha,
            task=task,
            environment=environment,
            original_environment=environment,
            creator=creator,
            created_at=at,
            updated_at=at,
            payload=payload if isinstance(payload, str) else dict(payload or {}),
            description=description,
            transient=transient,
            production=environment == "production" if production is None else production,
            app=app,
        )
        self.deployments[deployment.id] = deployment
        self._add_to_timelines(sha, "deployed", creator, deployment, at=at)
        self.instance.emit(Event(name="deployment", action="created", source=self, subject=deployment, sender=creator))
        return deployment

    def deployment_status(
        self,
        deployment: Deployment,
        state: str,
        *,
        by: User | str,
        auto_inactive: bool = True,
        app: App | None = None,
        **fields: str,
    ) -> DeploymentStatus:
        """Add a status; with `auto_inactive` a success makes older successes of the environment inactive."""
        at, creator = self.instance.clock.now(), self.instance.account(by)
        fields.setdefault("environment", deployment.environment)
        status = self._append_status(deployment, state, creator, at=at, app=app, **fields)
        deployment.environment, deployment.updated_at = status.environment, at
        if state == "success" and auto_inactive and not deployment.transient:
            for older in self.deployments.values():
                is_same_place = older is not deployment and older.environment == deployment.environment
                if is_same_place and older.state == "success" and not (older.transient or older.production):
                    self._append_status(older, "inactive", creator, at=at, environment=older.environment)
        self._add_to_timelines(deployment.sha, "deployment-status", creator, deployment, detail=state, at=at)
        return status

    def _append_status(
        self,
        deployment: Deployment,
        state: str,
        creator: User,
        *,
        at: datetime,
        app: App | None = None,
        **fields: str,
    ) -> DeploymentStatus:
        status = DeploymentStatus(
            id=self.instance.next_id("deployment status"),
            state=state,
            creator=creator,
            created_at=at,
            updated_at=at,
            app=app,
            **fields,
        )
        deployment.statuses.append(status)
        return status

    # Workflow runs

    def workflow_run(
        self,
        sha: str,
        *,
        by: User | str,
        rerun_by: User | str | None = None,
        name: str = "mlops",
        event: str = "issue_comment",
        path: str = ".github/workflows/mlops.yml",
        branch: str | None = None,
        run_id: int | None = None,
        title: str = "",
    ) -> WorkflowRun:
        """Record a run of a workflow file; `rerun_by` is who started its second attempt."""
        at, actor = self.instance.clock.now(), self.instance.account(by)
        run = WorkflowRun(
            id=run_id or self.instance.next_id("workflow run"),
            name=name,
            path=path,
            event=event,
            head_sha=sha,
            head_branch=branch or self.default_branch,
            actor=actor,
            triggering_actor=self.instance.account(rerun_by) if rerun_by is not None else actor,
            created_at=at,
            updated_at=at,
            number=len(self.workflow_runs) + 1,
            attempt=1 if rerun_by is None else 2,
            title=title,
        )
        self.workflow_runs[run.id] = run
        return run

    def workflow_job(self, run: WorkflowRun, name: str, status: str = "queued") -> WorkflowJob:
        """Add a job to the latest attempt of a workflow run."""
        at = self.instance.clock.now()
        check_run = self.check_run(run.head_sha, name, status=status, at=at)
        check_run.details_url = f"{self.instance.origin}/{self.full_name}/actions/runs/{run.id}/job/{check_run.id}"
        job = WorkflowJob(check_run, run.attempt, at)
        run.jobs.append(job)
        run.follow_jobs(at)
        return job

    def find_job(self, identifier: int) -> tuple[WorkflowRun, WorkflowJob] | None:
        """Return the job with this id and its run; None where there is none."""
        found = ((run, job) for run in self.workflow_runs.values() for job in run.jobs if job.id == identifier)
        return next(found, None)

    def dispatch(self, event_type: str, client_payload: Mapping[str, Any], *, by: User | str) -> Delivery[None]:
        """Send a `repository_dispatch`."""
        details = {"client_payload": dict(client_payload)}
        return self._emit("repository_dispatch", event_type, by=by, details=details)

    def workflow_dispatch(
        self, inputs: Mapping[str, str], *, by: User | str, workflow: str = ".github/workflows/mlops.yml"
    ) -> Delivery[None]:
        """Start a workflow by hand on the default branch."""
        return self._emit("workflow_dispatch", None, by=by, details={"inputs": dict(inputs), "workflow": workflow})

    def _emit(self, name: str, action: str | None, *, by: User | str, details: Mapping[str, Any]) -> Delivery[None]:
        sender = self.instance.account(by)
        return self.instance.emit(Event(name=name, action=action, source=self, subject=None, sender=sender, details=details))
