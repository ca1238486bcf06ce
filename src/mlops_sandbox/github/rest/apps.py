"""GitHub Apps: who they are, where they are installed, and the tokens they act by."""

from __future__ import annotations

from mlops_sandbox.github.clock import stamp
from mlops_sandbox.github.people import LEVELS, App, Installation, normal_permissions
from mlops_sandbox.github.rest.access import app_of
from mlops_sandbox.github.rest.call import Answer, ApiError, Call, Routes, not_found, refused_body
from mlops_sandbox.github.rest.discussions import REPO
from mlops_sandbox.github.shapes import people as shapes
from mlops_sandbox.github.shapes.repository import repository as repository_shape

routes = Routes()


def _app(call: Call) -> App:
    return app_of(call.world, call.params["credential"])


@routes("GET", "/app", authentication="jwt")
def get_app(call: Call) -> Answer:
    """Read the App that signed the request."""
    return Answer(200, shapes.app(_app(call), call.links))


@routes("GET", "/app/installations", authentication="jwt")
def list_installations(call: Call) -> Answer:
    """List where the App is installed."""
    return call.page(_app(call).installations, lambda item: shapes.installation(item, call.links))


@routes("GET", "/app/installations/{installation:int}", authentication="jwt")
def get_installation(call: Call) -> Answer:
    """Read an installation."""
    return Answer(200, shapes.installation(_installation(call), call.links))


@routes("GET", f"{REPO}/installation", authentication="jwt")
def get_repository_installation(call: Call) -> Answer:
    """Find the App's installation on a repository."""
    app, name = _app(call), call.repository.full_name
    found = next((item for item in app.installations if item.covers(name)), None)
    if found is None:
        raise not_found()
    return Answer(200, shapes.installation(found, call.links))


@routes("POST", "/app/installations/{installation:int}/access_tokens", authentication="jwt")
def create_installation_token(call: Call) -> Answer:
    """Mint a token, narrowed to the `repositories` and `permissions` asked for; 422 for more than there is."""
    installation = _installation(call)
    granted = {"metadata": "read", **installation.app.permissions}
    permissions = _asked(call) or granted
    for name, level in permissions.items():
        if LEVELS.index(level) > LEVELS.index(granted.get(name, "none")):
            raise ApiError(422, "The permissions requested are not granted to this installation.")
    reach = _reach(call, installation)
    token = call.world.installation_token(installation, permissions, reach)
    expires = token.expires_at
    answer: dict[str, object] = {
        "token": token.value,
        "expires_at": stamp(expires) if expires else "",
        "permissions": permissions,
        "repository_selection": "all" if token.repositories is None else "selected",
    }
    if reach is not None:
        found = (call.world.find_repository(name) for name in sorted(reach))
        answer["repositories"] = [repository_shape(repo, call.links) for repo in found if repo]
    return Answer(201, answer)


def _asked(call: Call) -> dict[str, str]:
    """Return the permissions of the body; none at all stands for everything that was granted."""
    asked = call.body.get("permissions") or {}
    if not isinstance(asked, dict):
        raise refused_body("permissions is an object.")
    try:
        return normal_permissions(asked)
    except ValueError as error:
        raise refused_body(str(error)) from None


def _reach(call: Call, installation: Installation) -> frozenset[str] | None:
    names, ids = call.body.get("repositories"), call.body.get("repository_ids")
    if names is None and ids is None:
        return None
    if not isinstance(names or [], list) or not isinstance(ids or [], list):
        raise refused_body("repositories and repository_ids are arrays.")
    wanted = {f"{installation.account.login}/{name}" for name in names or []}
    known = {repo.id: repo.full_name for repo in call.world.repositories.values() if not repo.deleted}
    wanted |= {known.get(one, f"?/{one}") for one in ids or []}
    if not all(installation.covers(name) and call.world.find_repository(name) for name in wanted):
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
def list_installation_repositories(call: Call) -> Answer:
    """List what an installation's token reaches."""
    token = call.token
    if token is None or token.permissions is None:
        raise ApiError(403, "You must authenticate with an installation access token in order to list repositories.")
    names = token.repositories
    found = [
        repo
        for repo in call.world.repositories.values()
        if not repo.deleted and (repo.full_name in names if names is not None else token.installation is not None
                                 and token.installation.covers(repo.full_name))
    ]  # fmt: skip
    return call.page(found, lambda repo: repository_shape(repo, call.links), within="repositories")
