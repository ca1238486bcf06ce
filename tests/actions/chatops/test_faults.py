"""Each request of chatops fails in each way: a decision fails closed, feedback fails soft, and the log says what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.boundary.github import Pace, transport
from mlops_actions.core.callback import EVENT_TYPE, CallBack
from mlops_sandbox.github import Delivery, GitHubServer
from mlops_sandbox.runner.files import LogCommand, read_log
from tests.actions.chatops.conftest import Switch
from tests.actions.chatops.stage import Ran, Stage
from tests.support.payloads import Scene, scene

STATUSES = ("401", "403", "404", "409", "422", "429", "500")
FAULTS = (*STATUSES, "closed")
# What the log must hold so that a reader knows what to do.
REMEDIES = {
    "401": "check 'github-token'",
    "403": "permissions: { ",
    "404": "it does not exist, or the token may not see it",
    "409": "correct what its message names",
    "422": "correct what its message names",
    "429": "run the job again later",
    "500": "https://www.githubstatus.com",
    "closed": "https://www.githubstatus.com",
    "stall": "https://www.githubstatus.com",
}


def _commented(it: Scene) -> Delivery[Any]:
    return it.pull.comment("/train", by="maintainer")


def _called_back(it: Scene) -> Delivery[Any]:
    sha = it.pull.head_sha
    it.repository.workflow_run(it.repository.branches["main"], by="maintainer", run_id=7)
    it.pull.push(sha="e" * 40)
    return it.repository.dispatch(EVENT_TYPE, CallBack(sha, 1, 7, "train", "Succeeded").payload(), by="maintainer")


def _reviewed(it: Scene) -> Delivery[Any]:
    it.pull.review("APPROVED", by="writer")
    return _commented(it)


@dataclass(frozen=True)
class Asked:
    """A request on which the decision rests. `answers` are faults that GitHub also means as a plain no."""

    route: str
    reason: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    event: Callable[[Scene], Delivery[Any]] = _commented
    answers: Mapping[str, str] = field(default_factory=dict)
    exits_zero: bool = False


TEAM = {"allow-teams": "octo-org/ml"}
ASKED = {
    "pull request": Asked("GET /repos/*/*/pulls/*", "pull-request-unknown"),
    "role": Asked("GET /repos/*/*/collaborators/*/permission", "permission-unknown"),
    "membership": Asked("GET /orgs/*/teams/*/memberships/*", "team-unknown", TEAM, answers={"404": "not-allowed"}),
    "team": Asked("GET /orgs/*/teams/*", "team-unknown", TEAM),
    "activity": Asked("GET /repos/*/*/activity", "head-unknown", exits_zero=True),
    "reviews": Asked("GET /repos/*/*/pulls/*/reviews", "approval-unknown", {"require-approval": "true"}, _reviewed),
    "check runs": Asked("GET /repos/*/*/commits/*/check-runs", "checks-unknown", {"require-checks": "tests"}),
    "statuses": Asked("GET /repos/*/*/commits/*/status", "checks-unknown", {"require-checks": "tests"}),
    "protection": Asked("GET /repos/*/*/branches/*", "checks-unknown", {"require-checks": "required"}),
    "rulesets": Asked("GET /repos/*/*/rules/branches/*", "checks-unknown", {"require-checks": "required"}),
    "run": Asked("GET /repos/*/*/actions/runs/*", "run-unknown", {}, _called_back, answers={"404": "run-not-here"}),
    "commits": Asked("GET /repos/*/*/pulls/*/commits", "commits-unknown", {}, _called_back),
}
SIGNS = {
    "commands": "/train",
    "pending-label": "training",
    "success-label": "trained",
    "check-name": "model",
    "environment": "staging",
    "reply": "always",
}
BEGINNING = (
    "POST /repos/*/*/issues/comments/*/reactions",
    "POST /repos/*/*/issues/*/labels",
    "POST /repos/*/*/check-runs",
    "POST /repos/*/*/deployments",
    "POST /repos/*/*/deployments/*/statuses",
    "POST /repos/*/*/issues/*/comments",
)
END = (
    "POST /repos/*/*/issues/comments/*/reactions",
    "DELETE /repos/*/*/issues/comments/*/reactions/*",
    "DELETE /repos/*/*/issues/*/labels/*",
    "POST /repos/*/*/issues/*/labels",
    "PATCH /repos/*/*/check-runs/*",
    "POST /repos/*/*/deployments/*/statuses",
)
# How a sign is found whose making was not answered, by what made it.
LOOKED_FOR = {
    "POST /repos/*/*/check-runs": "GET /repos/*/*/commits/*/check-runs",
    "POST /repos/*/*/deployments": "GET /repos/*/*/deployments",
}
SECOND_EVIDENCE = "GET /repos/*/*/commits/*/check-suites"
ANSWER = "POST /repos/*/*/issues/*/comments"
APP = ("GET /repos/*/*/installation", "POST /app/installations/*/access_tokens")


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try twice, wait for nothing: how long is waited is tested with the transport."""
    monkeypatch.setattr(transport, "PACE", Pace(timeout=10, attempts=2, backoff=0.0, patience=0.0))


@pytest.fixture
def github(switched: tuple[Switch, Any]) -> Iterator[GitHubServer]:
    """A GitHub that is not held against the schemas: what it answers here is wrong on purpose."""
    switch, host = switched
    server = GitHubServer(origin=host.url)
    switch.application = server.app
    yield server
    server.faults.clear()


def break_(github: GitHubServer, route: str, fault: str) -> None:
    if fault == "stall":
        github.faults.stall(route, seconds=30)
    elif fault == "closed":
        github.faults.close(route)
    else:
        github.faults.answer(route, int(fault))


def warnings(ran: Ran) -> list[str]:
    return [one.message for one in read_log(ran.log) if isinstance(one, LogCommand) and one.name in ("warning", "error")]


def says_what_to_do(ran: Ran, fault: str) -> None:
    # A 403 of a route that any token may ask says less: there is no permission to name.
    wanted = (REMEDIES[fault], "check the job's 'permissions:'") if fault == "403" else (REMEDIES[fault],)
    assert any(words in message for message in warnings(ran) for words in wanted), ran.log


def decided(asked: Asked, fault: str, github: GitHubServer, directory: Path) -> None:
    it = scene(github)
    github.team("octo-org/ml", ["writer"])
    delivery = asked.event(it)
    break_(github, asked.route, fault)
    ran = Stage(github, directory, permissions={"members": "read"} | WRITES).run(
        delivery, {"commands": "/train", "environment": "staging", **asked.inputs}
    )
    assert github.requests(asked.route), ran.log
    assert (ran.outputs["triggered"], ran.outputs["reason"]) == ("false", asked.answers.get(fault, asked.reason)), ran.log
    assert "sha" not in ran.outputs
    assert it.repository.deployments == {}
    if fault in asked.answers:
        assert ran.exit_code == 0
        return
    refused = fault.startswith("4") and fault != "429"
    assert ran.exit_code == (0 if asked.exits_zero else 3 if refused else 4), ran.log
    says_what_to_do(ran, fault)


WRITES = dict.fromkeys(("actions", "checks", "contents", "deployments", "issues", "pull-requests", "statuses"), "write")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", ASKED)
def test_a_decision_fails_closed(name: str, fault: str, github: GitHubServer, tmp_path: Path) -> None:
    decided(ASKED[name], fault, github, tmp_path)


def decided_by_the_second_evidence(route: str, fault: str, github: GitHubServer, directory: Path) -> None:
    break_(github, "GET /repos/*/*/activity", "403")
    decided(Asked(route, "head-unknown", exits_zero=True), fault, github, directory)


@pytest.mark.parametrize("fault", FAULTS)
def test_the_second_evidence_for_the_head_fails_closed_too(fault: str, github: GitHubServer, tmp_path: Path) -> None:
    decided_by_the_second_evidence(SECOND_EVIDENCE, fault, github, tmp_path)


def begun(route: str, fault: str, github: GitHubServer, directory: Path) -> None:
    it = scene(github)
    break_(github, route, fault)
    ran = Stage(github, directory).run(_commented(it), SIGNS)
    assert github.requests(route), ran.log
    assert (ran.exit_code, ran.outputs["triggered"], ran.outputs["sha"]) == (0, "true", it.pull.head_sha), ran.log
    assert len(warnings(ran)) == 1, ran.log
    says_what_to_do(ran, fault)
    # A deployment that is there is concluded, whatever became of its first status.
    assert bool(ran.outputs["deployment-id"]) == bool(it.repository.deployments)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("route", BEGINNING)
def test_the_first_signs_fail_soft(route: str, fault: str, github: GitHubServer, tmp_path: Path) -> None:
    begun(route, fault, github, tmp_path)


def ended(route: str, fault: str, github: GitHubServer, directory: Path) -> None:
    it = scene(github)
    stage, delivery = Stage(github, directory), _commented(it)
    began = stage.run(delivery, SIGNS)
    break_(github, route, fault)
    ran = stage.run(delivery, SIGNS, post=True, state=began.state)
    assert github.requests(route), ran.log
    assert ran.exit_code == 0
    if fault == "404" and route.startswith("DELETE"):
        assert warnings(ran) == []  # gone already
        return
    assert len(warnings(ran)) == 1, ran.log
    says_what_to_do(ran, fault)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("route", END)
def test_the_last_signs_fail_soft(route: str, fault: str, github: GitHubServer, tmp_path: Path) -> None:
    ended(route, fault, github, tmp_path)


def looked_for(made_by: str, fault: str, github: GitHubServer, directory: Path) -> None:
    it = scene(github)
    stage, delivery = Stage(github, directory), _commented(it)
    github.faults.close(made_by, done=True)
    began = stage.run(delivery, SIGNS)
    break_(github, LOOKED_FOR[made_by], fault)
    ran = stage.run(delivery, SIGNS, post=True, state=began.state)
    assert github.requests(LOOKED_FOR[made_by]), ran.log
    assert ran.exit_code == 0
    assert len(warnings(ran)) == 1, ran.log
    says_what_to_do(ran, fault)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("made_by", LOOKED_FOR)
def test_the_search_for_a_sign_fails_soft(made_by: str, fault: str, github: GitHubServer, tmp_path: Path) -> None:
    looked_for(made_by, fault, github, tmp_path)


def denied(route: str, fault: str, github: GitHubServer, directory: Path) -> None:
    it = scene(github)
    break_(github, route, fault)
    ran = Stage(github, directory).run(it.pull.comment("/train", by="outsider"), SIGNS)
    assert (ran.exit_code, ran.outputs["reason"]) == (0, "permission")
    assert len(warnings(ran)) == 1
    says_what_to_do(ran, fault)


@pytest.mark.parametrize("fault", FAULTS)
def test_an_answer_to_a_denial_fails_soft(fault: str, github: GitHubServer, tmp_path: Path) -> None:
    denied(ANSWER, fault, github, tmp_path)


def app_inputs(it: Scene) -> dict[str, str]:
    granted = {"issues": "write", "pull_requests": "write", "checks": "write", "deployments": "write"}
    app = it.github.register_app("ml-bot", permissions=granted, repositories=[it.repository])
    return {"app-id": str(app.id), "app-private-key": app.private_key}


def acted_as_app(which: tuple[str, str], fault: str, github: GitHubServer, directory: Path) -> None:
    """For feedback the job's token will do; a token that was asked for is the work itself."""
    route, exported = which
    it = scene(github)
    inputs = {**SIGNS, **app_inputs(it), "export-app-token": exported}
    break_(github, route, fault)
    ran = Stage(github, directory).run(_commented(it), inputs)
    assert github.requests(route), ran.log
    if exported == "false":
        assert (ran.exit_code, ran.outputs["triggered"]) == (0, "true")
        assert it.pull.label_names == ["training"]
    else:
        assert ran.exit_code in (3, 4)
        assert dict(ran.outputs) == {}
        assert it.github.writes == [one for one in it.github.writes if one.path.startswith("/app/")]
    assert len(warnings(ran)) == 1
    cause, _, remedy = warnings(ran)[0].partition("\n")
    assert cause
    assert remedy


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("route", APP)
@pytest.mark.parametrize("exported", ["false", "true"])
def test_an_app_that_cannot_act(route: str, fault: str, exported: str, github: GitHubServer, tmp_path: Path) -> None:
    acted_as_app((route, exported), fault, github, tmp_path)


def test_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request stalls for longer than it is waited for; all of them at once, since to wait is all they do."""
    # As long as a user waits, and so long that a busy machine answers all else in time.
    monkeypatch.setattr(transport, "PACE", Pace(attempts=1, backoff=0.0))
    calls: list[tuple[Callable[..., None], Any]] = [
        *((decided, asked) for asked in ASKED.values()),
        *((begun, route) for route in BEGINNING),
        *((ended, route) for route in END),
        *((looked_for, made_by) for made_by in LOOKED_FOR),
        (decided_by_the_second_evidence, SECOND_EVIDENCE),
        (denied, ANSWER),
        *((acted_as_app, (route, exported)) for route in APP for exported in ("false", "true")),
    ]

    def alone(number: int) -> None:
        play, what = calls[number]
        folder = tmp_path / str(number)
        folder.mkdir()
        github = GitHubServer()
        with github.serve():
            play(what, "stall", github, folder)

    with ThreadPoolExecutor(len(calls)) as pool:
        assert list(pool.map(alone, range(len(calls)))) == [None] * len(calls)
