"""chatops gets an odd answer to each of its calls: it never lets a command through for it, and never crashes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from mlops_actions.boundary.github import Pace, transport
from mlops_sandbox.github import GitHubServer
from tests.actions.odd_answers.answers import without_other_fields
from tests.actions.odd_answers.calls import (
    Call,
    odd_answers,
    problems_of_decision,
    problems_of_feedback,
    shown,
    times_asked,
    told,
    undeclared,
    usual_answers,
)
from tests.actions.odd_answers.chatops import CALLS, SCENARIOS, World
from tests.support.interceptor import Answer, Change, Interceptor
from tests.support.shared_host import SharedHost
from tests.support.step import StepRecord

DECISIONS = [call for call in CALLS if call.kind == "decision"]
FEEDBACK = [call for call in CALLS if call.kind == "feedback"]
# What another step acts on.
OUTPUTS = ("triggered", "decision", "reason", "sha", "ref", "params", "control", "control-runs")


_load_pem_private_key = cache(load_pem_private_key)


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "PACE", Pace(timeout=10, attempts=2, backoff=0.0, patience=0.0))
    # To check the App's private key costs more than the rest of a run; it is the same one each time.
    monkeypatch.setattr("jwt.algorithms.load_pem_private_key", _load_pem_private_key)


class Trial:
    """Plays a scenario on a GitHub of its own each time, with one answer changed."""

    def __init__(self, shared: SharedHost, directory: Path) -> None:
        self._shared = shared
        self._directory = directory
        self._count = 0

    def run(self, call: Call, change: Change) -> tuple[StepRecord, Interceptor]:
        github = GitHubServer(origin=self._shared.host.url)
        interceptor = self._shared.application = Interceptor(github.app)
        self._count += 1
        folder = self._directory / str(self._count)
        folder.mkdir()
        play = SCENARIOS[call.scenario](World(github, folder))
        interceptor.arm(call.route, change, call.occurrence)
        return play(), interceptor

    def usual(self, call: Call) -> tuple[StepRecord, bytes]:
        """Run with no answer changed; return also the body of the true answer, the longest one of several."""
        bodies: list[bytes] = []

        def keep(true: Answer) -> Answer:
            bodies.append(true.body)
            return true

        record, interceptor = self.run(call, keep)
        assert interceptor.changed, interceptor.calls
        return record, max(bodies, key=len)  # the others may be lists of nothing


@pytest.fixture
def trial(github_host: SharedHost, tmp_path: Path) -> Iterator[Trial]:
    yield Trial(github_host, tmp_path)
    github_host.application = None


def test_every_call_is_in_the_table(trial: Trial) -> None:
    for scenario in SCENARIOS:
        _, interceptor = trial.run(Call("GET /nothing", scenario, "decision"), lambda true: true)
        assert undeclared(interceptor.calls, CALLS) == set(), scenario
        table = [call for call in CALLS if call.scenario == scenario]
        assert table, scenario
        for call in table:
            asked = times_asked(interceptor, call)
            assert asked >= max(call.occurrence, 1), (scenario, call, interceptor.calls)
            last = max(one.occurrence for one in table if one.route == call.route)
            assert last in (0, asked), (call, asked)


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_the_action_needs_no_other_fields_than_the_table_says(call: Call, trial: Trial) -> None:
    usual, _ = trial.usual(call)
    record, _ = trial.run(call, without_other_fields(call.field_paths) if call.fields else lambda true: true)
    assert (record.exit_code, told(record)) == (usual.exit_code, told(usual))
    assert [record.outputs.get(name) for name in OUTPUTS] == [usual.outputs.get(name) for name in OUTPUTS]


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_the_same_answer_in_another_way_changes_nothing(call: Call, trial: Trial) -> None:
    usual, _ = trial.usual(call)
    for name, change in usual_answers(call):
        record, interceptor = trial.run(call, change)
        assert interceptor.changed, name
        assert (record.exit_code, told(record)) == (
            usual.exit_code,
            told(usual),
        ), (name, record.log)
        assert [record.outputs.get(output) for output in OUTPUTS] == [usual.outputs.get(output) for output in OUTPUTS]


@pytest.mark.parametrize("call", DECISIONS, ids=str)
def test_a_decision_is_never_made_on_an_odd_answer(call: Call, trial: Trial) -> None:
    usual, true_body = trial.usual(call)
    problems: dict[str, list[str]] = {}
    for name, change in odd_answers(call, true_body):
        record, interceptor = trial.run(call, change)
        assert interceptor.changed, name
        if name.startswith(call.silent):
            assert (record.exit_code, record.outputs["reason"]) == (usual.exit_code, usual.outputs["reason"]), name
            continue
        if name.startswith("404") and call.absence:
            assert record.outputs["reason"] == call.absence, record.log
            continue
        exits = (0, 3, 4) if record.outputs.get("reason") == "head-unknown" else (3, 4)
        found = list(problems_of_decision(record, call, exits=exits, forbidden={"triggered": "true"}))
        if any(record.outputs.get(output) for output in ("sha", "control", "APP_INSTALLATION_TOKEN")):
            found.append("a later step could act on the outputs")
        if found:
            problems[name] = found
    assert not problems, shown(problems)


@pytest.mark.parametrize("call", FEEDBACK, ids=str)
def test_an_odd_answer_to_feedback_is_one_warning(call: Call, trial: Trial) -> None:
    usual, true_body = trial.usual(call)
    problems: dict[str, list[str]] = {}
    for name, change in odd_answers(call, true_body):
        record, interceptor = trial.run(call, change)
        assert interceptor.changed, name
        if found := list(problems_of_feedback(record, usual, call=call, outputs=OUTPUTS, answer=name)):
            problems[name] = found
    assert not problems, shown(problems)
