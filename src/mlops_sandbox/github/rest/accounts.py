"""Accounts, roles, teams, rate limits."""

from __future__ import annotations

from mlops_sandbox.github.accounts import Team, User, role_flags
from mlops_sandbox.github.responses import ApiError, ApiResponse, not_found
from mlops_sandbox.github.rest.call import REPO, Call, Routes
from mlops_sandbox.github.serializers import accounts as serializers

routes = Routes()

# The older field `permission` writes finer roles as coarser ones.
COARSE_ROLES = {"maintain": "write", "triage": "read"}


@routes("GET", "/user")
def get_authenticated_user(call: Call) -> ApiResponse:
    """Read the account of a user's token."""
    return ApiResponse(200, serializers.public_user(call.actor, call.links))


@routes("GET", "/user/{account:int}")
def get_user_by_id(call: Call) -> ApiResponse:
    """Read an account by the id that it keeps.

    https://docs.github.com/rest/users/users#get-a-user-using-their-id
    """
    user = next((user for user in call.state.users.values() if user.id == call.number("account")), None)
    if user is None:
        raise not_found()
    return ApiResponse(200, serializers.public_user(user, call.links))


@routes("GET", "/users/{login}")
def get_user(call: Call) -> ApiResponse:
    """Read an account."""
    return ApiResponse(200, serializers.public_user(_user(call, "login"), call.links))


@routes("GET", f"{REPO}/collaborators/{{username}}/permission", role="write", always=True)
def get_collaborator_permission(call: Call) -> ApiResponse:
    """Read the role of an account."""
    repo, user = call.repository, _user(call, "username")
    name, base = repo.role_of(user)
    return ApiResponse(
        200,
        {
            "permission": COARSE_ROLES.get(base, base),
            "role_name": name,
            "user": serializers.user(user, call.links) | {"permissions": role_flags(base), "role_name": name},
        },
    )


@routes("GET", f"{REPO}/collaborators/{{username}}", role="write", always=True)
def check_collaborator(call: Call) -> ApiResponse:
    """Answer 204 where an account is a collaborator."""
    repo, user = call.repository, _user(call, "username")
    is_collaborator = user in repo.collaborators or repo.role_of(user)[1] not in ("none", "read")
    if not is_collaborator:
        raise not_found()
    return ApiResponse(204)


@routes("GET", "/orgs/{org}/teams/{team}")
def get_team(call: Call) -> ApiResponse:
    """Read a team."""
    return ApiResponse(200, serializers.team(_team(call), call.links))


@routes("GET", "/orgs/{org}/teams/{team}/memberships/{username}")
def get_team_membership(call: Call) -> ApiResponse:
    """Read an account's membership; child teams count."""
    team = _team(call)
    user = _user(call, "username")
    if user in team.pending:
        return ApiResponse(200, serializers.membership(team, user, "member", "pending", call.links))
    role = team.membership(user)
    if role is None:
        raise not_found()
    return ApiResponse(200, serializers.membership(team, user, role, "active", call.links))


def _team(call: Call) -> Team:
    if call.token is None:
        raise ApiError(401, "Requires authentication")
    team = call.state.teams.get((call.params["org"].lower(), call.params["team"]))
    if team is None:
        raise not_found()
    return team


def _user(call: Call, name: str) -> User:
    user = call.state.users.get(call.params[name].lower())
    if user is None:
        raise not_found()
    return user


@routes("GET", "/rate_limit", authentication="none")
def get_rate_limit(call: Call) -> ApiResponse:
    """Read the state of the rate limits."""
    return ApiResponse(200, call.state.limits.overview(call.token))
