"""Check runs and suites, commit statuses, required checks, annotations."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from mlops_sandbox.github.accounts import App
from mlops_sandbox.github.checks import (
    CHECK_STATUSES,
    CONCLUSIONS,
    MAX_OUTPUT_LENGTH,
    MAX_STATUSES,
    STATUS_STATES,
    CheckRun,
)
from mlops_sandbox.github.responses import ApiError, ApiResponse, invalid_request, not_found, validation_failed
from mlops_sandbox.github.rest.call import REPO, Call, Routes
from mlops_sandbox.github.serializers import checks as serializers
from mlops_sandbox.github.serializers import repository as repository_serializers
from mlops_sandbox.github.serializers import workflow_runs as run_serializers

routes = Routes()

# Reports of clients quote this message, e.g. LouisBrunner/checks-action#369; `documentation_url` is the changelog.
LOCKED = "Check run status and conclusions can only be updated internally by GitHub Actions."
LOCKED_SINCE = (
    "https://github.blog/changelog/2025-02-12-notice-of-upcoming-deprecations-and-breaking-changes-for-github-actions/"
    "#changes-to-check-run-status-modification"
)


def known_commit(call: Call, ref: str) -> str:
    """Return the SHA of a ref; raises 422 where the repository has no such commit."""
    commit = call.repository.find_commit(ref)
    if commit is None:
        raise ApiError(422, f"No commit found for SHA: {ref}")
    return commit.sha


def _writing_app(call: Call) -> App:
    token = call.token
    if token is None or token.app is None:
        raise ApiError(403, "You must authenticate via a GitHub App.")
    return token.app


@routes("POST", f"{REPO}/check-runs", only_app_tokens=True)
def create_check_run(call: Call) -> ApiResponse:
    """Create a check run on a commit the repository has."""
    repo, app = call.repository, _writing_app(call)
    name = call.text("name", resource="CheckRun", required=True) or ""
    sha = known_commit(call, call.text("head_sha", resource="CheckRun", required=True) or "")
    conclusion = call.choice("conclusion", CONCLUSIONS)
    status = call.choice("status", CHECK_STATUSES) or ("completed" if conclusion else "queued")
    if status == "completed" and conclusion is None:
        raise invalid_request("A conclusion is required when the status is completed.")
    now = call.state.clock.now()
    started = _time(call, "started_at") or (None if status == "queued" else now)
    run = repo.check_run(sha, name, conclusion=conclusion, status=status, app=app, at=now, from_api=True)
    run.started_at = started
    _set_fields(call, run)
    return ApiResponse(201, serializers.check_run(run, repo, call.links))


@routes("PATCH", f"{REPO}/check-runs/{{run:int}}", only_app_tokens=True)
def update_check_run(call: Call) -> ApiResponse:
    """Change a check run; only its own App may."""
    repo, app = call.repository, _writing_app(call)
    run = _run(call)
    if run.app is not app:
        raise ApiError(403, "Invalid app_id `" + str(app.id) + "` - check run can only be modified by the "
                            "GitHub App that created it.")  # fmt: skip
    if call.body.keys() & {"status", "conclusion", "completed_at"}:
        _refuse_where_locked(call, run)
    run.name = call.text("name", resource="CheckRun") or run.name
    conclusion = call.choice("conclusion", CONCLUSIONS)
    status = call.choice("status", CHECK_STATUSES)
    if status == "completed" and conclusion is None and run.conclusion is None:
        raise invalid_request("A conclusion is required when the status is completed.")
    if conclusion is not None:
        run.status, run.conclusion = "completed", conclusion
        run.completed_at = _time(call, "completed_at") or call.state.clock.now()
    elif status is not None:
        run.status = status
        if status != "completed":
            run.conclusion, run.completed_at = None, None
    if run.status != "queued" and run.started_at is None:
        run.started_at = call.state.clock.now()
    _set_fields(call, run)
    repo.refresh(run.suite)
    return ApiResponse(200, serializers.check_run(run, repo, call.links))


def _refuse_where_locked(call: Call, run: CheckRun) -> None:
    """Refuse to change the status of a run of GitHub Actions: always that of a job, others where the switch says so."""
    if run.app is not call.state.actions_app:
        return
    status = call.state.locked_check_runs if run.from_api else 403
    if status == 422:
        raise ApiError(422, "Validation Failed", [f"{LOCKED} Please see {LOCKED_SINCE}"])
    if status == 403:
        raise ApiError(403, LOCKED, documentation_url=LOCKED_SINCE)


def _set_fields(call: Call, run: CheckRun) -> None:
    details_url = _url(call, "details_url", "CheckRun", "Details url must use http or https scheme")
    if run.app is not call.state.actions_app:
        # GitHub ignores the address that a workflow's token gives (actions/github-script#143) and answers with its own.
        run.details_url = details_url or run.details_url
    run.external_id = call.text("external_id", resource="CheckRun") or run.external_id
    output: Any = call.body.get("output")
    if output is None:
        return
    if not isinstance(output, dict) or not isinstance(output.get("summary"), str):
        raise invalid_request("For 'properties/output', \"summary\" wasn't supplied.")
    for name in ("summary", "text"):
        if len(str(output.get(name) or "").encode()) > MAX_OUTPUT_LENGTH:
            raise invalid_request(f"Only {MAX_OUTPUT_LENGTH} characters are allowed for output/{name}; {name} is too long.")
    if len(output.get("annotations") or []) > 50:
        raise invalid_request("No more than 50 annotations are allowed in one request.")
    run.title = output.get("title", run.title)
    run.summary = output["summary"]
    run.text = output.get("text", run.text)
    run.annotations += output.get("annotations") or []


def _url(call: Call, name: str, resource: str, message: str) -> str | None:
    url = call.text(name, resource=resource)
    if url and not url.startswith(("http://", "https://")):
        raise validation_failed(resource, name, "custom", message=message)
    return url


def _time(call: Call, name: str) -> datetime | None:
    value = call.text(name, resource="CheckRun")
    try:
        return None if value is None else datetime.fromisoformat(value)
    except ValueError:
        raise invalid_request(f"For 'properties/{name}', {value!r} is not a valid date-time.") from None


def _run(call: Call) -> CheckRun:
    run = call.repository.check_runs.get(call.number("run"))
    if run is None:
        raise not_found()
    return run


@routes("GET", f"{REPO}/check-runs/{{run:int}}")
def get_check_run(call: Call) -> ApiResponse:
    """Read a check run."""
    return ApiResponse(200, serializers.check_run(_run(call), call.repository, call.links))


@routes("GET", f"{REPO}/check-runs/{{run:int}}/annotations")
def list_annotations(call: Call) -> ApiResponse:
    """List a check run's annotations.

    A job sends its own when it ends. A skipped job is not found: https://github.com/cli/cli/issues/3577.
    """
    run = _run(call)
    if run.conclusion == "skipped":
        raise not_found()
    return call.page(run.annotations, lambda item: run_serializers.annotation(item, run, call.repository, call.links))


@routes("GET", f"{REPO}/commits/{{ref:path}}/check-runs")
def list_check_runs(call: Call) -> ApiResponse:
    """List a commit's check runs, the latest of each name unless `filter=all`."""
    repo, sha = call.repository, known_commit(call, call.params["ref"])
    suites = [suite for suite in repo.check_suites.values() if suite.head_sha == sha]
    every = call.query.get("filter", "latest") == "all"
    runs = [run for suite in suites for run in (_all_runs(call, suite.id) if every else repo.latest_runs(suite))]
    for field, value in {"name": call.query.get("check_name"), "status": call.query.get("status")}.items():
        runs = [run for run in runs if value in (None, getattr(run, field))]
    runs.sort(key=lambda run: -run.id)
    return call.page(runs, lambda run: serializers.check_run(run, repo, call.links), within="check_runs")


def _all_runs(call: Call, suite: int) -> list[CheckRun]:
    return [run for run in call.repository.check_runs.values() if run.suite.id == suite]


@routes("GET", f"{REPO}/commits/{{ref:path}}/check-suites")
def list_check_suites(call: Call) -> ApiResponse:
    """List a commit's check suites."""
    repo, sha = call.repository, known_commit(call, call.params["ref"])
    suites = [suite for suite in repo.check_suites.values() if suite.head_sha == sha]
    return call.page(suites, lambda suite: serializers.check_suite(suite, repo, call.links), within="check_suites")


@routes("GET", f"{REPO}/commits/{{ref:path}}/status")
def get_combined_status(call: Call) -> ApiResponse:
    """Read all statuses of a commit as one."""
    repo = call.repository
    commit = repo.find_commit(call.params["ref"])
    if commit is None:
        raise not_found()
    return ApiResponse(200, serializers.combined_status(commit.sha, repo, call.links))


@routes("GET", f"{REPO}/commits/{{ref:path}}/statuses")
def list_statuses(call: Call) -> ApiResponse:
    """List a commit's statuses, newest first."""
    repo, sha = call.repository, known_commit(call, call.params["ref"])
    statuses = [status for status in reversed(repo.statuses) if status.sha == sha]
    return call.page(statuses, lambda status: serializers.status(status, repo, call.links))


@routes("POST", f"{REPO}/statuses/{{sha}}", role="write")
def create_status(call: Call) -> ApiResponse:
    """Set a status of a commit."""
    repo, sha = call.repository, known_commit(call, call.params["sha"])
    state = call.choice("state", STATUS_STATES)
    if state is None:
        raise invalid_request('"state" wasn\'t supplied.')
    context = call.text("context", resource="Status") or "default"
    if sum(item.sha == sha and item.context == context for item in repo.statuses) >= MAX_STATUSES:
        # https://docs.github.com/rest/commits/statuses#create-a-commit-status
        message = "This SHA and context has reached the maximum number of statuses."
        raise validation_failed("Status", "base", "custom", message=message)
    description = call.text("description", resource="Status")
    if description is not None and len(description) > 140:
        raise validation_failed(
            "Status", "description", "custom", message="description is too long (maximum is 140 characters)"
        )
    status = repo.status(
        sha, context, state, by=call.actor, description=description,
        target_url=_url(call, "target_url", "Status", "Target url must use http(s) scheme"),
    )  # fmt: skip
    return ApiResponse(201, serializers.status(status, repo, call.links))


# Required checks


@routes("GET", f"{REPO}/branches/{{branch:path}}/protection/required_status_checks", role="admin", always=True)
def get_required_status_checks(call: Call) -> ApiResponse:
    """Read the checks that branch protection requires; administrators only."""
    repo, branch = call.repository, call.params["branch"]
    if branch not in repo.branches:
        raise ApiError(404, "Branch not found")
    rules = [rule for rule in repo.protections.get(branch, []) if rule.source == "protection"]
    if not rules:
        raise ApiError(404, "Branch not protected")
    contexts = [context for rule in rules for context in rule.required_checks]
    return ApiResponse(200, repository_serializers.required_status_checks(branch, contexts, repo, call.links))


@routes("GET", f"{REPO}/rules/branches/{{branch:path}}")
def list_branch_rules(call: Call) -> ApiResponse:
    """List the rulesets' rules for a branch."""
    return call.page(repository_serializers.ruleset_rules(call.params["branch"], call.repository), lambda rule: rule)
