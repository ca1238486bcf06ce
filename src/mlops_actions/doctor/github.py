"""The checks of GitHub: token, workflow file, settings of Actions, secrets, labels, activity, environments, check runs."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from mlops_actions.core.suggest import nearest
from mlops_actions.doctor import job_rights, names
from mlops_actions.doctor.checks import Checker, HealthCheck
from mlops_actions.doctor.ports import ApiAnswer, GitHubApi, pages
from mlops_actions.doctor.scope import Scope

_CHECK = Checker("github")
_CHECK_NAME = "mlops-actions doctor"


def check(scope: Scope, api: GitHubApi) -> Iterator[HealthCheck]:
    """Ask everything; the first check decides whether there is anything to ask."""
    root = f"/repos/{scope.repository}"
    answer = api.get(root)
    asked = f"GET {root}"
    if answer.status != 200:
        yield _CHECK.fails("repository", asked, answer.message, remedy=_remedy_of_token(answer, scope.repository))
        return
    branch = str(answer.body.get("default_branch") or "main")
    yield _CHECK.ok("repository", asked, f"{scope.repository} is visible, its default branch is {branch}")
    yield from _workflow_file(scope, api, root, branch)
    yield from job_rights.events(scope)
    default = yield from _settings(scope, api, root)
    yield from job_rights.permissions(scope, default)
    yield from job_rights.references(scope)
    yield from names.check(scope, api, root, "secret")
    yield from names.check(scope, api, root, "variable")
    yield from _labels(scope, api, root)
    yield from _activity(api, root, branch)
    yield from _teams(scope, api)
    yield from _environments(scope, api, root)
    yield from job_rights.self_blocking(scope, _required_checks(api, root, branch), branch)
    yield from _check_run(scope, api, root)


def _remedy_of_token(answer: ApiAnswer, repository: str) -> str:
    if answer.status == 401:
        return "gh auth login"
    if answer.status == 404:
        return f"gh repo view {repository}"
    return "gh auth status"


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
            remedy=f"git push origin HEAD:{branch}",
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
        yield _CHECK.fails("workflow state", asked, str(state), remedy=f"gh workflow enable {name} -R {scope.repository}")
    else:
        yield _CHECK.unknown("workflow state", asked, answer.message)


def _settings(scope: Scope, api: GitHubApi, root: str) -> Any:
    """Yield the checks of Actions' settings; return the level of a job without `permissions:`."""
    asked = f"GET {root}/actions/permissions"
    answer = api.get(f"{root}/actions/permissions")
    if answer.status != 200:
        yield _CHECK.unknown("Actions settings", asked, f"{answer.message} (only administrators may read them)")
    elif not answer.body.get("enabled"):
        yield _CHECK.fails(
            "Actions settings",
            asked,
            "Actions are disabled in this repository",
            remedy=f"gh api -X PUT repos/{scope.repository}/actions/permissions -F enabled=true",
        )
    else:
        yield from _allowed_actions(scope, api, root, str(answer.body.get("allowed_actions") or "all"))
        if answer.body.get("sha_pinning_required"):
            yield from job_rights.pinned(scope)
    asked = f"GET {root}/actions/permissions/workflow"
    answer = api.get(f"{root}/actions/permissions/workflow")
    if answer.status != 200:
        yield _CHECK.unknown("default permissions", asked, f"{answer.message} (only administrators may read them)")
        return "read"
    level = str(answer.body.get("default_workflow_permissions") or "read")
    yield _CHECK.ok("default permissions", asked, f"a job without 'permissions:' has '{level}'")
    return level


def _allowed_actions(scope: Scope, api: GitHubApi, root: str, allowed: str) -> Iterator[HealthCheck]:
    name, asked = "Actions settings", f"GET {root}/actions/permissions"
    foreign = [uses for uses in scope.workflow.uses if not uses.startswith(("./", "$/", "docker://"))]
    owner = scope.repository.partition("/")[0]
    if allowed == "all" or not foreign:
        yield _CHECK.ok(name, asked, f"allowed actions: {allowed}")
        return
    patterns: list[str] = []
    selected: dict[str, Any] = {}
    if allowed == "selected":
        asked = f"GET {root}/actions/permissions/selected-actions"
        answer = api.get(f"{root}/actions/permissions/selected-actions")
        if answer.status != 200:
            yield _CHECK.unknown(name, asked, answer.message)
            return
        selected = answer.body
        patterns = list(selected.get("patterns_allowed") or [])
    blocked = [
        uses
        for uses in foreign
        if not uses.startswith(f"{owner}/")
        and not (selected.get("github_owned_allowed") and uses.startswith(("actions/", "github/")))
        and not any(fnmatch.fnmatch(uses, pattern) for pattern in patterns)
    ]
    if blocked:
        setting = f"repos/{scope.repository}/actions/permissions"
        allow = "".join(f" -f 'patterns_allowed[]={item}'" for item in (*patterns, *blocked))
        yield _CHECK.fails(
            name,
            asked,
            f"allowed actions: {allowed}; not allowed: {', '.join(blocked)}",
            remedy=f"gh api -X PUT {setting} -F enabled=true -f allowed_actions=selected\n"
            f"gh api -X PUT {setting}/selected-actions -F github_owned_allowed=true -F verified_allowed=false{allow}",
        )
    else:
        yield _CHECK.ok(name, asked, f"allowed actions: {allowed}; every action of the file is allowed")


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
            yield _CHECK.fails(f"label {name}", asked, text, remedy=f"gh label create '{name}' -R {scope.repository}")


def _may_create_labels(permissions: Any) -> bool:
    return permissions == "write-all" or (isinstance(permissions, dict) and permissions.get("issues") == "write")


def _activity(api: GitHubApi, root: str, branch: str) -> Iterator[HealthCheck]:
    """Check that the activity can be read, and that it holds the newest push: chatops proves a head by it."""
    asked = f"GET {root}/activity?ref=refs/heads/{branch}"
    answer = api.get(f"{root}/activity", ref=f"refs/heads/{branch}", per_page=1)
    if answer.status != 200 or not isinstance(answer.body, list):
        yield _CHECK.fails(
            "activity",
            asked,
            f"{answer.message}: chatops cannot see which commit was the head",
            remedy="give the token 'contents: read'",
        )
        return
    head = api.get(f"{root}/branches/{quote(branch, safe='')}")
    newest = str(answer.body[0].get("after") or "") if answer.body else ""
    tip = str(head.body["commit"]["sha"]) if head.status == 200 else ""
    if newest and tip and newest != tip:
        yield _CHECK.unknown("activity", asked, f"it lags: its newest entry is {newest[:12]}, {branch} is at {tip[:12]}")
    else:
        yield _CHECK.ok("activity", asked, f"readable{', and it holds the newest push' if newest and newest == tip else ''}")


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
                remedy=f"gh api orgs/{organisation}/teams --jq '.[].slug'",
            )
        else:
            yield _CHECK.unknown(f"team {team}", asked, answer.message)


def _environments(scope: Scope, api: GitHubApi, root: str) -> Iterator[HealthCheck]:
    for step in scope.workflow.steps("chatops"):
        name = scope.value(step, "environment")
        if not name:
            continue
        asked = f"GET {root}/environments/{name}"
        answer = api.get(f"{root}/environments/{quote(name, safe='')}")
        job = next(job for job in scope.workflow.jobs if job.name == step.job)
        rules = answer.body.get("protection_rules") or [] if answer.status == 200 else []
        if rules and job.environment != name:
            yield _CHECK.fails(
                f"environment {name}",
                asked,
                f"it has protection rules, but job '{job.name}' does not name it, so they do not bind the job",
                remedy=f"add to jobs.{job.name}: environment: {name}",
            )
        elif answer.status in (200, 404):
            text = "its protection rules bind the job" if rules else "it has no protection rules"
            yield _CHECK.ok(f"environment {name}", asked, text)
        else:
            yield _CHECK.unknown(f"environment {name}", asked, answer.message)


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
        yield _CHECK.fails("check run", asked, created.message, remedy="give the job 'permissions: { checks: write }'")
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
