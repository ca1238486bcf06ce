"""argo-submit gets odd answers of GitHub: it submits no commit that they name, and feedback is one warning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mlops_actions.boundary.clock import SystemClock
from mlops_actions.boundary.github import Pace, transport
from mlops_sandbox.cluster import Cluster
from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.github import GitHubServer
from mlops_sandbox.host import Host
from tests.actions.argo_submit.apis import KUBERNETES, environ_for
from tests.actions.argo_submit.job import manifest
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

SHA = "a" * 40
WORKFLOW = manifest("true", parameters="{name: sha, value: ''}")
OUTPUTS = ("phase", "workflow-namespace")
_PULL = ("number", "head", "head.sha")
_COMMENT_CALLS = comments.calls(comments.FIRST)
# The change was made, whatever its answer said: the second look finds this step's section, so that nothing is missing.
_change = replace(_COMMENT_CALLS["change"], silent=("404",))
CALLS = (
    Call("GET /repos/*/*/pulls/*", "a comment's head", "decision", _PULL),
    *(_change if name == "change" else call for name, call in _COMMENT_CALLS.items()),
)


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "PACE", Pace(timeout=10, attempts=2, backoff=0.0, patience=0.0))
    monkeypatch.setattr(SystemClock, "sleep", lambda clock, seconds: None)


class Trial:
    """A job with a pull request, made anew each time, and one cluster without a controller."""

    def __init__(self, github: SharedHost, cluster: Cluster, environ: dict[str, str], directory: Path) -> None:
        self._github, self.cluster, self._environ, self._directory = github, cluster, environ, directory
        self._count = 0

    def run(self, call: Call, change: Change) -> tuple[StepRecord, Interceptor]:
        github = GitHubServer(origin=self._github.host.url)
        interceptor = self._github.application = Interceptor(github.app)
        repository = github.repository("octo/digits")
        pull = repository.open_pull_request(by="ada", sha=SHA)
        token = github.workflow_token(repository, {"pull-requests": "write", "contents": "read"}).value
        on_push = call.scenario == comments.PUSH
        event = {"after": SHA} if on_push else {"inputs": {"pr-number": str(pull.number)}}
        self._count += 1
        runner = LocalRunner(self._directory / str(self._count), "octo/digits")
        step = Step(
            "argo-submit",
            inputs={"workflow": WORKFLOW, "wait": "false", "idempotency": "none", "comment": "true", "github-token": token},
            event_name="push" if on_push else "workflow_dispatch",
            event={**event, "repository": {"full_name": "octo/digits", "default_branch": "main"}},
            environ={
                **self._environ, "GITHUB_API_URL": github.api_url, "GITHUB_SERVER_URL": github.origin,
                "GITHUB_RUN_ID": "77", "GITHUB_SHA": SHA if on_push else "b" * 40,
            },
        )  # fmt: skip
        if call.scenario == comments.LATER:
            runner.run(step)
        interceptor.arm(call.route, change, call.occurrence)
        return runner.run(step), interceptor

    def usual(self, call: Call) -> tuple[StepRecord, bytes]:
        """Run with no answer changed; return also the body of the true answer."""
        bodies: list[bytes] = []

        def keep(true: Answer) -> Answer:
            bodies.append(true.body)
            return true

        record, interceptor = self.run(call, keep)
        assert interceptor.changed, (interceptor.calls, record.log)
        assert record.exit_code == 0, record.log
        return record, bodies[0]

    def submitted(self) -> set[str]:
        """Return the commits that workflows were submitted with."""
        workflows, _ = self.cluster.store.items(WORKFLOWS, "default")
        return {entry["value"] for one in workflows for entry in one["spec"]["arguments"]["parameters"]}


@pytest.fixture
def trial(github_host: SharedHost, tmp_path: Path) -> Iterator[Trial]:
    with Cluster() as cluster, Host(cluster.app) as host:
        yield Trial(github_host, cluster, environ_for(KUBERNETES, cluster, host.url, tmp_path), tmp_path)
    github_host.application = None


def test_every_call_is_in_the_table(trial: Trial) -> None:
    for scenario in {call.scenario for call in CALLS}:
        _, interceptor = trial.run(Call("GET /nothing", scenario, "feedback"), lambda true: true)
        assert undeclared(interceptor.calls, CALLS) == set(), scenario
        for call in (call for call in CALLS if call.scenario == scenario):
            assert times_asked(interceptor, call), (call, interceptor.calls)


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_an_odd_answer_of_github_names_no_commit_and_is_one_warning(call: Call, trial: Trial) -> None:
    usual, true_body = trial.usual(call)
    assert trial.submitted() == {SHA}
    problems: dict[str, list[str]] = {}
    for name, change in odd_answers(call, true_body):
        record, interceptor = trial.run(call, change)
        assert interceptor.changed, name
        if call.kind == "decision":
            found = list(problems_of_decision(record, call, exits=(2, 3, 4), forbidden={}))
        else:
            found = list(problems_of_feedback(record, usual, call=call, outputs=OUTPUTS, answer=name))
        if trial.submitted() != {SHA}:
            found.append(f"it submitted {trial.submitted()}")
        if found:
            problems[name] = found
    assert not problems, shown(problems)
