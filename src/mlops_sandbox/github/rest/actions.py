"""Settings of Actions, secrets and variables, workflows.

Permissions and roles are those of https://docs.github.com/rest/actions; a job's token can
have neither `administration` nor `secrets` nor `actions_variables`.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any, cast

from mlops_actions.core.types import Json
from mlops_sandbox.github.actions_settings import FORK_WORKFLOWS
from mlops_sandbox.github.responses import ApiError, ApiResponse, invalid_request, not_found
from mlops_sandbox.github.rest.call import REPO, Call, Routes
from mlops_sandbox.github.serializers.accounts import node_id
from mlops_sandbox.timestamps import timestamp

routes = Routes()

_WORKFLOWS = ".github/workflows/"


@routes("GET", f"{REPO}/actions/permissions", role="admin", always=True)
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


@routes("GET", f"{REPO}/actions/permissions/selected-actions", role="admin", always=True)
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


@routes("GET", f"{REPO}/actions/permissions/workflow", role="admin", always=True)
def get_workflow_permissions(call: Call) -> ApiResponse:
    """Read what the token of a job without `permissions:` may do."""
    level = call.repository.actions_settings.default_workflow_permissions
    return ApiResponse(200, {"default_workflow_permissions": level, "can_approve_pull_request_reviews": False})


@routes("GET", f"{REPO}/actions/secrets", role="write", always=True)
def list_secrets(call: Call) -> ApiResponse:
    """List the names of the repository's secrets."""
    return _named(call, "secrets", ({"name": name} for name in sorted(call.repository.actions_settings.secrets)))


@routes("GET", f"{REPO}/actions/organization-secrets", role="write", always=True)
def list_organization_secrets(call: Call) -> ApiResponse:
    """List the names of the organisation's secrets that the repository gets."""
    names = sorted(call.repository.actions_settings.organization_secrets)
    return _named(call, "secrets", ({"name": name} for name in names))


@routes("GET", f"{REPO}/actions/variables", role="write", always=True)
def list_variables(call: Call) -> ApiResponse:
    """List the repository's variables."""
    variables = sorted(call.repository.actions_settings.variables.items())
    return _named(call, "variables", ({"name": name, "value": value} for name, value in variables))


@routes("GET", f"{REPO}/actions/organization-variables", role="write", always=True)
def list_organization_variables(call: Call) -> ApiResponse:
    """List the organisation's variables that the repository gets."""
    variables = sorted(call.repository.actions_settings.organization_variables.items())
    return _named(call, "variables", ({"name": name, "value": value} for name, value in variables))


@routes("GET", f"{REPO}/actions/workflows/{{workflow}}")
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


@routes("PUT", f"{REPO}/actions/permissions", role="admin", always=True)
def set_permissions(call: Call) -> ApiResponse:
    """Enable Actions, and set which."""
    settings = call.repository.actions_settings
    if not isinstance(call.body.get("enabled"), bool):
        raise invalid_request('"enabled" wasn\'t supplied.')
    settings.enabled = call.body["enabled"]
    allowed = call.choice("allowed_actions", ("all", "local_only", "selected"))
    settings.allowed_actions = cast(Any, allowed) or settings.allowed_actions
    return ApiResponse(204)


@routes("PUT", f"{REPO}/actions/permissions/selected-actions", role="admin", always=True)
def set_selected_actions(call: Call) -> ApiResponse:
    """Set which actions are allowed; 409 where not a selection is."""
    settings = call.repository.actions_settings
    if settings.allowed_actions != "selected":
        raise ApiError(409, "Allowed actions are not a selection on this repository")
    settings.github_owned_allowed = bool(call.body.get("github_owned_allowed"))
    settings.patterns_allowed = list(call.body.get("patterns_allowed") or [])
    return ApiResponse(204)


@routes("GET", f"{REPO}/actions/permissions/fork-pr-contributor-approval", role="admin", always=True)
def get_fork_approval(call: Call) -> ApiResponse:
    """Read which contributors' workflows need an approval; 404 in a private repository."""
    if call.repository.private:
        raise not_found()
    return ApiResponse(200, {"approval_policy": call.repository.actions_settings.fork_approval})


_FORK_WORKFLOWS = f"{REPO}/actions/permissions/fork-pr-workflows-private-repos"


@routes("GET", _FORK_WORKFLOWS, role="admin", always=True)
def get_fork_workflows(call: Call) -> ApiResponse:
    """Read what workflows of forks get; 403 in a public repository."""
    if not call.repository.private:
        raise ApiError(403, "This setting is only available for private repositories.")
    return ApiResponse(200, dict(call.repository.actions_settings.fork_workflows))


@routes("PUT", _FORK_WORKFLOWS, role="admin", always=True)
def set_fork_workflows(call: Call) -> ApiResponse:
    """Set what workflows of forks get."""
    if not isinstance(call.body.get("run_workflows_from_fork_pull_requests"), bool):
        raise invalid_request('"run_workflows_from_fork_pull_requests" wasn\'t supplied.')
    given = {name: call.body[name] for name in FORK_WORKFLOWS if isinstance(call.body.get(name), bool)}
    call.repository.actions_settings.fork_workflows |= given
    return ApiResponse(204)


@routes("GET", f"{REPO}/actions/permissions/access", role="admin", always=True)
def get_access(call: Call) -> ApiResponse:
    """Read which other repositories may use a private repository's actions; 422 for a public one."""
    if not call.repository.private:
        raise ApiError(422, "Access policy only applies to internal and private repositories.")
    return ApiResponse(200, {"access_level": call.repository.actions_settings.access_level})


@routes("PUT", f"{REPO}/actions/permissions/access", role="admin", always=True)
def set_access(call: Call) -> ApiResponse:
    """Set which other repositories may use a private repository's actions."""
    level = call.choice("access_level", ("none", "user", "organization"))
    call.repository.actions_settings.access_level = cast(Any, level)
    return ApiResponse(204)


@routes("PUT", f"{REPO}/actions/workflows/{{workflow}}/enable", role="write", always=True)
def enable_workflow(call: Call) -> ApiResponse:
    """Enable a workflow by the name of its file."""
    call.repository.actions_settings.disabled_workflows.discard(f"{_WORKFLOWS}{call.params['workflow']}")
    return ApiResponse(204)


@routes("POST", f"{REPO}/actions/variables", role="write", always=True)
def create_variable(call: Call) -> ApiResponse:
    """Create a variable; 409 where it exists."""
    variables = call.repository.actions_settings.variables
    name = (call.text("name", resource="Variable", required=True) or "").upper()
    if name in variables:
        raise ApiError(409, "Already exists - Variable already exists")
    variables[name] = call.text("value", resource="Variable", required=True) or ""
    return ApiResponse(201, {})


def _named(call: Call, key: str, items: Iterable[Json]) -> ApiResponse:
    at = timestamp(call.repository.created_at)
    return call.page(items, lambda item: {**item, "created_at": at, "updated_at": at}, within=key)


def _repository(call: Call) -> tuple[str, ...]:
    return ("repos", call.repository.full_name)
