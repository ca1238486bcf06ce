"""Accounts, roles, teams, rate limits."""

from __future__ import annotations

from mlops_sandbox.github.people import Team, User, role_flags
from mlops_sandbox.github.rest.call import Answer, ApiError, Call, Routes, not_found
from mlops_sandbox.github.rest.discussions import REPO
from mlops_sandbox.github.shapes import people as shapes

routes = Routes()

# The role's name as the older field `permission` writes it, which folds the finer roles into coarser ones.
FOLDED = {"maintain": "write", "triage": "read"}


@routes("GET", "/user")
def get_authenticated_user(call: Call) -> Answer:
    """Read who a person's token stands for; no other token may."""
    if call.token is not None and call.token.permissions is not None:
        raise ApiError(403, "Resource not accessible by integration")
    return Answer(200, shapes.public_user(call.actor, call.links))


@routes("GET", "/users/{login}")
def get_user(call: Call) -> Answer:
    """Read an account."""
    return Answer(200, shapes.public_user(_user(call, "login"), call.links))


@routes("GET", f"{REPO}/collaborators/{{username}}/permission", "metadata=read", role="write", always=True)
def get_collaborator_permission(call: Call) -> Answer:
    """Read what an account may do here."""
    repo, user = call.repository, _user(call, "username")
    name, base = repo.role_of(user)
    return Answer(
        200,
        {
            "permission": FOLDED.get(base, base),
            "role_name": name,
            "user": shapes.user(user, call.links) | {"permissions": role_flags(base), "role_name": name},
        },
    )


@routes("GET", f"{REPO}/collaborators/{{username}}", "metadata=read", role="write", always=True)
def check_collaborator(call: Call) -> Answer:
    """Tell whether an account is a collaborator."""
    repo, user = call.repository, _user(call, "username")
    held = user.login.lower() in repo.collaborators or repo.role_of(user)[1] not in ("none", "read")
    if not held:
        raise not_found()
    return Answer(204)


@routes("GET", "/orgs/{org}/teams/{team}", "members=read")
def get_team(call: Call) -> Answer:
    """Read a team."""
    return Answer(200, shapes.team(_team(call), call.links))


@routes("GET", "/orgs/{org}/teams/{team}/memberships/{username}", "members=read")
def get_team_membership(call: Call) -> Answer:
    """Read an account's membership; child teams count."""
    team = _team(call)
    user = _user(call, "username")
    login = user.login.lower()
    if login in team.pending:
        return Answer(200, shapes.membership(team, user, "member", "pending", call.links))
    role = team.membership(login)
    if role is None:
        raise not_found()
    return Answer(200, shapes.membership(team, user, role, "active", call.links))


def _team(call: Call) -> Team:
    if call.token is None:
        raise ApiError(401, "Requires authentication")
    team = call.world.teams.get((call.params["org"].lower(), call.params["team"]))
    if team is None:
        raise not_found()
    return team


def _user(call: Call, name: str) -> User:
    user = call.world.users.get(call.params[name].lower())
    if user is None:
        raise not_found()
    return user


@routes("GET", "/rate_limit", authentication="none")
def get_rate_limit(call: Call) -> Answer:
    """Read what is left of the hour."""
    return Answer(200, call.world.limits.overview(call.token))
