"""Authentication and authorization of requests by tokens, roles and permissions, with GitHub's refusals."""

from __future__ import annotations

from datetime import UTC, datetime

from mlops_sandbox.github.accounts import App, Token, rank
from mlops_sandbox.github.repository import PullRequest
from mlops_sandbox.github.responses import ApiError, not_found
from mlops_sandbox.github.rest.call import Call, Route
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
        if token is not None and token.permissions is not None and not _has_any(token, route.needs):
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
    if not _has_any(token, _needs(call)):
        raise _inaccessible(route)


def _needs(call: Call) -> tuple[str, ...]:
    """Return the permissions of which one is needed for an issue or for a pull request.

    GitHub's documentation accepts `issues` or `pull_requests` where the two share an operation. In practice GitHub refuses
    a reaction to a comment on a pull request to a token with `issues: write` alone (reports of 2026), and grants nothing on
    a plain issue for `pull_requests`. The stand-in is as strict.
    """
    needs = call.route.needs
    if len(needs) < 2:
        return needs
    target = _target(call)
    if target == "issue":
        return tuple(need for need in needs if need.startswith("issues"))
    if target == "pull" and call.route.path.endswith(("/reactions", "/reactions/{reaction:int}")):
        return tuple(need for need in needs if need.startswith("pull_requests"))
    return needs


def _target(call: Call) -> str:
    issues = call.repository.issues
    if "number" in call.params:
        issue = issues.get(call.number("number"))
    elif "comment" in call.params:
        number = call.number("comment")
        containing = (issue for issue in issues.values() if any(comment.id == number for comment in issue.comments))
        issue = next(containing, None)
    else:
        return "unknown"
    return "unknown" if issue is None else "pull" if isinstance(issue, PullRequest) else "issue"


def _has_any(token: Token, needs: tuple[str, ...]) -> bool:
    if not needs:
        return True
    return any(token.allows(*need.split("=", 1)) for need in needs)


def _inaccessible(route: Route) -> ApiError:
    headers = {"X-Accepted-GitHub-Permissions": route.accepted} if route.needs else None
    return ApiError(403, "Resource not accessible by integration", headers=headers)
