"""The checks of the settings of Actions; only an administrator's token may read most of them."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from typing import Any

from mlops_actions.core import shell
from mlops_actions.doctor import job_rights
from mlops_actions.doctor.checks import Checker, HealthCheck
from mlops_actions.doctor.ports import GitHubApi
from mlops_actions.doctor.scope import Scope

_CHECK = Checker("github")
_APPROVALS = {
    "first_time_contributors_new_to_github": "the first time, for accounts that are new to GitHub",
    "first_time_contributors": "the first time",
    "all_external_contributors": "always",
}

_GIFTS = {"send_write_tokens_to_workflows": "a token that writes", "send_secrets_and_variables": "secrets"}


def check(scope: Scope, api: GitHubApi, root: str, *, is_private: bool) -> Iterator[HealthCheck]:
    """Check what Actions allow, and what a job without `permissions:` gets."""
    asked = f"GET {root}/actions/permissions"
    answer = api.get(f"{root}/actions/permissions")
    if answer.status != 200:
        yield _CHECK.unknown("Actions settings", asked, f"{answer.message} (only administrators may read them)")
    elif not answer.body.get("enabled"):
        yield _CHECK.fails(
            "Actions settings",
            asked,
            "Actions are disabled in this repository",
            remedy=scope.gh_api(f"-X PUT {_path(root)} -F enabled=true"),
        )
    else:
        yield from _allowed_actions(scope, api, root, str(answer.body.get("allowed_actions") or "all"))
        if answer.body.get("sha_pinning_required"):
            yield from job_rights.pinned(scope)
    default = yield from _default_permissions(api, root)
    yield from job_rights.permissions(scope, default, is_public=not is_private)


def forks(scope: Scope, api: GitHubApi, root: str, *, is_private: bool) -> Iterator[HealthCheck]:
    """Check what the workflows of pull requests from forks get."""
    if not is_private:
        asked = f"GET {root}/actions/permissions/fork-pr-contributor-approval"
        answer = api.get(f"{root}/actions/permissions/fork-pr-contributor-approval")
        if answer.status != 200:
            yield _CHECK.unknown("fork policy", asked, f"{answer.message} (only administrators may read it)")
        else:
            policy = str(answer.body.get("approval_policy"))
            yield _CHECK.ok("fork policy", asked, f"workflows of forks need an approval {_APPROVALS.get(policy, policy)}")
        return
    path = f"{root}/actions/permissions/fork-pr-workflows-private-repos"
    answer = api.get(path)
    if answer.status != 200:
        yield _CHECK.unknown("fork policy", f"GET {path}", f"{answer.message} (only administrators may read it)")
        return
    gets = [
        text
        for field, text in (
            ("send_write_tokens_to_workflows", "a token that writes"),
            ("send_secrets_and_variables", "secrets"),
        )
        if answer.body.get("run_workflows_from_fork_pull_requests") and answer.body.get(field)
    ]
    if gets:
        yield _CHECK.fails(
            "fork policy",
            f"GET {path}",
            f"a workflow in a fork's pull request gets {' and '.join(gets)}, whatever chatops decides",
            remedy=scope.gh_api(
                f"-X PUT {shell.word(path.removeprefix('/'))} -F run_workflows_from_fork_pull_requests=true "
                "-F send_write_tokens_to_workflows=false -F send_secrets_and_variables=false"
            ),
        )
    else:
        yield _CHECK.ok("fork policy", f"GET {path}", "workflows of forks get neither secrets nor a token that writes")


def access(scope: Scope, api: GitHubApi) -> Iterator[HealthCheck]:
    """Check that private repositories of the same owner let this one use their actions."""
    owner = scope.repository.partition("/")[0].lower()
    names = {"/".join(uses.partition("@")[0].split("/")[:2]) for uses in scope.workflow.uses if "@" in uses}
    for name in sorted(names - {scope.repository}):
        if name.partition("/")[0].lower() != owner:
            continue
        repository = api.get(f"/repos/{name}")
        if repository.status != 200 or not repository.body.get("private"):
            continue
        path = f"/repos/{name}/actions/permissions/access"
        answer = api.get(path)
        if answer.status != 200:
            yield _CHECK.unknown("action access", f"GET {path}", answer.message)
        elif answer.body.get("access_level") == "none":
            level = "organization" if (repository.body.get("owner") or {}).get("type") == "Organization" else "user"
            yield _CHECK.fails(
                "action access",
                f"GET {path}",
                f"{name} is private and lets no other repository use its actions",
                remedy=scope.gh_api(f"-X PUT {shell.word(path.removeprefix('/'))} -f access_level={level}"),
            )
        else:
            yield _CHECK.ok("action access", f"GET {path}", f"{name} shares its actions: {answer.body.get('access_level')}")


def _default_permissions(api: GitHubApi, root: str) -> Any:
    """Yield the check; return the level of a job without `permissions:`."""
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
        allow = "".join(f" -f {shell.word(f'patterns_allowed[]={item}')}" for item in (*patterns, *blocked))
        yield _CHECK.fails(
            name,
            asked,
            f"allowed actions: {allowed}; not allowed: {', '.join(blocked)}",
            remedy=(
                scope.gh_api(f"-X PUT {_path(root)} -F enabled=true -f allowed_actions=selected"),
                scope.gh_api(
                    f"-X PUT {_path(root, 'selected-actions')} -F github_owned_allowed=true -F verified_allowed=false{allow}"
                ),
            ),
        )
    else:
        yield _CHECK.ok(name, asked, f"allowed actions: {allowed}; every action of the file is allowed")


def _path(root: str, *more: str) -> str:
    return shell.word("/".join((root.removeprefix("/"), "actions/permissions", *more)))
