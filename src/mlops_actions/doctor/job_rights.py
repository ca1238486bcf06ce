"""Checks that need nothing but the workflow file: permissions of its jobs, its events, its `uses:`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from mlops_actions.core import shell
from mlops_actions.doctor import step_rights
from mlops_actions.doctor.checks import Checker, HealthCheck
from mlops_actions.doctor.expressions import TokenOwner
from mlops_actions.doctor.scope import Scope
from mlops_actions.doctor.step_rights import LEVELS
from mlops_actions.doctor.workflow import ActionStep, WorkflowJob

_DEFAULT_READS = ("contents", "packages")
_SHA = re.compile(r"[0-9a-f]{40}")
_PINNED = re.compile(r"[0-9a-f]{40}|v?[0-9]+(?:\.[0-9]+)*(?:[-+].*)?")
CHECK = Checker("github")


def missing(job: WorkflowJob, scope: Scope, default: str, *, is_public: bool = False) -> dict[str, str]:
    """Return the permissions that a job's steps need and its `permissions:` do not give; see `permissions`."""
    lacks = _lacking(job, (step_rights.of_job(step, scope).certain for step in job.steps), default, is_public=is_public)
    # What the called jobs ask for must be granted in a public repository too.
    needed_by_calls = step_rights.OF_KEYLESS_PIPELINE if job.is_keyless else step_rights.OF_PIPELINE
    called = needed_by_calls if job.calls_pipeline else {}
    both = (*lacks.items(), *_lacking(job, (called,), default, is_public=False).items())
    return step_rights.merged(f"{name}: {level}" for name, level in both)


def _missing_to_conclude(scope: Scope, default: str) -> Iterator[tuple[WorkflowJob, Mapping[str, str]]]:
    """Yield a job with `mode: finish`, and what it lacks to conclude what a step has begun and left to such a job.

    Where no job of the file concludes, another file does. A job that concludes only built-in commands needs less, so that
    one job with all rights is enough: of several that lack as much, the last one of the file is named.
    """
    concluding = [job for job in scope.workflow.jobs if any(_concludes(step, scope) for step in job.steps)]
    for step in scope.workflow.steps("chatops") if concluding else ():
        if not _concludes(step, scope) and scope.value(step, "conclude").strip().lower() == "false":
            needed = step_rights.of_feedback(step, scope)
            lacks = ((job, _lacking(job, (needed,), default, is_public=False)) for job in reversed(concluding))
            yield min(lacks, key=lambda one: len(one[1]))


def _concludes(step: ActionStep, scope: Scope) -> bool:
    return step.action == "chatops" and scope.value(step, "mode").strip().lower() == "finish"


def _lacking(job: WorkflowJob, needs: Iterable[Mapping[str, str]], default: str, *, is_public: bool) -> dict[str, str]:
    needed = step_rights.merged(f"{name}: {level}" for each in needs for name, level in each.items())
    return {
        name: level
        for name, level in needed.items()
        if LEVELS.index(_granted(job, name, default)) < LEVELS.index(level) and not (is_public and level == "read")
    }


def _granted(job: WorkflowJob, name: str, default: str) -> str:
    """Return the level that a job gets. Without `permissions:` the repository's setting counts: `read` stands for two.

    https://docs.github.com/actions/security-for-github-actions/security-guides/automatic-token-authentication
    """
    granted = job.permissions
    if isinstance(granted, Mapping):
        level = granted.get(name, "none")
        return level if level in LEVELS else "none"
    if granted is None:
        given = name != "id-token" if default == "write" else name in _DEFAULT_READS
        return default if given else "none"
    return {"read-all": "read", "write-all": "write"}.get(granted, "none")


def permissions(scope: Scope, default: str, *, is_public: bool = False) -> Iterator[HealthCheck]:
    """Check every job; `default` is the level that the repository gives jobs without `permissions:`.

    In a public repository everybody may read, so that no line is needed for it.
    """
    name = "job permissions"
    to_conclude = [(job.name, lacks) for job, lacks in _missing_to_conclude(scope, default)]
    for job in scope.workflow.jobs:
        if not job.steps:
            continue
        asked = f"permissions of job '{job.name}' in {scope.workflow.path}"
        own = (
            missing(job, scope, default, is_public=is_public),
            *(lacks for name_, lacks in to_conclude if name_ == job.name),
        )
        lacks = step_rights.merged(f"{right}: {level}" for each in own for right, level in each.items())
        unsure = (step_rights.of_job(step, scope).possible for step in job.steps)
        may_lack = _lacking(job, unsure, default, is_public=is_public)
        if lacks:
            text = _text(lacks)
            yield CHECK.fails(
                name,
                asked,
                f"job '{job.name}' lacks {text}",
                remedy=f"add to jobs.{job.name}.permissions: {{ {text} }}",
            )
        elif may_lack:
            text = _text(may_lack)
            yield CHECK.unknown(
                name,
                asked,
                f"job '{job.name}' lacks {text}, which its steps need for some values of expressions that only a job "
                "evaluates, such as 'github-token'",
                remedy=f"if they do, add to jobs.{job.name}.permissions: {{ {text} }}",
            )
        else:
            yield CHECK.ok(name, asked, f"job '{job.name}' has what its steps need")


def _text(permissions: Mapping[str, str]) -> str:
    return ", ".join(f"{permission}: {level}" for permission, level in sorted(permissions.items()))


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
                remedy=_commit_of(scope, name, reference or "HEAD"),
            )


def _commit_of(scope: Scope, name: str, reference: str) -> str:
    """Return the command that shows which commit a reference of an action is; the action can be in a folder."""
    repository = "/".join(name.split("/")[:2])
    return scope.gh_api(f"{shell.word(f'repos/{repository}/commits/{reference}')} --jq .sha")


def pinned(scope: Scope) -> Iterator[HealthCheck]:
    """Check that every `uses:` names a commit, where the repository requires that."""
    for uses in scope.workflow.uses:
        name, _, reference = uses.partition("@")
        if not uses.startswith(("./", "docker://", "$/")) and not _SHA.fullmatch(reference):
            yield CHECK.fails(
                "action pinning",
                f"uses: {uses}, and the setting sha_pinning_required",
                f"the repository requires commits, and {name} has {reference!r}",
                remedy=_commit_of(scope, name, reference),
            )


def teams(scope: Scope, name: str = "allow-teams") -> Iterator[HealthCheck]:
    """Check that a step whose input asks about teams has a token that may see an organisation's members."""
    for step in scope.workflow.steps("chatops"):
        if scope.given(step, name) is False:
            continue
        asked, app, owner = f"'{name}' in job '{step.job}'", scope.given(step, "app-id"), scope.token_owner(step)
        text = "the job's token never sees an organisation's members, whatever its permissions"
        remedy = "give the step 'app-id' and 'app-private-key' of a GitHub App that may read members"
        if app or owner is TokenOwner.OTHER:
            yield CHECK.ok("team token", asked, "the step has a token of its own")
        elif app is None or owner is TokenOwner.UNKNOWN or scope.given(step, name) is None:
            yield CHECK.unknown("team token", asked, f"only a job can evaluate whose token it is; {text}", remedy=remedy)
        else:
            yield CHECK.fails("team token", asked, text, remedy=remedy)


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
