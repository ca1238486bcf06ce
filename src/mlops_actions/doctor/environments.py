"""The checks of an environment: its protection rules bind the job, and its branch policy lets the job run."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from mlops_actions.core import shell
from mlops_actions.doctor.checks import Checker, HealthCheck
from mlops_actions.doctor.ports import GitHubApi
from mlops_actions.doctor.scope import Scope

_CHECK = Checker("github")


def check(scope: Scope, api: GitHubApi, root: str, branch: str) -> Iterator[HealthCheck]:
    """Check the environment of every step of chatops, and of every job that names one."""
    jobs = {job.name: job.environment for job in scope.workflow.jobs if job.environment and "${{" not in job.environment}
    used = {environment: job for job, environment in jobs.items()}
    for step in scope.workflow.steps("chatops"):
        name = scope.value(step, "environment")
        if scope.value(step, "conclude") == "false":
            used.setdefault(name, _job_that_works(scope, step.job))
        elif jobs.get(step.job) != name:
            used[name] = step.job
    for name, job in used.items():
        if name:
            path, is_bound = f"{root}/environments/{quote(name, safe='')}", jobs.get(job) == name
            yield from _environment(scope, api, path, name=name, job=job, branch=branch, is_bound=is_bound)


def _job_that_works(scope: Scope, listens: str) -> str:
    """Return the first job with steps of the suite but none of chatops, else the job that listens."""
    jobs = (job for job in scope.workflow.jobs if job.steps and all(step.action != "chatops" for step in job.steps))
    return next((job.name for job in jobs), listens)


def _environment(
    scope: Scope, api: GitHubApi, path: str, *, name: str, job: str, branch: str, is_bound: bool
) -> Iterator[HealthCheck]:
    asked = f"GET {path}"
    answer = api.get(path)
    rules = answer.body.get("protection_rules") or [] if answer.status == 200 else []
    if answer.status not in (200, 404):
        yield _CHECK.unknown(f"environment {name}", asked, answer.message)
        return
    text = "; ".join(filter(None, (_rule(rule) for rule in rules)))
    if rules and not is_bound:
        yield _CHECK.fails(
            f"environment {name}",
            asked,
            f"it has protection rules ({text}), but job '{job}' does not name it, so they do not bind the job",
            remedy=f"add to jobs.{job}: environment: {name}",
        )
        return
    yield _CHECK.ok(f"environment {name}", asked, f"binds the job: {text}" if rules else "it has no protection rules")
    policy = answer.body.get("deployment_branch_policy") if answer.status == 200 else None
    if policy and is_bound:
        yield _branch_policy(scope, api, path, name=name, branch=branch, policy=policy)


def _rule(rule: Any) -> str:
    """Describe a protection rule of https://docs.github.com/rest/deployments/environments in a few words."""
    if rule.get("type") == "required_reviewers":
        people = [item.get("reviewer") or {} for item in rule.get("reviewers") or ()]
        names = [str(person.get("login") or person.get("slug") or person.get("name") or "?") for person in people]
        return f"reviewers: {', '.join(names) or 'none'}"
    if rule.get("type") == "wait_timer":
        return f"waits {rule.get('wait_timer', 0)} minutes"
    return {"branch_policy": "branches are limited"}.get(str(rule.get("type")), str(rule.get("type")))


def _branch_policy(scope: Scope, api: GitHubApi, path: str, *, name: str, branch: str, policy: Any) -> HealthCheck:
    """A comment starts the workflow on the default branch, so the policy must let that branch in."""
    target = shell.word(f"{path.removeprefix('/')}/deployment-branch-policies")
    place = scope.gh_api(f"-X POST {target} -f {shell.word(f'name={branch}')}")
    check_name = f"branches of {name}"
    if policy.get("custom_branch_policies"):
        asked = f"GET {path}/deployment-branch-policies"
        answer = api.get(f"{path}/deployment-branch-policies", per_page=100)
        if answer.status != 200:
            return _CHECK.unknown(check_name, asked, answer.message)
        patterns = [str(item.get("name")) for item in answer.body["branch_policies"] if item.get("type") != "tag"]
        if any(fnmatch.fnmatchcase(branch, pattern) for pattern in patterns):
            return _CHECK.ok(check_name, asked, f"{', '.join(patterns)}: {branch} is among them")
        text = f"{branch} is not among {', '.join(patterns) or 'none'}, so the job is refused"
        return _CHECK.fails(check_name, asked, text, remedy=place)
    root = path.partition("/environments/")[0]
    asked = f"GET {root}/branches/{branch}"
    answer = api.get(f"{root}/branches/{quote(branch, safe='')}")
    if answer.status != 200:
        return _CHECK.unknown(check_name, asked, answer.message)
    if answer.body.get("protected"):
        return _CHECK.ok(check_name, asked, f"protected branches, and {branch} is protected")
    text = f"only protected branches, and {branch} is not protected, so the job is refused"
    policies = '{"protected_branches": false, "custom_branch_policies": true}'
    body = shell.word(f'{{"deployment_branch_policy": {policies}}}')
    remedy = scope.gh_api(f"-X PUT {shell.word(path.removeprefix('/'))} --input - <<< {body}")
    return _CHECK.fails(check_name, asked, text, remedy=(remedy, place))
