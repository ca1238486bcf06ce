"""GitHub Apps: who they are, where they are installed, and the tokens they act by."""

from __future__ import annotations

from mlops_sandbox.github.accounts import LEVELS, App, Installation, normal_permissions
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


@routes("GET", "/app/installations", authentication="jwt")
def list_installations(call: Call) -> ApiResponse:
    """List where the App is installed."""
    return call.page(_app(call).installations, lambda item: serializers.installation(item, call.links))


@routes("GET", "/app/installations/{installation:int}", authentication="jwt")
def get_installation(call: Call) -> ApiResponse:
    """Read an installation."""
    return ApiResponse(200, serializers.installation(_installation(call), call.links))


@routes("GET", f"{REPO}/installation", authentication="jwt")
def get_repository_installation(call: Call) -> ApiResponse:
    """Find the App's installation on a repository."""
    app, name = _app(call), call.repository.full_name
    found = next((item for item in app.installations if item.covers(name)), None)
    if found is None:
        raise not_found()
    return ApiResponse(200, serializers.installation(found, call.links))


@routes("POST", "/app/installations/{installation:int}/access_tokens", authentication="jwt")
def create_installation_token(call: Call) -> ApiResponse:
    """Mint a token, narrowed to the `repositories` and `permissions` asked for; 422 for more than there is."""
    installation = _installation(call)
    granted = {"metadata": "read", **installation.app.permissions}
    permissions = _asked(call) or granted
    for name, level in permissions.items():
        if LEVELS.index(level) > LEVELS.index(granted.get(name, "none")):
            raise ApiError(422, "The permissions requested are not granted to this installation.")
    reach = _reach(call, installation)
    token = call.state.installation_token(installation, permissions, reach)
    expires = token.expires_at
    answer: dict[str, object] = {
        "token": token.value,
        "expires_at": timestamp(expires) if expires else "",
        "permissions": permissions,
        "repository_selection": "all" if token.repositories is None else "selected",
    }
    if reach is not None:
        found = (call.state.find_repository(name) for name in sorted(reach))
        answer["repositories"] = [serialize_repository(repo, call.links) for repo in found if repo]
    return ApiResponse(201, answer)


def _asked(call: Call) -> dict[str, str]:
    """Return the permissions of the body; none at all stands for everything that was granted."""
    asked = call.body.get("permissions") or {}
    if not isinstance(asked, dict):
        raise invalid_request("permissions is an object.")
    try:
        return normal_permissions(asked)
    except ValueError as error:
        raise invalid_request(str(error)) from None


def _reach(call: Call, installation: Installation) -> frozenset[str] | None:
    names, ids = call.body.get("repositories"), call.body.get("repository_ids")
    if names is None and ids is None:
        return None
    if not isinstance(names or [], list) or not isinstance(ids or [], list):
        raise invalid_request("repositories and repository_ids are arrays.")
    wanted = {f"{installation.account.login}/{name}" for name in names or []}
    known = {repo.id: repo.full_name for repo in call.state.repositories.values() if not repo.deleted}
    wanted |= {known.get(one, f"?/{one}") for one in ids or []}
    if not all(installation.covers(name) and call.state.find_repository(name) for name in wanted):
        raise ApiError(
            422, "There is at least one repository that does not exist or is not accessible to the parent installation."
        )
    return frozenset(wanted)


def _installation(call: Call) -> Installation:
    found = next((one for one in _app(call).installations if one.id == call.number("installation")), None)
    if found is None:
        raise not_found()
    return found


@routes("GET", "/installation/repositories", "metadata=read")
def list_installation_repositories(call: Call) -> ApiResponse:
    """List what an installation's token reaches."""
    token = call.token
    if token is None or token.permissions is None:
        raise ApiError(403, "You must authenticate with an installation access token in order to list repositories.")
    names = token.repositories
    found = [
        repo
        for repo in call.state.repositories.values()
        if not repo.deleted and (repo.full_name in names if names is not None else token.installation is not None
                                 and token.installation.covers(repo.full_name))
    ]  # fmt: skip
    return call.page(found, lambda repo: serialize_repository(repo, call.links), within="repositories")
