"""The permissions that a step needs on GitHub: those of the calls that its inputs turn on, by core/github_rights.py.

tests/actions/doctor/test_coverage.py compares them with the calls that the actions make.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mlops_actions.core.github_rights import IDENTITY, LABEL_CREATION, MEMBERS, PACKAGES, right_for
from mlops_actions.core.registries import GITHUB
from mlops_actions.doctor.expressions import TokenOwner
from mlops_actions.doctor.scope import Scope
from mlops_actions.doctor.workflow import ActionStep

LEVELS = ("none", "read", "write", "admin")
LABELS = ("pending-label", "success-label", "failure-label")
# Inputs of argo-submit that sign in with the job's identity token.
BY_IDENTITY = ("google-identity-provider", "aws-role", "aks-cluster", "oidc-audience")
CALL_BACK = "repository_dispatch"


@dataclass(frozen=True)
class Feature:
    """Calls that an action makes if one of `inputs` is given (without names: always), or on an event.

    `as_app` says that a GitHub App makes them, where the step has one. With `word` one of the inputs must name it.
    """

    action: str
    calls: tuple[str, ...]
    inputs: tuple[str, ...] = ()
    event: str = ""
    as_app: bool = False
    word: str = ""


_REPLY = ("POST /repos/*/*/issues/comments/*/reactions", "POST /repos/*/*/issues/*/comments")
_COMMENT = (
    "GET /repos/*/*/commits/*/pulls",
    "GET /repos/*/*/issues/*/comments",
    "POST /repos/*/*/issues/*/comments",
)
_WHAT_RUNS = (
    "GET /repos/*/*/actions/workflows/*/runs",
    "GET /repos/*/*/actions/runs/*/jobs",
    "GET /repos/*/*/check-runs/*/annotations",
)
_BASE_COMMITS = (
    "GET /repos/*/*/commits/*/pulls",
    "GET /repos/*/*/pulls/*",
    "GET /repos/*/*/compare/**",
    "GET /repos/*/*/commits",
)
FEATURES = (
    Feature("chatops", ("GET /repos/*/*/pulls/*", "GET /repos/*/*/issues/*/events", "GET /repos/*/*/activity")),
    Feature("chatops", _REPLY),  # to a command that is refused
    Feature("chatops", _REPLY, as_app=True),
    # The command's comment, which the job's own account writes and updates.
    Feature("chatops", ("GET /repos/*/*/issues/*/comments", "PATCH /repos/*/*/issues/comments/*")),
    Feature("chatops", ("POST /repos/*/*/issues/*/labels",), LABELS, as_app=True),
    Feature("chatops", ("POST /repos/*/*/check-runs",), ("check-name",), as_app=True),
    Feature("chatops", ("POST /repos/*/*/deployments",), ("environment",), as_app=True),
    Feature(
        "chatops",
        (
            "GET /repos/*/*/commits/*/check-runs",
            "GET /repos/*/*/commits/*/status",
            "GET /repos/*/*/commits/*/statuses",
        ),
        ("require-checks",),
    ),
    Feature(
        "chatops",
        ("GET /repos/*/*/pulls/*/files", "GET /repos/*/*/contents/*", "GET /repos/*/*/git/blobs/*"),
        ("require-code-owner",),
    ),
    Feature("chatops", ("GET /orgs/*/teams/*/memberships/*",), ("allow-teams",), as_app=True),
    Feature(
        "chatops",
        (
            "GET /repos/*/*/actions/runs/*",
            "GET /repos/*/*/actions/runs/*/jobs",
            "GET /repos/*/*/check-runs/*/annotations",
        ),
        event=CALL_BACK,
    ),
    Feature("chatops", ("GET /repos/*/*/actions/runs/*",), event="workflow_dispatch"),
    Feature("chatops", _WHAT_RUNS, ("controls",)),
    Feature("chatops", ("POST /repos/*/*/actions/runs/*/cancel",), ("controls",), word="stop"),
    # A command with a lock says behind whom it waits.
    Feature("chatops", _WHAT_RUNS, ("commands",), word="lock:"),
    Feature("argo-submit", _COMMENT, ("comment",)),
    Feature("argo-submit", ("GET /repos/*/*/pulls/*",), ("superseded",)),
    Feature("wandb-runs", _COMMENT, ("comment",)),
    Feature(
        "wandb-runs",
        ("POST /repos/*/*/check-runs", "PATCH /repos/*/*/check-runs/*", "GET /repos/*/*/commits/*/check-runs"),
        ("check-name",),
    ),
    Feature("wandb-runs", _BASE_COMMITS, ("baseline",), word="merge-base"),
    Feature("wandb-runs", _BASE_COMMITS, ("baseline",), word="previous"),
)

# GitHub does not start a reusable workflow whose caller grants less than one of its jobs asks for, whatever the inputs say.
# https://docs.github.com/actions/how-tos/reuse-automations/reuse-workflows
OF_PIPELINE = {
    "contents": "read",
    "actions": "write",
    "pull-requests": "write",
    "checks": "write",
    "packages": "write",
}
OF_KEYLESS_PIPELINE = {**OF_PIPELINE, "id-token": "write"}


@dataclass(frozen=True)
class Needs:
    """Permissions by name. `possible` are needed only if an expression, which a job alone evaluates, has some value."""

    certain: Mapping[str, str] = field(default_factory=dict)
    possible: Mapping[str, str] = field(default_factory=dict)


def of_job(step: ActionStep, scope: Scope) -> Needs:
    """Return the permissions that a step needs of the job's own token, as `permissions:` names them."""
    owner = scope.token_owner(step)
    certain: list[str] = []
    possible: list[str] = []
    for feature, is_on in _features(step, scope):
        by_app = scope.given(step, "app-id") if feature.as_app else False
        if owner is TokenOwner.OTHER or by_app:
            continue
        sure = is_on and by_app is False and owner is TokenOwner.JOB
        (certain if sure else possible).extend(right for right in map(right_for, feature.calls) if right != MEMBERS)
    if step.action == "docker-publish":
        registry, password = scope.known(step, "registry", GITHUB), scope.token_owner(step, "password")
        if registry in (GITHUB, None) and password is not TokenOwner.OTHER:
            (certain if registry and password is TokenOwner.JOB else possible).append(PACKAGES)
        if owner is not TokenOwner.OTHER:  # without it a tag that could go back stays where it is
            (certain if owner is TokenOwner.JOB else possible).append(right_for("GET /repos/octo-org/digits/compare/a...b"))
    if step.action == "argo-submit":
        given = [scope.given(step, name) for name in BY_IDENTITY]
        if any(given) or None in given:
            (certain if any(given) else possible).append(IDENTITY)
    return Needs(merged(certain), merged(possible))


def of_app(step: ActionStep, scope: Scope) -> dict[str, str]:
    """Return the permissions that a step needs as a GitHub App, by the names that Apps have for them."""
    features = [feature for feature, is_on in _features(step, scope) if feature.as_app and is_on]
    rights = [right_for(call) for feature in features for call in feature.calls]
    if any(feature.inputs == LABELS for feature in features):
        rights.append(LABEL_CREATION)  # for a label that does not exist yet
    return {name.replace("-", "_"): level for name, level in merged(rights).items()}


def of_feedback(step: ActionStep, scope: Scope) -> dict[str, str]:
    """Return the permissions that concluding what a step of chatops begins surely needs of the job's own token."""
    if scope.given(step, "app-id") is not False or scope.token_owner(step) is not TokenOwner.JOB:
        return {}
    features = [feature for feature, is_on in _features(step, scope) if feature.as_app and is_on]
    rights = [right_for(call) for feature in features for call in feature.calls]
    return merged(right for right in rights if right != MEMBERS)


def merged(rights: Iterable[str]) -> dict[str, str]:
    """Return the highest level of each permission in lines such as `checks: read`."""
    levels: dict[str, str] = {}
    for right in rights:
        name, _, level = right.partition(": ")
        levels[name] = max(level, levels.get(name, "none"), key=LEVELS.index)
    return levels


def _features(step: ActionStep, scope: Scope) -> list[tuple[Feature, bool]]:
    """Return the features that are on (True), or may be on (False)."""
    found: list[tuple[Feature, bool]] = []
    only_feedback = step.action == "chatops" and scope.value(step, "mode").strip().lower() == "finish"
    for feature in FEATURES:
        if feature.action != step.action or (feature.event and feature.event not in scope.workflow.events):
            continue
        if only_feedback and not feature.as_app:
            continue
        given = [_given(step, scope, name, feature.word) for name in feature.inputs]
        if not given or any(given) or None in given:
            found.append((feature, not given or any(given)))
    return found


def _given(step: ActionStep, scope: Scope, name: str, word: str) -> bool | None:
    """Tell whether an input is given, and names the word if there is one; None where only a job can tell."""
    value = scope.known(step, name)
    return None if value is None else bool(scope.given(step, name)) and word in value and value.strip().lower() != "none"
