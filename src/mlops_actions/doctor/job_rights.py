"""Checks that need nothing but the workflow file: permissions of its jobs, its events, its `uses:`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from mlops_actions.doctor.checks import Checker, HealthCheck
from mlops_actions.doctor.scope import Scope
from mlops_actions.doctor.workflow import ActionStep, WorkflowJob

_LEVELS = ("none", "read", "write")
_SHA = re.compile(r"[0-9a-f]{40}")
_PINNED = re.compile(r"[0-9a-f]{40}|v?[0-9]+(?:\.[0-9]+)*(?:[-+].*)?")
# Inputs of argo-submit by which the job's own identity token signs in.
_IDENTITY_INPUTS = ("aws-role", "aks-cluster", "oidc-audience")
_JOB_TOKEN = ("", "${{ github.token }}", "${{ secrets.GITHUB_TOKEN }}")
CHECK = Checker("github")


def needed(step: ActionStep, scope: Scope) -> dict[str, str]:
    """Return the permissions that a step needs of the job; those of its token only where it has no other token."""
    identity = {"id-token": "write"} if any(step.inputs.get(name) for name in _IDENTITY_INPUTS) else {}
    return {**_of_token(step, scope), **identity}


def _of_token(step: ActionStep, scope: Scope) -> dict[str, str]:
    if step.inputs.get("github-token", "").strip() not in _JOB_TOKEN or step.inputs.get("app-id"):
        return {}
    needs: dict[str, str] = {}
    if step.action == "chatops":
        needs = {"contents": "read", "pull-requests": "write"}
        needs |= {"deployments": "write"} if step.inputs.get("environment") else {}
    elif step.action == "docker-publish" and scope.value(step, "registry", "ghcr.io") == "ghcr.io":
        needs = {"packages": "write"}
    elif step.inputs.get("comment") == "true":
        needs = {"pull-requests": "write"}
    if step.inputs.get("check-name"):
        needs |= {"checks": "write"}
    return needs


def missing(job: WorkflowJob, scope: Scope, default: str) -> dict[str, str]:
    """Return the permissions that a job's steps need and its `permissions:` do not give."""
    needs: dict[str, str] = {}
    for step in job.steps:
        for name, level in needed(step, scope).items():
            needs[name] = max(level, needs.get(name, "none"), key=_LEVELS.index)
    granted = job.permissions
    if granted is None or isinstance(granted, str):
        level = {"read-all": "read", "write-all": "write"}.get(granted or "", default)
        # Whatever the repository's default is, it holds no `id-token`.
        levels = {name: "none" if name == "id-token" and granted is None else level for name in needs}
        return {name: need for name, need in needs.items() if _LEVELS.index(levels[name]) < _LEVELS.index(need)}
    return {name: need for name, need in needs.items() if _level(granted, name) < _LEVELS.index(need)}


def _level(granted: Mapping[str, str], name: str) -> int:
    level = granted.get(name, "none")
    return _LEVELS.index(level) if level in _LEVELS else 0


def permissions(scope: Scope, default: str) -> Iterator[HealthCheck]:
    """Check every job; `default` is the level that the repository gives jobs without `permissions:`."""
    name = "job permissions"
    for job in scope.workflow.jobs:
        if not job.steps:
            continue
        asked = f"permissions of job '{job.name}' in {scope.workflow.path}"
        if lacks := missing(job, scope, default):
            text = ", ".join(f"{permission}: {level}" for permission, level in sorted(lacks.items()))
            yield CHECK.fails(
                name,
                asked,
                f"job '{job.name}' lacks {text}",
                remedy=f"add to jobs.{job.name}.permissions: {{ {text} }}",
            )
        else:
            yield CHECK.ok(name, asked, f"job '{job.name}' has what its steps need")


def events(scope: Scope) -> Iterator[HealthCheck]:
    """Check that a file with chatops runs on comments, or on a call-back."""
    if not scope.workflow.steps("chatops"):
        return
    asked = f"'on:' in {scope.workflow.path}"
    needed_events = {"issue_comment", "repository_dispatch", "workflow_dispatch", "workflow_call", "pull_request"}
    if needed_events & set(scope.workflow.events):
        yield CHECK.ok("events", asked, f"runs on {', '.join(scope.workflow.events)}")
    else:
        yield CHECK.fails(
            "events",
            asked,
            f"runs on {', '.join(scope.workflow.events) or 'nothing'}, so no comment reaches chatops",
            remedy="add to the file: on: { issue_comment: { types: [created] } }",
        )


def references(scope: Scope) -> Iterator[HealthCheck]:
    """Check that every `uses:` names a commit or a version: a branch changes under your feet."""
    for uses in scope.workflow.uses:
        name, at, reference = uses.partition("@")
        if uses.startswith(("./", "docker://", "$/")):
            continue
        asked = f"uses: {uses}"
        if at and _PINNED.fullmatch(reference):
            text = f"is pinned to {reference[:12]}" if _SHA.fullmatch(reference) else f"follows the releases of {reference}"
            yield CHECK.ok("action reference", asked, f"{name} {text}")
        else:
            yield CHECK.fails(
                "action reference",
                asked,
                f"{name} follows {reference!r}, which can change at any time" if at else f"{name} names no version",
                remedy=scope.gh_api(f"repos/{'/'.join(name.split('/')[:2])}/commits/{reference or 'HEAD'} --jq .sha"),
            )


def pinned(scope: Scope) -> Iterator[HealthCheck]:
    """Check that every `uses:` names a commit, where the repository requires that."""
    for uses in scope.workflow.uses:
        name, _, reference = uses.partition("@")
        if not uses.startswith(("./", "docker://", "$/")) and not _SHA.fullmatch(reference):
            yield CHECK.fails(
                "action pinning",
                f"uses: {uses}, and the setting sha_pinning_required",
                f"the repository requires commits, and {name} has {reference!r}",
                remedy=scope.gh_api(f"repos/{'/'.join(name.split('/')[:2])}/commits/{reference} --jq .sha"),
            )


def teams(scope: Scope) -> Iterator[HealthCheck]:
    """Check that a step with `allow-teams` has a token that may see an organisation's members."""
    for step in scope.workflow.steps("chatops"):
        if not step.inputs.get("allow-teams"):
            continue
        asked = f"'allow-teams' in job '{step.job}'"
        if step.inputs.get("app-id") or step.inputs.get("github-token", "").strip() not in _JOB_TOKEN:
            yield CHECK.ok("team token", asked, "the step has a token of its own")
        else:
            yield CHECK.fails(
                "team token",
                asked,
                "the job's token never sees an organisation's members, whatever its permissions",
                remedy="give the step 'app-id' and 'app-private-key' of a GitHub App that may read members",
            )


def self_blocking(scope: Scope, required: frozenset[str], branch: str) -> Iterator[HealthCheck]:
    """Check that chatops does not wait for a required check which the command itself would conclude."""
    for step in scope.workflow.steps("chatops"):
        waits_for = set(step.words("require-checks", scope.context))
        own = scope.value(step, "check-name")
        if not waits_for or not own:
            continue
        asked = f"required checks of {branch}, and 'require-checks' of job '{step.job}'"
        if own in waits_for or ("required" in waits_for and own in required):
            yield CHECK.fails(
                "required checks",
                asked,
                f"the command waits for the check '{own}', which only the command itself concludes",
                remedy=f"take '{own}' out of 'require-checks', or out of the checks that {branch} requires",
            )
        else:
            yield CHECK.ok("required checks", asked, "the command does not wait for itself")
