"""wandb-runs gets odd answers: no gate passes for one of W&B, and one of GitHub is a warning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mlops_actions.boundary.clock import SystemClock
from mlops_actions.boundary.github import Pace, transport
from mlops_sandbox.github import GitHubServer
from mlops_sandbox.host import Host
from mlops_sandbox.wandb import WandbServer
from tests.actions.odd_answers import comments
from tests.actions.odd_answers.calls import (
    Call,
    odd_answers,
    problems_of_decision,
    problems_of_feedback,
    shown,
    times_asked,
    undeclared,
)
from tests.support.interceptor import Answer, Change, Interceptor
from tests.support.shared_host import SharedHost
from tests.support.step import LocalRunner, Step, StepRecord

SHA, BASE_SHA = "a" * 40, "b" * 40
OUTPUTS = ("gate", "complete", "num-finished", "num-candidates", "best-run-id", "requirements")

BASE = "the base branch"
SCENARIOS: dict[str, dict[str, str]] = {
    comments.FIRST: {"comment": "true", "pr-number": "1"},
    comments.LATER: {"comment": "true", "pr-number": "1"},
    comments.PUSH: {"comment": "true"},
    "a check run": {"check-name": "metrics"},
    BASE: {"baseline": "merge-base", "pr-number": "1", "gates": "acc >= baseline"},
}
CALLS = (
    *comments.calls(comments.LATER).values(),
    Call("DELETE /repos/*/*/issues/comments/*", comments.LATER, "feedback", empty=True, silent=("404",)),
    Call("GET /repos/*/*/commits/*/check-runs", "a check run", "feedback", ("check_runs",)),
    Call("POST /repos/*/*/check-runs", "a check run", "feedback", ("id", "conclusion")),
)
BASE_CALLS = (
    Call("GET /repos/*/*/pulls/*", BASE, "decision", ("number", "base", "base.ref", "base.sha")),
    Call("GET /repos/*/*/compare/**", BASE, "decision", ("merge_base_commit", "merge_base_commit.sha")),
    Call("GET /repos/*/*/commits", BASE, "decision", ("[].sha", "[].parents", "[].parents.[].sha")),
)
_RUNS = "data.project.candidates"
GRAPHQL = Call(
    "POST /graphql",
    "a gate",
    "decision",
    (
        "data",
        "data.project",
        _RUNS,
        f"{_RUNS}.edges",
        f"{_RUNS}.edges.[].node",
        f"{_RUNS}.edges.[].node.name",
        f"{_RUNS}.edges.[].node.state",
        f"{_RUNS}.edges.[].node.summaryMetrics",
    ),
    # A state that is missing or unknown belongs to a run that has not ended.
    names="W&B|/graphql|gate|nothing is decided yet",
)
# The exchange of the job's identity token.
EXCHANGE = Call("POST /oidc/token", "an identity token", "decision", ("access_token",), names="identity token")
WANDB = (GRAPHQL, EXCHANGE)


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "PACE", Pace(timeout=10, attempts=2, backoff=0.0, patience=0.0))
    monkeypatch.setattr(SystemClock, "sleep", lambda clock, seconds: None)


class Trial:
    """A job with a finished run in W&B and a pull request, both made anew each time."""

    def __init__(self, github: SharedHost, wandb: WandbInterceptor, wandb_url: str, directory: Path) -> None:
        self._github, self._wandb, self._wandb_url, self._directory = github, wandb, wandb_url, directory
        self._count = 0

    def run(self, call: Call, change: Change) -> tuple[StepRecord, Interceptor]:
        github = GitHubServer(origin=self._github.host.url)
        of_github = self._github.application = Interceptor(github.app)
        repository = github.repository("octo/digits")
        repository.push("main", by="ada", sha=BASE_SHA)
        pull = repository.open_pull_request(by="ada", sha=SHA)
        inputs = {"gates": "acc >= 0.5", "sha": SHA, **SCENARIOS.get(call.scenario, {})}
        token = github.workflow_token(repository, {"contents": "read", "pull-requests": "write", "checks": "write"}).value
        self._count += 1
        runner = LocalRunner(self._directory / str(self._count), "octo/digits")
        step = Step(
            "wandb-runs",
            inputs={
                "project": "sandbox/digits",
                "api-key": self._wandb.server.api_key,
                "base-url": self._wandb_url,
                "github-token": token,
                **inputs,
            },
            event_name="push",
            event={"after": SHA, "repository": {"full_name": "octo/digits", "default_branch": "main"}},
            environ={"GITHUB_API_URL": github.api_url, "GITHUB_SERVER_URL": github.origin, "GITHUB_RUN_ID": "77"},
        )
        if call.scenario == comments.LATER:
            runner.run(replace(step, environ={**step.environ, "GITHUB_RUN_ID": "76"}))
            (written,) = pull.comments
            pull.comment(written.body, by=written.user)
        if call.scenario == EXCHANGE.scenario:
            file = self._directory / "token"
            file.write_text(self._wandb.server.identity_token)
            inputs = {**step.inputs, "api-key": ""}
            step = replace(step, inputs=inputs, environ={**step.environ, "WANDB_IDENTITY_TOKEN_FILE": str(file)})
        used = of_github if call.scenario in SCENARIOS else self._wandb
        used.arm(call.route, change, call.occurrence)
        record = runner.run(step)
        self._wandb.disarm()
        return record, used

    def usual(self, call: Call) -> tuple[StepRecord, bytes]:
        """Run with no answer changed; return also the body of the true answer."""
        bodies: list[bytes] = []

        def keep(true: Answer) -> Answer:
            bodies.append(true.body)
            return true

        record, interceptor = self.run(call, keep)
        assert interceptor.changed, (interceptor.calls, record.log)
        return record, bodies[0]


class WandbInterceptor(Interceptor):
    """Stands before a W&B with one finished run."""

    def __init__(self) -> None:
        self.server = WandbServer()
        self.server.store.add_run(
            "sandbox", "digits", name="c1", summary={"acc": 0.9}, config={"github_sha": SHA}, state="finished"
        )
        self.server.store.add_run("sandbox", "digits", name="b1", summary={"acc": 0.8}, commit=BASE_SHA, state="finished")
        super().__init__(self.server.app)


@pytest.fixture(scope="module")
def wandb_host() -> Iterator[tuple[WandbInterceptor, str]]:
    interceptor = WandbInterceptor()
    with Host(interceptor) as host:
        yield interceptor, host.url


@pytest.fixture
def trial(github_host: SharedHost, wandb_host: tuple[WandbInterceptor, str], tmp_path: Path) -> Iterator[Trial]:
    yield Trial(github_host, *wandb_host, tmp_path)
    github_host.application = None


def test_every_call_is_in_the_table(trial: Trial) -> None:
    for scenario in SCENARIOS:
        _, interceptor = trial.run(Call("GET /nothing", scenario, "feedback"), lambda true: true)
        assert undeclared(interceptor.calls, (*CALLS, *BASE_CALLS)) == set(), scenario
        for call in (call for call in (*CALLS, *BASE_CALLS) if call.scenario == scenario):
            assert times_asked(interceptor, call), (call, interceptor.calls)


def test_every_call_to_wandb_is_in_the_table(trial: Trial) -> None:
    for call in WANDB:
        record, interceptor = trial.run(Call("GET /nothing", call.scenario, "decision"), lambda true: true)
        assert record.exit_code == 0, record.log
        assert undeclared(interceptor.calls, WANDB) == set(), call
        assert times_asked(interceptor, call), (call, interceptor.calls)


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_an_odd_answer_of_github_is_one_warning(call: Call, trial: Trial) -> None:
    usual, true_body = trial.usual(call)
    assert (usual.exit_code, usual.outputs["gate"]) == (0, "passed"), usual.log
    problems: dict[str, list[str]] = {}
    for name, change in odd_answers(call, true_body):
        record, interceptor = trial.run(call, change)
        assert interceptor.changed, name
        if found := list(problems_of_feedback(record, usual, call=call, outputs=OUTPUTS, answer=name)):
            problems[name] = found
    assert not problems, shown(problems)


@pytest.mark.parametrize("call", BASE_CALLS, ids=str)
def test_no_gate_passes_for_an_odd_answer_about_the_base_branch(call: Call, trial: Trial) -> None:
    usual, true_body = trial.usual(call)
    assert (usual.exit_code, usual.outputs["gate"]) == (0, "passed"), usual.log
    problems: dict[str, list[str]] = {}
    for name, change in odd_answers(call, true_body):
        record, interceptor = trial.run(call, change)
        assert interceptor.changed, name
        found = list(problems_of_decision(record, call, exits=(3, 4), forbidden={"gate": "passed"}))
        if record.outputs.get("num-candidates") != "1":
            found.append("the report is lost")
        if found:
            problems[name] = found
    assert not problems, shown(problems)


@pytest.mark.parametrize("call", WANDB, ids=str)
def test_no_gate_passes_for_an_odd_answer_of_wandb(call: Call, trial: Trial) -> None:
    usual, true_body = trial.usual(call)
    assert (usual.exit_code, usual.outputs["gate"]) == (0, "passed"), usual.log
    problems: dict[str, list[str]] = {}
    for name, change in odd_answers(call, true_body):
        if name == "as HTML":
            continue  # servers that speak W&B's protocol send JSON as what they like
        record, interceptor = trial.run(call, change)
        assert interceptor.changed, name
        found = list(problems_of_decision(record, call, exits=(1, 2, 3, 4, 5), forbidden={"gate": "passed"}))
        if found:
            problems[name] = found
    assert not problems, shown(problems)
