"""Workflow runs, their jobs and the jobs' annotations."""

from __future__ import annotations

from mlops_actions.core.types import Json
from mlops_sandbox.github.checks import CheckRun
from mlops_sandbox.github.repository import Repository
from mlops_sandbox.github.serializers.accounts import node_id, user
from mlops_sandbox.github.serializers.links import Links
from mlops_sandbox.github.serializers.repository import minimal, repo_api, simple_commit
from mlops_sandbox.github.workflow_runs import WorkflowJob, WorkflowRun
from mlops_sandbox.timestamps import optional_timestamp, timestamp


def workflow_run(item: WorkflowRun, repo: Repository, links: Links) -> Json:
    """Return a `WorkflowRun`."""
    api = repo_api(repo, links)
    url = f"{api}/actions/runs/{item.id}"
    workflow_id = int.from_bytes(item.path.encode()[-3:], "big")
    suite = next((suite for suite in repo.check_suites.values() if suite.head_sha == item.head_sha), None)
    suite_id = suite.id if suite else 0
    head = repo.commits.get(item.head_sha)
    return {
        "id": item.id,
        "name": item.name,
        "display_title": item.title or item.name,
        "node_id": node_id("WorkflowRun", item.id),
        "check_suite_id": suite_id,
        "check_suite_node_id": node_id("CheckSuite", suite_id),
        "head_branch": item.head_branch,
        "head_sha": item.head_sha,
        "path": item.path,
        "run_number": item.number,
        "run_attempt": item.attempt,
        "referenced_workflows": [],
        "event": item.event,
        "status": item.status,
        "conclusion": item.conclusion,
        "workflow_id": workflow_id,
        "url": url,
        "html_url": links.web(repo.full_name, "actions", "runs", item.id),
        "pull_requests": [],
        "created_at": timestamp(item.created_at),
        "updated_at": timestamp(item.updated_at),
        "run_started_at": timestamp(item.created_at),
        "actor": user(item.actor, links),
        "triggering_actor": user(item.triggering_actor, links),
        "jobs_url": f"{url}/jobs",
        "logs_url": f"{url}/logs",
        "check_suite_url": f"{api}/check-suites/{suite_id}",
        "artifacts_url": f"{url}/artifacts",
        "cancel_url": f"{url}/cancel",
        "rerun_url": f"{url}/rerun",
        "previous_attempt_url": f"{url}/attempts/{item.attempt - 1}" if item.attempt > 1 else None,
        "workflow_url": f"{api}/actions/workflows/{workflow_id}",
        "head_commit": simple_commit(head) if head else None,
        "repository": minimal(repo, links),
        "head_repository": minimal(repo, links),
    }


def job(item: WorkflowJob, run: WorkflowRun, repo: Repository, links: Links) -> Json:
    """Return a `Job`."""
    api, check_run = repo_api(repo, links), item.check_run
    return {
        "id": item.id,
        "run_id": run.id,
        "run_url": f"{api}/actions/runs/{run.id}",
        "run_attempt": item.attempt,
        "node_id": node_id("CheckRun", item.id),
        "head_branch": run.head_branch,
        "head_sha": run.head_sha,
        "url": f"{api}/actions/jobs/{item.id}",
        "html_url": check_run.details_url,
        "check_run_url": f"{api}/check-runs/{item.id}",
        "name": check_run.name,
        "workflow_name": run.name,
        "status": check_run.status,
        "conclusion": check_run.conclusion,
        "created_at": timestamp(item.created_at),
        # GitHub fills in the time of creation for a job that has not started.
        "started_at": timestamp(check_run.started_at or item.created_at),
        "completed_at": optional_timestamp(check_run.completed_at),
        "steps": [],
        "labels": ["ubuntu-latest"],
        "runner_id": None,
        "runner_name": None,
        "runner_group_id": None,
        "runner_group_name": None,
    }


def annotation(item: Json, of: CheckRun, repo: Repository, links: Links) -> Json:
    """Return a `CheckAnnotation`; one that a job printed without a file belongs to `.github`."""
    path = item.get("path") or ".github"
    line = item.get("start_line") or 1
    return {
        "path": path,
        "blob_href": links.web(repo.full_name, "blob", of.head_sha, path),
        "start_line": line,
        "end_line": item.get("end_line") or line,
        "start_column": item.get("start_column"),
        "end_column": item.get("end_column"),
        "annotation_level": item["annotation_level"],
        "title": item.get("title") or "",
        "message": item["message"],
        "raw_details": item.get("raw_details") or "",
    }
