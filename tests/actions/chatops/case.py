"""One acceptance case of chatops as data: what is set up, what is said, what must come of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from mlops_actions.chatops.reasons import REASONS
from mlops_sandbox.github import Delivery, GitHubServer
from mlops_sandbox.runner.files import LogCommand, read_log
from tests.actions.chatops.step import ChatopsStep, app_inputs
from tests.support.payloads import Sample, make_sample
from tests.support.result_schemas import check_result
from tests.support.step import StepRecord

Arrange: TypeAlias = Callable[[Sample], object]

US = "github-actions[bot]"


@dataclass(frozen=True)
class Case:
    """What happens, in this order: `before`, the event (a comment `body` by `by`, or `event`), `after`, the action.

    `reply` holds what the one reply must contain, in order; empty: nobody is answered; None: nobody, except that a
    granted command has its comment, and to ignore something GitHub is not asked. `reactions` are ours on the comment.
    `permissions` are the job's token's, `app` those that a GitHub App was granted which the step acts as; None: no App.
    `log` holds texts that the log must contain; `requests` all requests, in any order; `withdrawn`: feedback was given and
    must be taken back. Each of `finally_` asserts what has become of the repository.
    """

    name: str
    reason: str
    body: str = "/train"
    by: str = "maintainer"
    inputs: Mapping[str, str] = field(default_factory=dict)
    before: Arrange | None = None
    event: Callable[[Sample], Delivery[Any]] | None = None
    after: Arrange | None = None
    sample: Callable[[GitHubServer], Sample] = make_sample
    permissions: Mapping[str, str] | None = None
    app: Mapping[str, str] | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] | None = None
    reply: tuple[str, ...] | None = None
    reactions: tuple[str, ...] | None = None
    exit_code: int = 0
    log: tuple[str, ...] = ()
    requests: tuple[str, ...] | None = None
    withdrawn: bool = False
    finally_: tuple[Arrange, ...] = ()


DEFAULT_INPUTS = {"commands": "/train, /deploy"}


def play(case: Case, stage: ChatopsStep) -> tuple[Sample, StepRecord, Delivery[Any]]:
    """Set up, run the main stage, and check what the case says."""
    sample = case.sample(stage.github)
    if case.before:
        case.before(sample)
    delivery = case.event(sample) if case.event else sample.pull.comment(case.body, by=case.by)
    if case.after:
        case.after(sample)
    if case.permissions is not None:
        stage.permissions = case.permissions
    stage.environ |= dict(case.environ)
    app = {} if case.app is None else app_inputs(sample, case.app)
    earlier = len(_said(sample))
    record = stage.run(delivery, {**DEFAULT_INPUTS, **app, **case.inputs})
    check(case, sample, record, delivery, earlier)
    return sample, record, delivery


def _said(sample: Sample) -> list[str]:
    return [comment.body for comment in sample.pull.comments if comment.user.login == US]


def check(case: Case, sample: Sample, record: StepRecord, delivery: Delivery[Any], earlier: int) -> None:
    shown = f"{record.log}\n{dict(record.outputs)}\n" + "\n".join(str(exchange) for exchange in sample.github.exchanges)
    decision = REASONS[case.reason].kind
    assert (record.outputs.get("reason"), record.exit_code) == (case.reason, case.exit_code), shown
    assert record.outputs["decision"] == decision
    assert record.outputs["triggered"] == ("true" if decision == "continue" else "false")
    assert record.outputs["BOOL_TRIGGERED"] == ("True" if decision == "continue" else "False")
    for name, value in case.outputs.items():
        assert record.outputs.get(name, "") == value, (name, shown)
    if case.params is not None:
        assert json.loads(record.outputs["params"]) == case.params
    if decision != "continue":
        # Nothing that a later step could act on.
        for name in ("sha", "ref", "params", "deployment-id", "BRANCH_NAME", "APP_INSTALLATION_TOKEN"):
            assert not record.outputs.get(name), shown
    result = check_result("chatops", record.outputs["result"])
    assert (result["schema"], result["decision"], result["reason"]) == (1, decision, case.reason)
    _check_answers(case, sample, delivery, earlier, shown)
    for test in case.finally_:
        test(sample)
    for text in case.log:
        assert text in record.log, shown
    _check_log(record)
    if case.requests is not None:
        paths = (re.sub(r"check-runs/\d+", "check-runs/ID", one.path) for one in sample.github.exchanges)
        asked = [f"{one.method} {path}" for one, path in zip(sample.github.exchanges, paths, strict=True)]
        assert sorted(case.requests) == sorted(asked), shown


def _check_answers(case: Case, sample: Sample, delivery: Delivery[Any], earlier: int, shown: str) -> None:
    decision = REASONS[case.reason].kind
    replies = _said(sample)[earlier:]
    if case.reply is None:
        is_said = decision == "continue" and case.inputs.get("reply", "always") == "always"
        is_said = is_said and "trigger_phrase" not in case.inputs and delivery.event != "repository_dispatch"
        assert [reply.startswith("<!-- mlops-actions:mlops -->") for reply in replies] == [True] * is_said, shown
    else:
        assert len(replies) == bool(case.reply), shown
        position = 0
        for text in case.reply:
            found = replies[0].find(text, position)
            assert found >= 0, (text, replies[0])
            position = found + len(text)
    if case.reactions is not None:
        found_reactions = tuple(r.content for r in delivery.subject.reactions if r.user.login == US)
        assert found_reactions == case.reactions, shown
    if decision == "ignore" and case.reply is None and case.requests is None:
        assert sample.github.exchanges == [], shown
    if case.withdrawn:
        # What had begun is taken back.
        assert sample.pull.label_names == [], shown
        assert [run.conclusion for run in sample.repository.check_runs.values()] == ["cancelled"], shown
        assert [deployment.state for deployment in sample.repository.deployments.values()] == ["error"], shown
    elif decision == "deny":
        # A denial starts nothing: no label, check run or deployment, nor is one tried.
        allowed = ["POST /repos/*/*/issues/*/comments", "POST /repos/*/*/**/reactions", "POST /graphql"]
        allowed += ["POST /repos/*/*/actions/runs/*/cancel"] if case.reason == "not-stopped" else []
        allowed += ["POST /app/installations/*/access_tokens"] if case.app is not None else []
        assert all(any(write.matches(route) for route in allowed) for write in sample.github.writes), shown


def _check_log(record: StepRecord) -> None:
    """Nothing in the log is a command but what the action means to say."""
    known = {"add-mask", "warning", "notice", "error", "debug"}
    commands = [entry for entry in read_log(record.log) if isinstance(entry, LogCommand)]
    assert {command.name for command in commands} <= known, record.log
    if record.exit_code == 0:
        assert "error" not in {command.name for command in commands}, record.log
