"""GitHub Apps, their installations, and installation tokens."""

from __future__ import annotations

from mlops_actions.core.types import Json
from mlops_sandbox.github.accounts import LEVELS, App, Installation, User, normal_permissions
from mlops_sandbox.github.responses import ApiError, ApiResponse, invalid_request, not_found
from mlops_sandbox.github.rest.access import app_of
from mlops_sandbox.github.rest.call import REPO, Call, Routes
from mlops_sandbox.github.serializers import accounts as serializers
from mlops_sandbox.github.serializers.repository import repository as serialize_repository
from mlops_sandbox.timestamps import timestamp

routes = Routes()


def _app(call: Call) -> App:
    return app_of(call.state, call.params["credential"])


@routes("GET", "/app", authentication="jwt")
def get_app(call: Call) -> ApiResponse:
    """Read the App that signed the request."""
    return ApiResponse(200, serializers.app(_app(call), call.links))


@routes("GET", "/apps/{slug}")
def get_app_by_slug(call: Call) -> ApiResponse:
    """Read an App by its slug; 404 for a private one, except to its owner and to itself.

    https://docs.github.com/rest/apps/apps#get-an-app
    """
    app, token = call.state.apps.get(call.params["slug"]), call.token
    if app is None or (app.private and not (token and (token.app is app or _owns(call, token.actor, app)))):
        raise not_found()
    return ApiResponse(200, serializers.app(app, call.links))


def _owns(call: Call, account: User, app: App) -> bool:
    return account is app.owner or account in call.state.owners_of(app.owner)


@routes("GET", "/app/installations", authentication="jwt")
def list_installations(call: Call) -> ApiResponse:
    """List the installations of the App."""
    return call.page(_app(call).installations, lambda item: serializers.installation(item, call.links))


@routes("GET", "/app/installations/{installation:int}", authentication="jwt")
def get_installation(call: Call) -> ApiResponse:
    """Read an installation."""
    return ApiResponse(200, serializers.installation(_installation(call), call.links))


@routes("GET", f"{REPO}/installation", authentication="jwt")
def get_repository_installation(call: Call) -> ApiResponse:
    """Find the App's installation on a repository."""
    app, name = _app(call), call.repository.full_name
    installation = next((item for item in app.installations if item.covers(name)), None)
    if installation is None:
        raise not_found()
    return ApiResponse(200, serializers.installation(installation, call.links))


@routes("POST", "/app/installations/{installation:int}/access_tokens", authentication="jwt")
def create_installation_token(call: Call) -> ApiResponse:
    """Create a token, limited to the requested `repositories` and `permissions`; 422 for more than was granted."""
    installation = _installation(call)
    granted = {"metadata": "read", **installation.app.permissions}
    permissions = _requested_permissions(call) or granted
    for name, level in permissions.items():
        if LEVELS.index(level) > LEVELS.index(granted.get(name, "none")):
            raise ApiError(422, "The permissions requested are not granted to this installation.")
    names = _requested_repositories(call, installation)
    token = call.state.installation_token(installation, permissions, names)
    expires = token.expires_at
    document: Json = {
        "token": token.value,
        "expires_at": timestamp(expires) if expires else "",
        "permissions": permissions,
        "repository_selection": "all" if token.repositories is None else "selected",
    }
    if names is not None:
        selected = (call.state.find_repository(name) for name in sorted(names))
        document["repositories"] = [serialize_repository(repo, call.links) for repo in selected if repo]
    return ApiResponse(201, document)


def _requested_permissions(call: Call) -> dict[str, str]:
    """Return the permissions of the body; none means all that were granted."""
    permissions = call.body.get("permissions") or {}
    if not isinstance(permissions, dict):
        raise invalid_request("permissions is an object.")
    try:
        return normal_permissions(permissions)
    except ValueError as error:
        raise invalid_request(str(error)) from None


def _requested_repositories(call: Call, installation: Installation) -> frozenset[str] | None:
    names, ids = call.body.get("repositories"), call.body.get("repository_ids")
    if names is None and ids is None:
        return None
    if not isinstance(names or [], list) or not isinstance(ids or [], list):
        raise invalid_request("repositories and repository_ids are arrays.")
    requested = {f"{installation.account.login}/{name}" for name in names or []}
    names_by_id = {repo.id: repo.full_name for repo in call.state.repositories.values() if not repo.deleted}
    requested |= {names_by_id.get(number, f"?/{number}") for number in ids or []}
    if not all(installation.covers(name) and call.state.find_repository(name) for name in requested):
        raise ApiError(
            422, "There is at least one repository that does not exist or is not accessible to the parent installation."
        )
    return frozenset(requested)


def _installation(call: Call) -> Installation:
    number = call.number("installation")
    installation = next((item for item in _app(call).installations if item.id == number), None)
    if installation is None:
        raise not_found()
    return installation


@routes("GET", "/installation/repositories")
def list_installation_repositories(call: Call) -> ApiResponse:
    """List the repositories of an installation's token."""
    token = call.token
    if token is None or token.permissions is None:
        raise ApiError(403, "You must authenticate with an installation access token in order to list repositories.")
    names = token.repositories
    reachable = [
        repo
        for repo in call.state.repositories.values()
        if not repo.deleted and (repo.full_name in names if names is not None else token.installation is not None
                                 and token.installation.covers(repo.full_name))
    ]  # fmt: skip
    return call.page(reachable, lambda repo: serialize_repository(repo, call.links), within="repositories")
