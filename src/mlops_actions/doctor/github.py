"""The checks of GitHub: token, workflow file, settings of Actions, secrets, labels, activity, environments, check runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from mlops_actions.core import github_cli, shell
from mlops_actions.core.concurrent import gather
from mlops_actions.core.errors import ActionError
from mlops_actions.core.suggest import nearest
from mlops_actions.doctor import (
    app,
    code_owners,
    environments,
    job_rights,
    names,
    pipeline_calls,
    references,
    server_syntax,
    settings,
    token,
)
from mlops_actions.doctor.checks import Checker, HealthCheck
from mlops_actions.doctor.ports import ApiAnswer, GitHubApi, pages
from mlops_actions.doctor.scope import Scope

_CHECK = Checker("github")
_MAX_LAG_SECONDS = 60
_CHECK_NAME = "mlops-actions doctor"


def check(scope: Scope, api: GitHubApi, connect_app: app.Connect) -> Iterator[HealthCheck]:
    """Ask everything at once; the first check decides whether there is anything to ask."""
    root = f"/repos/{scope.repository}"
    answer = api.get(root)
    asked = f"GET {root}"
    if answer.status != 200:
        yield _CHECK.fails("repository", asked, answer.message, remedy=_remedy_of_token(answer, scope))
        return
    branch = str(answer.body.get("default_branch") or "main")
    yield _CHECK.ok("repository", asked, f"{scope.repository} is visible, its default branch is {branch}")
    is_private = bool(answer.body.get("private"))
    sections = (
        lambda: token.check(scope, api, root, answer, branch),
        lambda: _workflow_file(scope, api, root, branch),
        lambda: job_rights.events(scope),
        lambda: server_syntax.check(scope),
        lambda: pipeline_calls.check(scope),
        lambda: settings.check(scope, api, root, is_private=is_private),
        lambda: settings.forks(scope, api, root, is_private=is_private),
        lambda: settings.access(scope, api),
        lambda: job_rights.references(scope),
        lambda: references.check(scope, api),
        lambda: names.check(scope, api, root, "secret"),
        lambda: names.check(scope, api, root, "variable"),
        lambda: _labels(scope, api, root),
        lambda: _activity(scope, api, root, branch, answer),
        lambda: _teams(scope, api),
        lambda: code_owners.check(scope, api, root, branch),
        lambda: app.check(scope, connect_app, root, lambda: code_owners.names_teams(api, root, branch)),
        lambda: environments.check(scope, api, root, branch),
        lambda: _self_blocking(scope, api, root, branch),
        lambda: _check_run(scope, api, root),
    )
    yield from _at_once(sections)


def _at_once(sections: Sequence[Callable[[], Iterator[HealthCheck]]]) -> Iterator[HealthCheck]:
    """Make the checks of all sections at once; yield them in order, and raise the first error after them."""
    found: list[list[HealthCheck]] = [[] for _ in sections]
    calls = {number: partial(found[number].extend, section()) for number, section in enumerate(sections)}
    errors = [result for result in gather(calls).values() if isinstance(result, ActionError)]
    for checks in found:
        yield from checks
    if errors:
        raise errors[0]


def _remedy_of_token(answer: ApiAnswer, scope: Scope) -> str:
    on = github_cli.on(scope.host)
    if scope.is_job:
        return "leave the input 'github-token' of actions/doctor out, or renew the token that it names"
    if answer.status == 401:
        return f"gh auth login{on}"
    if answer.status == 404:
        return f"gh repo view {github_cli.argument(scope.repository, scope.host)}"
    return f"gh auth status{on}"


def _grant(scope: Scope, right: str) -> str:
    """Return how the token that asks gets a right."""
    if scope.is_job:
        return f"add to the permissions of doctor's job: {{ {right} }}"
    return f"gh auth refresh{github_cli.on(scope.host)} --scopes repo  # or give a fine-grained token '{right}'"


def _workflow_file(scope: Scope, api: GitHubApi, root: str, branch: str) -> Iterator[HealthCheck]:
    path = scope.workflow.path
    answer = api.get(f"{root}/contents/{quote(path)}", ref=branch)
    asked = f"GET {root}/contents/{path}?ref={branch}"
    if answer.status == 200:
        yield _CHECK.ok("workflow file", asked, f"{path} is on {branch}")
    elif answer.status == 404:
        yield _CHECK.fails(
            "workflow file",
            asked,
            f"{path} is not on {branch}: GitHub runs comments' workflows from the default branch only",
            remedy=f"git push origin {shell.word(f'HEAD:{branch}')}",
        )
        return
    else:
        yield _CHECK.unknown("workflow file", asked, answer.message)
    name = path.rpartition("/")[2]
    asked = f"GET {root}/actions/workflows/{name}"
    answer = api.get(f"{root}/actions/workflows/{quote(name)}")
    state = answer.body.get("state") if answer.status == 200 else ""
    if state == "active":
        yield _CHECK.ok("workflow state", asked, "active")
    elif state:
        yield _CHECK.fails("workflow state", asked, str(state), remedy=scope.gh(f"workflow enable {shell.word(name)}"))
    else:
        yield _CHECK.unknown("workflow state", asked, answer.message)


def _labels(scope: Scope, api: GitHubApi, root: str) -> Iterator[HealthCheck]:
    wanted = scope.words("chatops", "pending-label", "success-label", "failure-label")
    if not wanted:
        return
    asked = f"GET {root}/labels"
    items = pages(api, f"{root}/labels", "")
    if items is None:
        yield _CHECK.unknown("labels", asked, "the token may not list labels")
        return
    known = {str(item["name"]).lower(): str(item["name"]) for item in items}
    for name in wanted:
        if name.lower() in known:
            yield _CHECK.ok(f"label {name}", asked, "exists")
            continue
        near = nearest(name, known)
        text = (
            f"does not exist{f' (but {known[near]!r} does)' if near else ''}; a job may create it only with 'issues: write'"
        )
        if all(_may_create_labels(job.permissions) for job in scope.workflow.jobs if job.steps):
            yield _CHECK.ok(f"label {name}", asked, "does not exist yet; the job may create it")
        else:
            yield _CHECK.fails(f"label {name}", asked, text, remedy=scope.gh(f"label create {shell.word(name)}"))


def _may_create_labels(permissions: Any) -> bool:
    return permissions == "write-all" or (isinstance(permissions, dict) and permissions.get("issues") == "write")


def _activity(scope: Scope, api: GitHubApi, root: str, branch: str, repository: ApiAnswer) -> Iterator[HealthCheck]:
    """Check that the activity can be read, and how far it lags: chatops proves a head by it."""
    asked = f"GET {root}/activity?ref=refs/heads/{branch}"
    answer = api.get(f"{root}/activity", ref=f"refs/heads/{branch}", per_page=1)
    if answer.status != 200 or not isinstance(answer.body, list):
        yield _CHECK.fails(
            "activity",
            asked,
            f"{answer.message}: chatops cannot see which commit was the head",
            remedy=_grant(scope, "contents: read"),
        )
        return
    head = api.get(f"{root}/branches/{quote(branch, safe='')}")
    newest = str(answer.body[0].get("after") or "") if answer.body else ""
    tip = str(head.body["commit"]["sha"]) if head.status == 200 else ""
    if not tip or newest == tip:
        yield _CHECK.ok("activity", asked, f"readable{', and it holds the newest push' if tip else ''}")
        return
    seconds = _seconds_since(str(repository.body.get("pushed_at") or ""), head.headers.get("date", ""))
    text = f"its newest entry is {newest[:12] or 'none'}, but {branch} is at {tip[:12]}, pushed {seconds:.0f} s ago"
    if seconds <= _MAX_LAG_SECONDS:
        yield _CHECK.unknown("activity", asked, f"it lags: {text}")
    else:
        yield _CHECK.fails(
            "activity",
            asked,
            f"it lags: {text}; until it catches up, chatops asks for the commit",
            remedy=f"gh pr comment --body {shell.word(f'/COMMAND sha={tip}')}  # with the head of the pull request",
        )


def _seconds_since(moment: str, now: str) -> float:
    """Return the seconds from an ISO time to the time of a header `Date`; 0 where one of them is missing."""
    try:
        return (parsedate_to_datetime(now) - datetime.fromisoformat(moment)).total_seconds()
    except (ValueError, TypeError):
        return 0.0


def _teams(scope: Scope, api: GitHubApi) -> Iterator[HealthCheck]:
    yield from job_rights.teams(scope)
    for team in scope.words("chatops", "allow-teams"):
        organisation, _, slug = team.partition("/")
        asked = f"GET /orgs/{organisation}/teams/{slug}"
        answer = api.get(asked.removeprefix("GET "))
        if answer.status == 200:
            yield _CHECK.ok(f"team {team}", asked, "exists")
        elif answer.status == 404:
            yield _CHECK.fails(
                f"team {team}",
                asked,
                "does not exist, or this token may not see it",
                remedy=scope.gh_api(f"{shell.word(f'orgs/{organisation}/teams')} --jq '.[].slug'"),
            )
        else:
            yield _CHECK.unknown(f"team {team}", asked, answer.message)


def _self_blocking(scope: Scope, api: GitHubApi, root: str, branch: str) -> Iterator[HealthCheck]:
    yield from job_rights.self_blocking(scope, _required_checks(api, root, branch), branch)


def _required_checks(api: GitHubApi, root: str, branch: str) -> frozenset[str]:
    found: set[str] = set()
    answer = api.get(f"{root}/branches/{quote(branch, safe='')}")
    if answer.status == 200:
        protection = (answer.body.get("protection") or {}).get("required_status_checks") or {}
        found |= set(protection.get("contexts") or [])
    rules = api.get(f"{root}/rules/branches/{quote(branch, safe='')}")
    for rule in rules.body if rules.status == 200 else ():
        if rule.get("type") == "required_status_checks":
            found |= {str(item["context"]) for item in rule["parameters"]["required_status_checks"]}
    return frozenset(found)


def _check_run(scope: Scope, api: GitHubApi, root: str) -> Iterator[HealthCheck]:
    """Create a check run on a commit of the user's choice, and conclude it."""
    if not scope.words("chatops", "check-name") and not scope.words("wandb-runs", "check-name"):
        return
    if not scope.try_writes or not scope.commit:
        yield _CHECK.skipped("check run", "it is created only with --try-writes and --commit SHA")
        return
    asked = f"POST {root}/check-runs"
    body = {"name": _CHECK_NAME, "head_sha": scope.commit, "status": "in_progress"}
    created = api.send("POST", f"{root}/check-runs", body)
    if created.status == 403 and "GitHub App" in created.message:
        yield _CHECK.unknown("check run", asked, "only a job's token or an App may create one: run doctor as a job")
        return
    if created.status != 201:
        yield _CHECK.fails("check run", asked, created.message, remedy=_grant(scope, "checks: write"))
        return
    path = f"{root}/check-runs/{created.body['id']}"
    concluded = api.send("PATCH", path, {"status": "completed", "conclusion": "neutral"})
    if concluded.status == 200:
        yield _CHECK.ok("check run", asked, "created and concluded")
    else:
        yield _CHECK.fails(
            "check run",
            f"PATCH {path}",
            f"created, but not concluded: {concluded.message}",
            remedy="leave 'check-name' out, and use labels and the report for the outcome",
        )
