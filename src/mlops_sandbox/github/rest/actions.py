"""Settings of Actions, secrets and variables, workflows, environments.

Permissions and roles are those of https://docs.github.com/rest/actions and /rest/deployments/environments; a job's token can
have neither `administration` nor `secrets` nor `actions_variables`.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from mlops_actions.core.types import Json
from mlops_sandbox.github.responses import ApiError, ApiResponse, not_found
from mlops_sandbox.github.rest.call import REPO, Call, Routes
from mlops_sandbox.github.serializers.accounts import node_id
from mlops_sandbox.timestamps import timestamp

routes = Routes()

_WORKFLOWS = ".github/workflows/"


@routes("GET", f"{REPO}/actions/permissions", "administration=read", role="admin", always=True)
def get_permissions(call: Call) -> ApiResponse:
    """Read whether Actions are enabled, and which."""
    settings = call.repository.actions_settings
    body: Json = {"enabled": settings.enabled, "sha_pinning_required": settings.sha_pinning_required}
    if settings.enabled:
        body["allowed_actions"] = settings.allowed_actions
        if settings.allowed_actions == "selected":
            path = (*_repository(call), "actions", "permissions", "selected-actions")
            body["selected_actions_url"] = call.links.api(*path)
    return ApiResponse(200, body)


@routes("GET", f"{REPO}/actions/permissions/selected-actions", "administration=read", role="admin", always=True)
def get_selected_actions(call: Call) -> ApiResponse:
    """Read which actions are allowed; 409 where not a selection is."""
    settings = call.repository.actions_settings
    if settings.allowed_actions != "selected":
        raise ApiError(409, "All actions are allowed on this repository")
    return ApiResponse(
        200,
        {
            "github_owned_allowed": settings.github_owned_allowed,
            "verified_allowed": False,
            "patterns_allowed": settings.patterns_allowed,
        },
    )


@routes("GET", f"{REPO}/actions/permissions/workflow", "administration=read", role="admin", always=True)
def get_workflow_permissions(call: Call) -> ApiResponse:
    """Read what the token of a job without `permissions:` may do."""
    level = call.repository.actions_settings.default_workflow_permissions
    return ApiResponse(200, {"default_workflow_permissions": level, "can_approve_pull_request_reviews": False})


@routes("GET", f"{REPO}/actions/secrets", "secrets=read", role="write", always=True)
def list_secrets(call: Call) -> ApiResponse:
    """List the names of the repository's secrets."""
    return _named(call, "secrets", ({"name": name} for name in sorted(call.repository.actions_settings.secrets)))


@routes("GET", f"{REPO}/actions/organization-secrets", "secrets=read", role="write", always=True)
def list_organization_secrets(call: Call) -> ApiResponse:
    """List the names of the organisation's secrets that the repository gets."""
    names = sorted(call.repository.actions_settings.organization_secrets)
    return _named(call, "secrets", ({"name": name} for name in names))


@routes("GET", f"{REPO}/actions/variables", "actions_variables=read", role="write", always=True)
def list_variables(call: Call) -> ApiResponse:
    """List the repository's variables."""
    variables = sorted(call.repository.actions_settings.variables.items())
    return _named(call, "variables", ({"name": name, "value": value} for name, value in variables))


@routes("GET", f"{REPO}/actions/organization-variables", "actions_variables=read", role="write", always=True)
def list_organization_variables(call: Call) -> ApiResponse:
    """List the organisation's variables that the repository gets."""
    variables = sorted(call.repository.actions_settings.organization_variables.items())
    return _named(call, "variables", ({"name": name, "value": value} for name, value in variables))


@routes("GET", f"{REPO}/actions/workflows/{{workflow}}", "actions=read")
def get_workflow(call: Call) -> ApiResponse:
    """Read a workflow by the name of its file on the default branch."""
    repo = call.repository
    path = f"{_WORKFLOWS}{call.params['workflow']}"
    tip = repo.find_commit(repo.default_branch)
    if tip is None or path not in tip.files:
        raise not_found()
    number, at = zlib.crc32(path.encode()), timestamp(repo.created_at)
    badge = call.links.web(repo.full_name, "actions", "workflows", call.params["workflow"], "badge.svg")
    return ApiResponse(
        200,
        {
            "id": number,
            "node_id": node_id("Workflow", number),
            "name": path,
            "path": path,
            "state": "disabled_manually" if path in repo.actions_settings.disabled_workflows else "active",
            "created_at": at,
            "updated_at": at,
            "url": call.links.api(*_repository(call), "actions", "workflows", number),
            "html_url": call.links.web(repo.full_name, "blob", repo.default_branch, path),
            "badge_url": badge,
        },
    )


@routes("GET", f"{REPO}/environments/{{environment}}", "actions=read")
def get_environment(call: Call) -> ApiResponse:
    """Read an environment with its protection rules."""
    repo, name = call.repository, call.params["environment"]
    rules = repo.actions_settings.environments.get(name)
    if rules is None:
        raise not_found()
    number, at = zlib.crc32(name.encode()), timestamp(repo.created_at)
    protection = [
        {"id": index, "node_id": node_id("Gate", index), "type": rule} for index, rule in enumerate(rules, start=1)
    ]
    return ApiResponse(
        200,
        {
            "id": number,
            "node_id": node_id("Environment", number),
            "name": name,
            "url": call.links.api(*_repository(call), "environments", name),
            "html_url": call.links.web(repo.full_name, "deployments", "activity_log"),
            "created_at": at,
            "updated_at": at,
            "protection_rules": protection,
            "deployment_branch_policy": None,
        },
    )


def _named(call: Call, key: str, items: Iterable[Json]) -> ApiResponse:
    at = timestamp(call.repository.created_at)
    return call.page(items, lambda item: {**item, "created_at": at, "updated_at": at}, within=key)


def _repository(call: Call) -> tuple[str, ...]:
    return ("repos", call.repository.full_name)
