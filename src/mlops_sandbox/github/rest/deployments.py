"""Deployments and their statuses."""

from __future__ import annotations

import re
from typing import Any

from mlops_sandbox.github.checks import DEPLOYMENT_STATES, PASSING, Deployment
from mlops_sandbox.github.responses import ApiError, ApiResponse, invalid_request, not_found, validation_failed
from mlops_sandbox.github.rest.call import REPO, Call, Routes
from mlops_sandbox.github.serializers import checks as serializers

routes = Routes()


@routes("GET", f"{REPO}/deployments")
def list_deployments(call: Call) -> ApiResponse:
    """List deployments, newest first."""
    repo = call.repository
    filters = {name: call.query.get(name) for name in ("sha", "ref", "task", "environment")}
    deployments = [
        item
        for item in sorted(repo.deployments.values(), key=lambda item: -item.id)
        if all(value in (None, getattr(item, name)) for name, value in filters.items())
    ]
    return call.page(deployments, lambda item: serializers.deployment(item, repo, call.links))


@routes("POST", f"{REPO}/deployments", role="write")
def create_deployment(call: Call) -> ApiResponse:
    """Create a deployment; 409 where a check of the commit has not passed, unless `required_contexts` excludes it."""
    repo = call.repository
    ref = call.text("ref", resource="Deployment", required=True) or ""
    commit = repo.find_commit(ref)
    if commit is None:
        raise ApiError(422, f"No ref found for: {ref}")
    if conflicts := _not_passed(call, commit.sha):
        raise ApiError(
            409,
            f"Conflict: Commit status checks failed for {ref}.",
            [{"contexts": conflicts, "resource": "Deployment", "field": "required_contexts", "code": "invalid"}],
        )
    payload: Any = call.body.get("payload") or {}
    if not isinstance(payload, dict | str):
        raise invalid_request("For 'properties/payload', the value is neither an object nor a string.")
    description = call.text("description", resource="Deployment")
    deployment = repo.deploy(
        commit.sha, call.text("environment", resource="Deployment") or "production", by=call.actor, ref=ref,
        task=call.text("task", resource="Deployment") or "deploy", payload=payload, description=description,
        app=call.token.app if call.token else None, transient=bool(call.body.get("transient_environment", False)),
        production=call.body.get("production_environment"),
    )  # fmt: skip
    return ApiResponse(201, serializers.deployment(deployment, repo, call.links))


def _not_passed(call: Call, sha: str) -> list[str]:
    repo, required = call.repository, call.body.get("required_contexts")
    if required == []:
        return []
    runs = [run for suite in repo.check_suites.values() if suite.head_sha == sha for run in repo.latest_runs(suite)]
    outcome = {run.name: run.conclusion in PASSING for run in runs}
    outcome |= {status.context: status.state == "success" for status in repo.latest_statuses(sha)}
    names = outcome if required is None else required
    return [name for name in names if not outcome.get(name, False)]


@routes("GET", f"{REPO}/deployments/{{deployment:int}}")
def get_deployment(call: Call) -> ApiResponse:
    """Read a deployment."""
    return ApiResponse(200, serializers.deployment(_deployment(call), call.repository, call.links))


@routes("GET", f"{REPO}/deployments/{{deployment:int}}/statuses")
def list_deployment_statuses(call: Call) -> ApiResponse:
    """List a deployment's statuses, newest first."""
    parent = _deployment(call)
    return call.page(
        reversed(parent.statuses), lambda item: serializers.deployment_status(item, parent, call.repository, call.links)
    )


@routes("POST", f"{REPO}/deployments/{{deployment:int}}/statuses", role="write")
def create_deployment_status(call: Call) -> ApiResponse:
    """Add a status to a deployment."""
    repo, parent = call.repository, _deployment(call)
    state = call.choice("state", DEPLOYMENT_STATES)
    if state is None:
        raise invalid_request('"state" wasn\'t supplied.')
    fields = {
        name: text
        for name in ("description", "environment", "environment_url", "log_url")
        if (text := call.text(name, resource="DeploymentStatus"))
    }
    if target := call.text("target_url", resource="DeploymentStatus"):
        fields.setdefault("log_url", target)
    if (address := fields.get("environment_url")) and not re.match(r"https?://[^/?#\s]", address):
        raise validation_failed("DeploymentStatus", "environment_url", "custom",
                      message="environment_url must use http(s) scheme")  # fmt: skip
    if len(fields.get("description", "")) > 140:
        raise validation_failed("DeploymentStatus", "description", "custom",
                      message="description is too long (maximum is 140 characters)")  # fmt: skip
    auto_inactive = bool(call.body.get("auto_inactive", True))
    app = call.token.app if call.token else None
    status = repo.deployment_status(parent, state, by=call.actor, auto_inactive=auto_inactive, app=app, **fields)
    return ApiResponse(201, serializers.deployment_status(status, parent, repo, call.links))


def _deployment(call: Call) -> Deployment:
    deployment = call.repository.deployments.get(call.number("deployment"))
    if deployment is None:
        raise not_found()
    return deployment
