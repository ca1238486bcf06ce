"""One acceptance case of chatops as data: what is set up, what is said, what must come of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from mlops_actions.chatops.reasons import REASONS
from mlops_sandbox.github import Delivery, GitHubServer
from mlops_sandbox.runner.files import LogCommand, read_log
from tests.actions.chatops.step import ChatopsStep
from tests.support.payloads import Scene, scene
from tests.support.result_schemas import check_result
from tests.support.step import StepRecord

Arrange: TypeAlias = Callable[[Scene], object]

US = "github-actions[bot]"


@dataclass(frozen=True)
class Case:
    """What happens, in this order: `before`, the event (a comment `said` by `by`, or `event`), `after`, the action.

    `reply` holds what the one reply must contain, in order; None: nobody is answered. `reactions` are ours on the comment.
    `exits` and `log` are the exit code and texts the log must contain; `requests` all requests, in any order; `withdrawn`:
    that signs had been given and must be taken back.
    """

    name: str
    reason: str
    said: str = "/train"
    by: str = "maintainer"
    inputs: Mapping[str, str] = field(default_factory=dict)
    before: Arrange | None = None
    event: Callable[[Scene], Delivery[Any]] | None = None
    after: Arrange | None = None
    scene: Callable[[GitHubServer], Scene] = scene
    permissions: Mapping[str, str] | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] | None = None
    reply: tuple[str, ...] | None = None
    reactions: tuple[str, ...] | None = None
    exits: int = 0
    log: tuple[str, ...] = ()
    requests: tuple[str, ...] | None = None
    withdrawn: bool = False


DEFAULT_INPUTS = {"commands": "/train, /deploy"}


def play(case: Case, stage: ChatopsStep) -> tuple[Scene, StepRecord, Delivery[Any]]:
    """Set up, run the main stage, and check what the case says."""
    it = case.scene(stage.github)
    if case.before:
        case.before(it)
    delivery = case.event(it) if case.event else it.pull.comment(case.said, by=case.by)
    if case.after:
        case.after(it)
    if case.permissions is not None:
        stage.permissions = case.permissions
    stage.environ |= dict(case.environ)
    ran = stage.run(delivery, {**DEFAULT_INPUTS, **case.inputs})
    check(case, it, ran, delivery)
    return it, ran, delivery


def check(case: Case, it: Scene, ran: StepRecord, delivery: Delivery[Any]) -> None:
    shown = f"{ran.log}\n{dict(ran.outputs)}\n" + "\n".join(str(exchange) for exchange in it.github.exchanges)
    decision = REASONS[case.reason].kind
    assert (ran.outputs.get("reason"), ran.exit_code) == (case.reason, case.exits), shown
    assert ran.outputs["decision"] == decision
    assert ran.outputs["triggered"] == ("true" if decision == "continue" else "false")
    assert ran.outputs["BOOL_TRIGGERED"] == ("True" if decision == "continue" else "False")
    for name, value in case.outputs.items():
        assert ran.outputs.get(name, "") == value, (name, shown)
    if case.params is not None:
        assert json.loads(ran.outputs["params"]) == case.params
    if decision != "continue":
        # Nothing that a later step could act on.
        for name in ("sha", "ref", "params", "deployment-id", "BRANCH_NAME", "APP_INSTALLATION_TOKEN"):
            assert not ran.outputs.get(name), shown
    result = check_result("chatops", ran.outputs["result"])
    assert (result["schema"], result["decision"], result["reason"]) == (1, decision, case.reason)
    _check_answers(case, it, delivery, shown)
    for text in case.log:
        assert text in ran.log, shown
    _check_log(ran)
    if case.requests is not None:
        assert sorted(case.requests) == sorted(f"{one.method} {one.path}" for one in it.github.exchanges), shown


def _check_answers(case: Case, it: Scene, delivery: Delivery[Any], shown: str) -> None:
    decision = REASONS[case.reason].kind
    replies = [comment.body for comment in it.pull.comments if comment.user.login == US]
    if case.reply is None:
        assert replies == [], shown
    else:
        assert len(replies) == 1, shown
        position = 0
        for text in case.reply:
            found = replies[0].find(text, position)
            assert found >= 0, (text, replies[0])
            position = found + len(text)
    if case.reactions is not None:
        found_reactions = tuple(r.content for r in delivery.subject.reactions if r.user.login == US)
        assert found_reactions == case.reactions, shown
    if decision == "ignore" and case.reply is None:
        assert it.github.exchanges == [], shown
    if case.withdrawn:
        # What had begun is taken back.
        assert it.pull.label_names == [], shown
        assert [run.conclusion for run in it.repository.check_runs.values()] == ["cancelled"], shown
        assert [deployment.state for deployment in it.repository.deployments.values()] == ["error"], shown
    elif decision == "deny":
        # A denial starts nothing: no label, check run or deployment, nor is one tried.
        allowed = ("POST /repos/*/*/issues/*/comments", "POST /repos/*/*/**/reactions")
        assert all(any(write.matches(route) for route in allowed) for write in it.github.writes), shown


def _check_log(ran: StepRecord) -> None:
    """Nothing in the log is a command but what the action means to say."""
    known = {"add-mask", "warning", "notice", "error", "debug"}
    commands = [entry for entry in read_log(ran.log) if isinstance(entry, LogCommand)]
    assert {command.name for command in commands} <= known, ran.log
    if ran.exit_code == 0:
        assert "error" not in {command.name for command in commands}, ran.log
