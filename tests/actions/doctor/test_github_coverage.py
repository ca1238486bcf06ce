"""Doctor asks for each right that the actions' calls to GitHub take: a new call needs its right in the same change.

The calls are those that the actions make in the suite of odd answers, which holds each of them; the rights that they take
are GitHub's published ones.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops_actions.argo_submit.read_manifest import read_manifest
from mlops_actions.core import github_rights
from mlops_actions.doctor import step_rights, token
from mlops_actions.doctor.scope import Scope
from mlops_actions.doctor.workflow import ActionStep, parse
from mlops_sandbox.github import Delivery, GitHubServer
from mlops_sandbox.github.permissions import NO_INSTALLATION, OBSERVED, PERMISSIONLESS, PUBLISHED
from mlops_sandbox.github.rest.access import credential
from mlops_sandbox.github.rest.call import operation_key
from tests.actions.doctor.world import WORKFLOW, World
from tests.actions.odd_answers import chatops, test_argo_submit_github, test_wandb_runs
from tests.actions.odd_answers.calls import Play

# chatops asks for check suites only with `head: suites`, and only where it may not read the activity: docs/permissions.md.
INSTEAD_OF_ANOTHER_CALL = {"GET /repos/{}/{}/commits/{}/check-suites"}
EVERY_TOKEN_HAS = "metadata"
LEVELS = ("none", "read", "write", "admin")


def step_of(action: str, inputs: Mapping[str, str], *events: str) -> tuple[ActionStep, Scope]:
    """Return the step of a workflow file with these inputs."""
    node = {"uses": f"octo/mlops-actions/actions/{action}@v1", "with": dict(inputs)}
    workflow = parse(json.dumps({"on": list(events), "jobs": {"job": {"steps": [node]}}}), "mlops.yml")
    scope = Scope(workflow=workflow, repository="octo-org/digits", context={}, read=str, read_manifest=read_manifest)
    return workflow.steps(action)[0], scope


def taken_by(operation: str) -> str:
    """Return the permissions that an operation takes on a pull request, in the form of GitHub's header."""
    observed = {operation_key(name): observation for name, observation in OBSERVED.items()}
    published = {operation_key(name): permissions for name, permissions in PUBLISHED.items()}
    key = operation_key(operation).replace("**", "*").replace("*", "{}")
    found = observed.get(key)
    return found.permissions if found and found.subject in ("", "pull") else published[key]


def suffices(rights: Mapping[str, str], permissions: str) -> bool:
    """Tell whether rights, by the names of `permissions:`, hold one of the alternatives."""

    def holds(permission: str) -> bool:
        name, _, level = permission.partition("=")
        own = rights.get(name.replace("_", "-"), rights.get(name, "none"))
        return name == EVERY_TOKEN_HAS or LEVELS.index(own) >= LEVELS.index(level)

    return permissions == PERMISSIONLESS or any(
        all(map(holds, alternative.split(","))) for alternative in permissions.split("; ")
    )


@dataclass
class Recorded(chatops.World):
    """A world that keeps the step of each stage that is played."""

    played: list[tuple[ActionStep, Scope]] = field(default_factory=list)

    def play(self, delivery: Delivery[Any], inputs: Mapping[str, str], *, post: bool = False, run_id: str = "7") -> Play:
        self.played.append(step_of("chatops", inputs, delivery.event))
        return super().play(delivery, inputs, post=post, run_id=run_id)


@pytest.mark.parametrize("scenario", chatops.SCENARIOS)
def test_doctor_asks_for_each_right_that_chatops_uses(github: GitHubServer, tmp_path: Path, scenario: str) -> None:
    world = Recorded(github, tmp_path)
    chatops.SCENARIOS[scenario](world)()
    job = step_rights.merged(line for step, scope in world.played for line in lines(step_rights.of_job(step, scope).certain))
    app = step_rights.merged(line for step, scope in world.played for line in lines(step_rights.of_app(step, scope)))
    lacking: list[str] = []
    judged = 0
    for exchange in github.exchanges:
        used = github.tokens.get(credential(exchange.headers.get("authorization")) or "")
        operation = operation_key(f"{exchange.method} {exchange.route}")
        if used is None or exchange.route is None or operation in INSTEAD_OF_ANOTHER_CALL:
            continue  # an App's own JSON web token; or no operation of GitHub
        judged += 1
        rights, permissions = job if used.is_of_job else app, taken_by(operation)
        # Every token of a job is refused `GET /user`; the actions go on without it.
        if permissions != NO_INSTALLATION and not suffices(rights, permissions):
            lacking.append(f"{operation} takes {permissions}, and doctor asks for {rights}")
    assert lacking == []
    assert judged >= 2


def lines(rights: Mapping[str, str]) -> Iterable[str]:
    return (f"{name}: {level}" for name, level in rights.items())


@pytest.mark.parametrize(
    ("action", "calls"),
    [
        ("argo-submit", test_argo_submit_github.CALLS),
        ("wandb-runs", (*test_wandb_runs.CALLS, *test_wandb_runs.BASE_CALLS)),
    ],
    ids=["argo-submit", "wandb-runs"],
)
def test_doctor_asks_for_each_right_that_the_other_actions_use(action: str, calls: Iterable[Any]) -> None:
    given = {"comment": "true", "check-name": "metrics", "baseline": "merge-base"}
    step, scope = step_of(action, given, "issue_comment")
    rights = step_rights.of_job(step, scope).certain
    taken = {
        call.route: taken_by(call.route) for call in calls if call.route.startswith(("GET /", "POST /repos", "PATCH /"))
    }
    assert len(taken) >= 5
    # Every token of a job is refused `GET /user`; the actions go on without it.
    assert [
        route for route, permissions in taken.items() if permissions != NO_INSTALLATION and not suffices(rights, permissions)
    ] == []


def test_each_right_of_the_table_is_one_that_doctor_asks_for() -> None:
    """`members` is asked of the App, and `packages` by the group Registry."""
    named = {right.partition(": ")[0] for _, right in github_rights.RIGHTS}
    assert named - {"members"} == set(token.QUESTIONS)
    assert github_rights.PACKAGES.partition(": ")[0] not in token.QUESTIONS
    features = {github_rights.right_for(call) for feature in step_rights.FEATURES for call in feature.calls}
    assert "" not in features


EVERYTHING = {
    "chatops": {
        "commands": "train: {confirm: true, lock: gpu}", "controls": "status, stop, retry, approve, reject",
        "pending-label": "training", "check-name": "training", "environment": "staging", "require-checks": "tests",
        "require-code-owner": "true",
    },
    "docker-publish": {"image": "digits", "registry": "ghcr.io"},
    "argo-submit": {"workflow": "workflow.yaml", "comment": "true"},
    "wandb-runs": {"project": "sandbox/digits", "comment": "true", "check-name": "metrics", "baseline": "merge-base"},
}  # fmt: skip
READS = {"actions", "checks", "contents", "deployments", "pull-requests", "statuses"}
WRITES = {"actions", "checks", "deployments", "packages", "pull-requests"}


@pytest.fixture
def with_everything(world: World) -> World:
    """A private repository whose file turns every feature on, and gives its job no permission."""
    world.repository.private = True
    steps = [{"uses": f"octo/mlops-actions/actions/{name}@v1", "with": given} for name, given in EVERYTHING.items()]
    jobs = {"train": {"permissions": {"contents": "read"}, "steps": steps}}
    events = {"issue_comment": {"types": ["created"]}, "repository_dispatch": {}}
    world.write(WORKFLOW, yaml.safe_dump({"on": events, "jobs": jobs}))
    return world


def test_each_right_is_shown_for_a_job(with_everything: World) -> None:
    world = with_everything
    world.environ["GH_TOKEN"] = world.github.workflow_token(world.repository, {"metadata": "read"}).value
    world.environ |= {"GITHUB_ACTIONS": "true", "DOCTOR_VARS": json.dumps(world.settings.variables)}
    diagnosed = world.ask("--only", "github")
    failed = {name for _, name in diagnosed.named("fails")}
    assert {f"may read {name}" for name in READS} <= failed, diagnosed.text
    unknown = {name for _, name in diagnosed.named("cannot be told")}
    assert {name for name in unknown if name.startswith("may write ")} == {f"may write {name}" for name in WRITES}
    lacks = diagnosed.check("github", "job permissions")["remedy"]
    assert re.findall(r"([a-z-]+): (read|write)", lacks) == [
        ("actions", "write"), ("checks", "write"), ("deployments", "write"), ("packages", "write"),
        ("pull-requests", "write"), ("statuses", "read"),
    ]  # fmt: skip


def classic(*scopes: str) -> Callable[[World], str]:
    return lambda world: world.github.user_token("maintainer", scopes).value


def of_a_reader(world: World) -> str:
    world.repository.collaborator("reader", "read")
    return world.github.user_token("reader").value


def fine_grained(world: World) -> str:
    made = world.github.user_token("maintainer")
    made.scopes, value = None, f"github_pat_{made.value.removeprefix('ghp_')}_{secrets.token_hex(8)}"
    world.github.tokens[value] = made
    return value


@pytest.mark.parametrize(
    ("token_of", "name", "status", "answer"),
    [
        (classic("repo", "read:org"), "pull-requests", "ok", "by its scopes and the account's role"),
        (classic("repo", "read:org"), "checks", "cannot be told", "no person's token may create check runs"),
        (classic("repo", "read:org"), "packages", "cannot be told", "lacks the scope write:packages"),
        (classic("repo", "write:packages"), "packages", "ok", "by its scopes"),
        (of_a_reader, "pull-requests", "cannot be told", "lacks the role 'triage'"),
        (of_a_reader, "deployments", "cannot be told", "lacks the role 'push'"),
        (fine_grained, "pull-requests", "cannot be told", "GitHub does not show what a fine-grained token was granted"),
    ],
)
def test_a_right_to_write_is_told_as_far_as_scopes_and_role_show_it(
    with_everything: World, token_of: Callable[[World], str], name: str, status: str, answer: str
) -> None:
    with_everything.environ["GH_TOKEN"] = token_of(with_everything)
    check = with_everything.ask("--only", "github").check("github", f"may write {name}")
    assert (check["status"], with_everything.github.writes) == (status, [])
    assert answer in check["answer"]
