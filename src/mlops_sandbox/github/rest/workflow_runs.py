"""Workflow runs and their jobs: https://docs.github.com/rest/actions/workflow-runs, …/workflow-jobs."""

from __future__ import annotations

import re
from collections.abc import Callable

from mlops_sandbox.github.checks import CONCLUSIONS
from mlops_sandbox.github.responses import ApiError, ApiResponse, not_found, validation_failed
from mlops_sandbox.github.rest.call import REPO, Call, Routes
from mlops_sandbox.github.serializers import workflow_runs as serializers
from mlops_sandbox.github.workflow_runs import OPEN_STATUSES, WorkflowJob, WorkflowRun
from mlops_sandbox.timestamps import timestamp

routes = Routes()

_WORKFLOWS = ".github/workflows/"
_MAX_FOUND = 1_000  # "up to 1,000 results for each search" by actor, branch, event, status, created or head_sha
_FILTERS = ("actor", "branch", "event", "status", "created", "head_sha")
_STATES = (*OPEN_STATUSES, "completed", *CONCLUSIONS, "stale")
_CREATED = re.compile(r"(>=|<=|>|<)?(\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}:\d{2}Z)?)(?:\.\.(\d{4}-\d{2}-\d{2}\S*))?")


@routes("GET", f"{REPO}/actions/runs")
def list_runs(call: Call) -> ApiResponse:
    """List the repository's runs, newest first."""
    return _page(call, list(call.repository.workflow_runs.values()))


@routes("GET", f"{REPO}/actions/workflows/{{workflow}}/runs")
def list_workflow_runs(call: Call) -> ApiResponse:
    """List the runs of a workflow file of the default branch, newest first."""
    repo, path = call.repository, f"{_WORKFLOWS}{call.params['workflow']}"
    tip = repo.find_commit(repo.default_branch)
    if tip is None or path not in tip.files:
        raise not_found()
    return _page(call, [run for run in repo.workflow_runs.values() if run.path == path])


def _page(call: Call, runs: list[WorkflowRun]) -> ApiResponse:
    is_found = _filter(call)
    found = sorted((run for run in runs if is_found(run)), key=lambda run: -run.id)
    if any(call.query.get(name) for name in _FILTERS):
        found = found[:_MAX_FOUND]
    return call.page(found, lambda run: serializers.workflow_run(run, call.repository, call.links), within="workflow_runs")


def _filter(call: Call) -> Callable[[WorkflowRun], bool]:
    query = {name: value for name in _FILTERS if (value := call.query.get(name))}
    status = query.get("status")
    if status is not None and status not in _STATES:
        raise validation_failed("WorkflowRun", "status", "invalid")
    created = _CREATED.fullmatch(query["created"]) if "created" in query else None
    if "created" in query and created is None:
        raise validation_failed("WorkflowRun", "created", "invalid")

    def is_found(run: WorkflowRun) -> bool:
        values = {
            "actor": run.actor.login, "branch": run.head_branch, "event": run.event, "head_sha": run.head_sha,
        }  # fmt: skip
        if any(query[name] != value for name, value in values.items() if name in query):
            return False
        if status is not None and status not in (run.status, run.conclusion):
            return False
        return created is None or _is_within(created, timestamp(run.created_at))

    return is_found


def _is_within(created: re.Match[str], at: str) -> bool:
    """Compare times as texts, which order as they do; a day alone stands for the whole day."""
    operator, first, last = created.groups()
    day = at[: len(first)]
    if last:
        return first <= day and at[: len(last)] <= last
    return {">=": day >= first, "<=": day <= first, ">": day > first, "<": day < first}.get(operator or "", day == first)


@routes("GET", f"{REPO}/actions/runs/{{run:int}}")
def get_workflow_run(call: Call) -> ApiResponse:
    """Read a workflow run."""
    return ApiResponse(200, serializers.workflow_run(_run(call), call.repository, call.links))


@routes("GET", f"{REPO}/actions/runs/{{run:int}}/attempts/{{attempt:int}}")
def get_workflow_run_attempt(call: Call) -> ApiResponse:
    """Read one attempt of a workflow run."""
    run = _run(call)
    if run.attempt != call.number("attempt"):
        raise not_found()
    return ApiResponse(200, serializers.workflow_run(run, call.repository, call.links))


@routes("POST", f"{REPO}/actions/runs/{{run:int}}/cancel", role="write", always=True)
def cancel_workflow_run(call: Call) -> ApiResponse:
    """Cancel a run; the answer does not wait for its end."""
    run = _run(call)
    if run.is_completed:
        raise ApiError(409, "Cannot cancel a workflow run that is completed.")
    run.cancelled_by_request(call.state.clock.now())
    return ApiResponse(202, {})


@routes("POST", f"{REPO}/actions/runs/{{run:int}}/force-cancel", role="write", always=True)
def force_cancel_workflow_run(call: Call) -> ApiResponse:
    """Cancel a run, also where a job's condition would go on after a cancellation."""
    return cancel_workflow_run(call)


@routes("GET", f"{REPO}/actions/runs/{{run:int}}/jobs")
def list_jobs(call: Call) -> ApiResponse:
    """List the jobs of a run: those of its latest attempt, unless `filter=all`."""
    run = _run(call)
    every = call.query.get("filter", "latest") == "all"
    jobs = [job for job in run.jobs if every or job.attempt == run.attempt]
    return call.page(jobs, lambda job: serializers.job(job, run, call.repository, call.links), within="jobs")


@routes("GET", f"{REPO}/actions/jobs/{{job:int}}")
def get_job(call: Call) -> ApiResponse:
    """Read a job."""
    run, job = _job(call)
    return ApiResponse(200, serializers.job(job, run, call.repository, call.links))


def _run(call: Call) -> WorkflowRun:
    run = call.repository.workflow_runs.get(call.number("run"))
    if run is None:
        raise not_found()
    return run


def _job(call: Call) -> tuple[WorkflowRun, WorkflowJob]:
    found = call.repository.find_job(call.number("job"))
    if found is None:
        raise not_found()
    return found
