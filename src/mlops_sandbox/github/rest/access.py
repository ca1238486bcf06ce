"""Authentication and authorization of requests by tokens, roles and permissions, with GitHub's refusals."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Literal

from mlops_sandbox.github.accounts import App, Token, rank
from mlops_sandbox.github.permissions import NO_INSTALLATION, OBSERVED, PERMISSIONLESS, Observation
from mlops_sandbox.github.repository import PullRequest
from mlops_sandbox.github.responses import ApiError, not_found
from mlops_sandbox.github.rest.call import Call, Route, operation_key
from mlops_sandbox.github.state import GitHubState


def credential(authorization: str | None) -> str | None:
    """Return the value after `token` or `Bearer` in the header, None without a header."""
    if not authorization:
        return None
    scheme, _, value = authorization.partition(" ")
    return value.strip() if scheme.lower() in ("token", "bearer") else authorization


def token_of(state: GitHubState, value: str | None) -> Token | None:
    """Return the token; raises 401 for an unknown or expired one."""
    if value is None:
        return None
    token = state.tokens.get(value)
    if token is None or (token.expires_at is not None and token.expires_at <= datetime.now(UTC)):
        raise ApiError(401, "Bad credentials")
    return token


def app_of(state: GitHubState, value: str | None) -> App:
    """Check an App's JSON web token (RS256, at most ten minutes); raises 401 with GitHub's message."""
    if value is None:
        raise ApiError(401, "A JSON web token could not be decoded")
    import jwt

    try:
        unverified = jwt.decode(value, options={"verify_signature": False, "verify_iat": False, "verify_exp": False})
        app = next((app for app in state.apps.values() if str(app.id) == str(unverified.get("iss"))), None)
        if app is None or not app.public_key:
            raise ApiError(401, "Integration not found")
        claims = jwt.decode(value, app.public_key, algorithms=["RS256"], options={"verify_iss": False}, leeway=5)
    except jwt.ExpiredSignatureError:
        raise ApiError(
            401,
            "'Expiration time' claim ('exp') must be a numeric value representing the future "
            "time at which the assertion expires",
        ) from None
    except jwt.PyJWTError:
        raise ApiError(401, "A JSON web token could not be decoded") from None
    life = claims.get("exp", 0) - claims.get("iat", 0)
    if claims.get("exp", 0) - datetime.now(UTC).timestamp() > 605 or life > 665:
        raise ApiError(401, "'Expiration time' claim ('exp') is too far in the future")
    return app


def authorise(call: Call) -> None:
    """Raise 401, 403 or 404, as GitHub does, where the token may not make the call."""
    route, token = call.route, call.token
    if route.authentication != "token":
        return
    if token is None and route.method != "GET":
        raise ApiError(401, "Requires authentication")
    if "repo" not in call.params:
        if token is not None and token.permissions is not None and not is_granted(token, route.published):
            raise _inaccessible(route)
        return
    repository = call.repository
    if token is None:
        if repository.private:
            raise not_found()
        if route.always:
            raise ApiError(401, "Requires authentication")
    elif token.permissions is None:
        _authorise_person(call, token)
    else:
        _authorise_app(call, token)


def authorise_label_creation(call: Call) -> None:
    """Raise 403 where the token may use the labels that a repository has, but create none.

    That takes `issues: write`, also where the label is for a pull request, and a person's role `write`.
    https://github.com/actions/labeler/issues/870
    https://docs.github.com/organizations/managing-user-access-to-your-organizations-repositories/repository-roles
    """
    token = call.token
    if token is None or token.permissions is None:
        may_create = rank(call.repository.role_of(call.actor)[1]) >= rank("write")
    else:
        may_create = token.allows("issues", "write")
    if not may_create:
        raise ApiError(
            403,
            "You do not have permission to create labels on this repository.",
            [{"resource": "Repository", "field": "label", "code": "unauthorized"}],
            headers=accepted_header(call.route),
        )


def authorise_workflow_files(call: Call) -> None:
    """Raise where the token may write contents, but no workflow files: 403 for an App, 404 for a token with scopes.

    A job's own token never has `workflows`.
    https://docs.github.com/rest/authentication/permissions-required-for-github-apps#repository-permissions-for-workflows
    https://github.com/starhaven-io/pinprick/pull/195, https://github.com/octokit/octokit.rb/issues/1184
    """
    token = call.token
    if token is not None and token.permissions is not None and not token.allows("workflows", "write"):
        raise _inaccessible(call.route)
    if token is not None and token.scopes is not None and "workflow" not in token.scopes:
        raise not_found()


def _authorise_person(call: Call, token: Token) -> None:
    route, repository = call.route, call.repository
    role = repository.role_of(token.actor)[1]
    if role == "none":
        raise not_found()
    # https://docs.github.com/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps
    if token.scopes is not None and "repo" not in token.scopes and (repository.private or route.always):
        raise not_found()
    if route.only_app_tokens:
        raise ApiError(403, "You must authenticate via a GitHub App.")
    if rank(role) < rank(route.role):
        raise ApiError(403, "Must have admin rights to Repository.")


def _authorise_app(call: Call, token: Token) -> None:
    route, repository = call.route, call.repository
    is_reachable = (
        repository.full_name in token.repositories
        if token.repositories is not None
        else (token.installation is not None and token.installation.covers(repository.full_name))
    )
    public_read = route.method == "GET" and not repository.private and not route.always
    if not is_reachable:
        if public_read:
            return
        raise not_found() if repository.private else _inaccessible(route)
    if public_read:
        return
    if not is_granted(token, _needed(call)):
        raise _inaccessible(route)


def _needed(call: Call) -> str:
    """Return the permissions that a call takes in practice: the published ones, unless GitHub is seen to ask for others.

    On an issue that is no pull request, `pull_requests` grants nothing.
    https://github.com/actions/github-script/pull/488
    """
    published, subject = call.route.published, _subject(call)
    observation = _observed().get(call.route.operation)
    if observation is not None and observation.subject in ("", subject):
        return observation.permissions
    if subject == "issue":
        alternatives = [one for one in published.split("; ") if not one.startswith("pull_requests=")]
        return "; ".join(alternatives)
    return published


@cache
def _observed() -> dict[str, Observation]:
    return {operation_key(operation): observation for operation, observation in OBSERVED.items()}


def _subject(call: Call) -> Literal["", "issue", "pull"]:
    issues = call.repository.issues
    if "number" in call.params:
        issue = issues.get(call.number("number"))
    elif "comment" in call.params:
        number = call.number("comment")
        containing = (issue for issue in issues.values() if any(comment.id == number for comment in issue.comments))
        issue = next(containing, None)
    else:
        return ""
    return "" if issue is None else "pull" if isinstance(issue, PullRequest) else "issue"


def is_granted(token: Token, permissions: str) -> bool:
    """Return whether a token has one of the alternatives of a header `X-Accepted-GitHub-Permissions`, as a whole."""
    if permissions in (PERMISSIONLESS, NO_INSTALLATION):
        return permissions == PERMISSIONLESS
    return any(
        all(token.allows(*permission.split("=", 1)) for permission in alternative.split(","))
        for alternative in permissions.split("; ")
    )


def accepted_header(route: Route) -> dict[str, str]:
    """Return the header that names the permissions of an operation; GitHub sends it with refusals and with answers."""
    return {"X-Accepted-GitHub-Permissions": route.published} if route.published != NO_INSTALLATION else {}


def _inaccessible(route: Route) -> ApiError:
    return ApiError(403, "Resource not accessible by integration", headers=accepted_header(route))
