"""Check suites and runs, statuses, deployments."""

from __future__ import annotations

from mlops_actions.core.types import Json
from mlops_sandbox.github.checks import CheckRun, CheckSuite, CommitStatus, Deployment, DeploymentStatus
from mlops_sandbox.github.repository import PullRequest, Repository
from mlops_sandbox.github.serializers.accounts import app, node_id, user
from mlops_sandbox.github.serializers.discussion import pull_minimal
from mlops_sandbox.github.serializers.links import Links
from mlops_sandbox.github.serializers.repository import minimal, repo_api, simple_commit
from mlops_sandbox.timestamps import optional_timestamp, timestamp

ACTIONS = "github-actions"  # the slug of GitHub Actions' own App


def check_suite(item: CheckSuite, repo: Repository, links: Links) -> Json:
    """Return a `CheckSuite`."""
    url = f"{repo_api(repo, links)}/check-suites/{item.id}"
    before = next((update.before for update in repo.activity if update.after == item.head_sha), None)
    return {
        "id": item.id,
        "node_id": node_id("CheckSuite", item.id),
        "head_branch": item.head_branch,
        "head_sha": item.head_sha,
        "status": item.status,
        "conclusion": item.conclusion,
        "url": url,
        "before": before,
        "after": item.head_sha,
        "pull_requests": [pull_minimal(pull, links) for pull in _pulls_of(item.head_sha, repo)],
        "app": app(item.app, links),
        "repository": minimal(repo, links),
        "created_at": timestamp(item.created_at),
        "updated_at": timestamp(item.updated_at),
        "head_commit": simple_commit(repo.commits[item.head_sha]),
        "latest_check_runs_count": len(repo.latest_runs(item)),
        "check_runs_url": f"{url}/check-runs",
        "rerequestable": True,
        "runs_rerequestable": True,
    }


def check_run(item: CheckRun, repo: Repository, links: Links) -> Json:
    """Return a `CheckRun`."""
    url = f"{repo_api(repo, links)}/check-runs/{item.id}"
    # The page of a job is below that of its workflow run; a check run that a client created has none.
    below = ("runs",) if item.from_api else ("actions", "runs", item.suite.id, "job")
    is_job = item.app.slug == ACTIONS and not item.from_api
    page = (item.details_url if is_job else None) or links.web(repo.full_name, *below, item.id)
    return {
        "id": item.id,
        "name": item.name,
        "node_id": node_id("CheckRun", item.id),
        "head_sha": item.head_sha,
        "external_id": item.external_id,
        "url": url,
        "html_url": page,
        "details_url": item.details_url or (page if item.app.slug == ACTIONS else links.web("apps", item.app.slug)),
        "status": item.status,
        "conclusion": item.conclusion,
        "started_at": optional_timestamp(item.started_at),
        "completed_at": optional_timestamp(item.completed_at),
        "output": {
            "title": item.title,
            "summary": item.summary,
            "text": item.text,
            "annotations_count": len(item.annotations),
            "annotations_url": f"{url}/annotations",
        },
        "check_suite": {"id": item.suite.id},
        "app": app(item.app, links),
        "pull_requests": [pull_minimal(pull, links) for pull in _pulls_of(item.head_sha, repo)],
    }


def _pulls_of(sha: str, repo: Repository) -> list[PullRequest]:
    """Return the pull requests that checks name: open ones, none from a fork.

    https://docs.github.com/rest/checks/runs: pushes to a branch of a fork are not detected.
    """
    return [pull for pull in repo.pulls if pull.head_sha == sha and pull.state == "open" and not pull.is_fork]


def simple_status(item: CommitStatus, repo: Repository, links: Links) -> Json:
    """Return a `SimpleCommitStatus`, an item of the combined status."""
    return {
        "url": f"{repo_api(repo, links)}/statuses/{item.sha}",
        "avatar_url": links.web("avatars", "u", item.creator.id),
        "id": item.id,
        "node_id": node_id("Status", item.id),
        "state": item.state,
        "description": item.description,
        "target_url": item.target_url,
        "context": item.context,
        "created_at": timestamp(item.created_at),
        "updated_at": timestamp(item.created_at),
    }


def status(item: CommitStatus, repo: Repository, links: Links) -> Json:
    """Return a `Status`."""
    return simple_status(item, repo, links) | {"creator": user(item.creator, links)}


def combined_status(sha: str, repo: Repository, links: Links) -> Json:
    """Return a `CombinedCommitStatus`: failure wins over pending, no status at all is pending."""
    items = repo.latest_statuses(sha)
    states = {item.state for item in items}
    state = "failure" if states & {"error", "failure"} else "success" if states == {"success"} else "pending"
    return {
        "state": state,
        "statuses": [simple_status(item, repo, links) for item in items],
        "sha": sha,
        "total_count": len(items),
        "repository": minimal(repo, links),
        "commit_url": f"{repo_api(repo, links)}/commits/{sha}",
        "url": f"{repo_api(repo, links)}/commits/{sha}/status",
    }


def deployment(item: Deployment, repo: Repository, links: Links) -> Json:
    """Return a `Deployment`."""
    api = repo_api(repo, links)
    url = f"{api}/deployments/{item.id}"
    return {
        "url": url,
        "id": item.id,
        "node_id": node_id("Deployment", item.id),
        "sha": item.sha,
        "ref": item.ref,
        "task": item.task,
        "payload": item.payload,
        "original_environment": item.original_environment,
        "environment": item.environment,
        "description": item.description,
        "creator": user(item.creator, links),
        "created_at": timestamp(item.created_at),
        "updated_at": timestamp(item.updated_at),
        "statuses_url": f"{url}/statuses",
        "repository_url": api,
        "transient_environment": item.transient,
        "production_environment": item.production,
        "performed_via_github_app": app(item.app, links) if item.app else None,
    }


def deployment_status(item: DeploymentStatus, parent: Deployment, repo: Repository, links: Links) -> Json:
    """Return a `DeploymentStatus`."""
    api = repo_api(repo, links)
    deployment_url = f"{api}/deployments/{parent.id}"
    return {
        "url": f"{deployment_url}/statuses/{item.id}",
        "id": item.id,
        "node_id": node_id("DeploymentStatus", item.id),
        "state": item.state,
        "creator": user(item.creator, links),
        "description": item.description,
        "environment": item.environment,
        "target_url": item.log_url,
        "log_url": item.log_url,
        "environment_url": item.environment_url,
        "created_at": timestamp(item.created_at),
        "updated_at": timestamp(item.updated_at),
        "deployment_url": deployment_url,
        "repository_url": api,
        "performed_via_github_app": app(item.app, links) if item.app else None,
    }
