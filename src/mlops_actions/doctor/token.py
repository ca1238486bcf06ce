"""The checks of the token that asks: its kind and scopes, and each right that the actions need."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from urllib.parse import quote

from mlops_actions.core import github_cli
from mlops_actions.core.concurrent import gather
from mlops_actions.core.errors import ActionError
from mlops_actions.doctor import step_rights, token_writes
from mlops_actions.doctor.checks import Checker, HealthCheck
from mlops_actions.doctor.ports import ApiAnswer, GitHubApi
from mlops_actions.doctor.scope import Scope

_CHECK = Checker("github")
# https://docs.github.com/authentication/keeping-your-account-and-data-secure/about-authentication-to-github#githubs-token-formats
_KINDS = {
    "ghp_": "personal access token (classic)",
    "gho_": "token of an OAuth app, such as the GitHub CLI",
    "ghu_": "token of a user through a GitHub App",
    "ghs_": "token of a job or of a GitHub App's installation",
    "github_pat_": "fine-grained personal access token",
}
# One harmless question for each permission. https://docs.github.com/rest/authentication/permissions-required-for-github-apps
QUESTIONS = {
    "contents": "/commits",
    "pull-requests": "/pulls",
    "issues": "/issues",
    "checks": "/commits/{branch}/check-runs",
    "statuses": "/commits/{branch}/status",
    "deployments": "/deployments",
    "actions": "/actions/runs",
}


def check(scope: Scope, api: GitHubApi, root: str, repository: ApiAnswer, branch: str) -> Iterator[HealthCheck]:
    """Check the token by the answer about the repository, and ask once for each permission."""
    yield _kind(scope, api, root, repository)
    needed = _needed(scope)
    names = sorted(set(needed) & set(QUESTIONS))
    paths = {name: f"{root}{QUESTIONS[name].format(branch=quote(branch, safe=''))}" for name in names}
    answers = gather({name: partial(api.get, path, per_page=1) for name, path in paths.items()})
    for name, path in paths.items():
        answer = answers[name]
        if isinstance(answer, ActionError):
            raise answer
        yield _right(scope, name, f"GET {path}", answer)
    written = sorted(name for name, level in needed.items() if level == "write")
    yield from token_writes.check(scope, api, f"the answer to GET {root}", repository, written)


def _kind(scope: Scope, api: GitHubApi, root: str, repository: ApiAnswer) -> HealthCheck:
    asked = f"the headers of GET {root}"
    text = next((kind for start, kind in _KINDS.items() if api.token_prefix == start), "token of an unknown kind")
    if expires := repository.headers.get("github-authentication-token-expiration"):
        text += f", which expires on {expires}"
    if "x-oauth-scopes" not in repository.headers:
        return _CHECK.ok("token", asked, text)
    scopes = {word.strip() for word in repository.headers["x-oauth-scopes"].split(",")} - {""}
    wanted = {"repo"} | ({"read:org"} if scope.words("chatops", "allow-teams") else set())
    if scopes & {"admin:org", "write:org"}:
        scopes.add("read:org")  # each includes it
    if missing := sorted(wanted - scopes):
        return _CHECK.fails(
            "token",
            asked,
            f"{text}, without the scope {', '.join(missing)}: settings and secrets stay unknown",
            remedy="give the token in 'github-token' of actions/doctor these scopes"
            if scope.is_job
            else f"gh auth refresh{github_cli.on(scope.host)} --scopes {','.join(missing)}",
        )
    return _CHECK.ok("token", asked, f"{text}, with the scopes {', '.join(sorted(scopes))}")


def _needed(scope: Scope) -> dict[str, str]:
    needs = [step_rights.of_job(step, scope) for job in scope.workflow.jobs for step in job.steps]
    both = [item for need in needs for item in (*need.certain.items(), *need.possible.items())]
    return step_rights.merged(f"{name}: {level}" for name, level in both)


def _right(scope: Scope, name: str, asked: str, answer: ApiAnswer) -> HealthCheck:
    if answer.status == 200:
        return _CHECK.ok(f"may read {name}", asked, "yes")
    accepted = answer.headers.get("x-accepted-github-permissions", "")
    text = f"{answer.message}{f' (GitHub asks for {accepted})' if accepted else ''}"
    if answer.status not in (403, 404) or not scope.is_job:
        look = "run doctor's job again" if scope.is_job else f"gh auth status{github_cli.on(scope.host)}"
        return _CHECK.unknown(f"may read {name}", asked, text, remedy=look)
    return _CHECK.fails(
        f"may read {name}",
        asked,
        f"{text}: the file that runs doctor does not ask for it, or the organisation withholds it",
        remedy=f"add to the permissions of doctor's job: {{ {name}: read }}",
    )
