"""The rights to write, as far as they can be told without a write: by a classic token's scopes and the account's role.

GitHub shows no fine-grained token, and no token of a job, what it was granted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlops_actions.doctor.checks import Checker, HealthCheck
from mlops_actions.doctor.ports import ApiAnswer, GitHubApi
from mlops_actions.doctor.scope import Scope

_CHECK = Checker("github")
# The scopes of which one suffices. https://docs.github.com/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps
_SCOPES: Mapping[str, tuple[str, ...]] = {
    "packages": ("write:packages",),
    "deployments": ("repo", "repo_deployment"),
    "statuses": ("repo", "repo:status"),
}
# The least role, by the name that the repository's `permissions` have for it. A label is set with `triage`, and created with
# `push`. https://docs.github.com/organizations/managing-user-access-to-your-organizations-repositories/repository-roles
_ROLES = {"pull-requests": "triage"}
_CREATED_BY_APPS = "checks"  # https://docs.github.com/rest/checks/runs: no token of a person may


def check(scope: Scope, api: GitHubApi, asked: str, repository: ApiAnswer, names: list[str]) -> Iterator[HealthCheck]:
    """Yield a check for each permission to write; `repository` is the answer about the repository."""
    for name in names:
        title = f"may write {name}"
        if name == "id-token":
            yield from _identity(scope)
            continue
        if name == _CREATED_BY_APPS and scope.try_writes and scope.commit:
            continue  # the check run itself tells
        if scope.is_job or api.token_prefix == "ghs_":  # noqa: S105 - its kind
            text = "GitHub does not show what a token of a job may write"
            look = "open the job's log: 'Set up job' lists 'GITHUB_TOKEN Permissions'"
            yield _CHECK.unknown(title, asked, text, remedy=look)
        elif reason := _unknown(api, repository, name):
            text = f"{reason}; the job has a token of its own, see 'job permissions'"
            yield _CHECK.unknown(title, asked, text, remedy=scope.gh("workflow run mlops-doctor.yml"))
        else:
            yield _CHECK.ok(title, asked, "this token may, by its scopes and the account's role")


def _identity(scope: Scope) -> Iterator[HealthCheck]:
    """Check whether the runner gives this job an identity token; a person has none.

    https://docs.github.com/actions/reference/security/oidc
    """
    asked = "the variable ACTIONS_ID_TOKEN_REQUEST_URL"
    if scope.is_job and scope.has_identity_token:
        yield _CHECK.ok("may write id-token", asked, "the runner gives this job an identity token")
    elif scope.is_job:
        text = "the runner gives this job no identity token"
        remedy = "add to the permissions of doctor's job: { id-token: write }"
        yield _CHECK.fails("may write id-token", asked, text, remedy=remedy)


def _unknown(api: GitHubApi, repository: ApiAnswer, name: str) -> str:
    """Return why a person's token does not show that it may write; empty where it shows that."""
    if name == _CREATED_BY_APPS:
        return "no person's token may create check runs"
    role = _ROLES.get(name, "push")
    if not (repository.body.get("permissions") or {}).get(role) and name != "packages":
        return f"this token may not: its account lacks the role '{role}' here"
    header = repository.headers.get("x-oauth-scopes")
    if header is None:
        kind = "a fine-grained token" if api.token_prefix == "github_pat_" else "this token"  # noqa: S105 - its kind
        return f"GitHub does not show what {kind} was granted"
    scopes = {word.strip() for word in header.split(",")}
    enough = _SCOPES.get(name, ("repo",) if repository.body.get("private") else ("repo", "public_repo"))
    return "" if scopes.intersection(enough) else f"this token may not: it lacks the scope {' or '.join(enough)}"
