"""Fail each request of chatops in each way: decisions fail closed, feedback fails soft, and the log names the remedy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.boundary.github import Pace, transport
from mlops_actions.core.callback import EVENT_TYPE, CallBack
from mlops_sandbox.github import Delivery, GitHubServer
from tests.actions.chatops.faults import FAULTS, FEEDBACK_INPUTS, inject_fault, warnings
from tests.actions.chatops.step import APP_PERMISSIONS, ChatopsStep, app_inputs
from tests.support.call_backs import submitting_run
from tests.support.payloads import Sample, make_sample
from tests.support.step import StepRecord

# The remedy that the log must name for each fault.
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


def _comment(sample: Sample) -> Delivery[Any]:
    return sample.pull.comment("/train", by="maintainer")


def _call_back(sample: Sample) -> Delivery[Any]:
    sha = sample.pull.head_sha
    call_back = CallBack(sha=sha, pull_request=1, run=7, workflow="train", phase="Succeeded")
    submitting_run(sample.repository, call_back)
    sample.pull.push(sha="e" * 40)
    return sample.repository.dispatch(EVENT_TYPE, call_back.payload(), by="maintainer")


def _comment_after_review(sample: Sample) -> Delivery[Any]:
    sample.pull.review("APPROVED", by="writer")
    return _comment(sample)


@dataclass(frozen=True)
class DecisionRead:
    """A request that the decision depends on. `answers` maps faults that GitHub also uses as a plain no to their reason."""

    route: str
    reason: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    event: Callable[[Sample], Delivery[Any]] = _comment
    answers: Mapping[str, str] = field(default_factory=dict)
    exits_zero: bool = False


TEAM = {"allow-teams": "octo-org/ml"}
DECISION_READS = {
    "pull request": DecisionRead("GET /repos/*/*/pulls/*", "pull-request-unknown"),
    "role": DecisionRead("GET /repos/*/*/collaborators/*/permission", "permission-unknown"),
    "membership": DecisionRead("GET /orgs/*/teams/*/memberships/*", "team-unknown", TEAM, answers={"404": "not-allowed"}),
    "team": DecisionRead("GET /orgs/*/teams/*", "team-unknown", TEAM),
    "events": DecisionRead("GET /repos/*/*/issues/*/events", "pull-request-unknown"),
    "activity": DecisionRead("GET /repos/*/*/activity", "head-unknown", exits_zero=True),
    "reviews": DecisionRead(
        "GET /repos/*/*/pulls/*/reviews", "approval-unknown", {"require-approval": "true"}, _comment_after_review
    ),
    "check runs": DecisionRead("GET /repos/*/*/commits/*/check-runs", "checks-unknown", {"require-checks": "tests"}),
    "statuses": DecisionRead("GET /repos/*/*/commits/*/status", "checks-unknown", {"require-checks": "tests"}),
    "protection": DecisionRead("GET /repos/*/*/branches/*", "checks-unknown", {"require-checks": "required"}),
    "rulesets": DecisionRead("GET /repos/*/*/rules/branches/*", "checks-unknown", {"require-checks": "required"}),
    "run": DecisionRead("GET /repos/*/*/actions/runs/*", "run-unknown", {}, _call_back, answers={"404": "run-not-here"}),
}
FIRST_FEEDBACK = (
    "POST /repos/*/*/issues/comments/*/reactions",
    "POST /repos/*/*/issues/*/labels",
    "POST /repos/*/*/check-runs",
    "POST /repos/*/*/deployments",
    "POST /repos/*/*/deployments/*/statuses",
    "POST /repos/*/*/issues/*/comments",
)
LAST_FEEDBACK = (
    "POST /repos/*/*/issues/comments/*/reactions",
    "DELETE /repos/*/*/issues/comments/*/reactions/*",
    "DELETE /repos/*/*/issues/*/labels/*",
    "POST /repos/*/*/issues/*/labels",
    "PATCH /repos/*/*/check-runs/*",
    "POST /repos/*/*/deployments/*/statuses",
)
# The request that searches for feedback whose creation was not answered, by the request that created it.
SEARCHES = {
    "POST /repos/*/*/check-runs": "GET /repos/*/*/commits/*/check-runs",
    "POST /repos/*/*/deployments": "GET /repos/*/*/deployments",
}
CHECK_SUITES = "GET /repos/*/*/commits/*/check-suites"
REPLY = "POST /repos/*/*/issues/*/comments"
APP = ("GET /repos/*/*/installation", "POST /app/installations/*/access_tokens")


@pytest.fixture
def github(faulty_github: GitHubServer) -> GitHubServer:
    return faulty_github


def check_remedy(ran: StepRecord, fault: str, *, as_app: bool = False) -> None:
    expected = [REMEDIES[fault]]
    if fault == "403":
        # A 403 of a route that any token may use has no permission to name.
        expected = ["give the GitHub App 'members: read'"] if as_app else [*expected, "check the job's 'permissions:'"]
    assert any(words in message for message in warnings(ran) for words in expected), ran.log


def check_that_the_decision_fails_closed(read: DecisionRead, fault: str, github: GitHubServer, directory: Path) -> None:
    sample = make_sample(github)
    github.team("octo-org/ml", ["writer"])
    delivery = read.event(sample)
    inject_fault(github, read.route, fault)
    # Only an App can see an organisation's members.
    app = app_inputs(sample, APP_PERMISSIONS) if "allow-teams" in read.inputs else {}
    ran = ChatopsStep(github, directory, permissions=WRITES).run(
        delivery, {"commands": "/train", "environment": "staging", **app, **read.inputs}
    )
    assert github.requests(read.route), ran.log
    assert (ran.outputs["triggered"], ran.outputs["reason"]) == ("false", read.answers.get(fault, read.reason)), ran.log
    assert "sha" not in ran.outputs
    assert sample.repository.deployments == {}
    if fault in read.answers:
        assert ran.exit_code == 0
        return
    refused = fault.startswith("4") and fault != "429"
    assert ran.exit_code == (0 if read.exits_zero else 3 if refused else 4), ran.log
    check_remedy(ran, fault, as_app=bool(app))


WRITES = dict.fromkeys(("actions", "checks", "contents", "deployments", "issues", "pull-requests", "statuses"), "write")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", DECISION_READS)
def test_a_decision_fails_closed(name: str, fault: str, github: GitHubServer, tmp_path: Path) -> None:
    check_that_the_decision_fails_closed(DECISION_READS[name], fault, github, tmp_path)


def check_that_the_check_suites_fail_closed(route: str, fault: str, github: GitHubServer, directory: Path) -> None:
    inject_fault(github, "GET /repos/*/*/activity", "403")
    check_that_the_decision_fails_closed(
        DecisionRead(route, "head-unknown", {"head": "suites"}, exits_zero=True), fault, github, directory
    )


@pytest.mark.parametrize("fault", FAULTS)
def test_the_check_suites_as_evidence_fail_closed_too(fault: str, github: GitHubServer, tmp_path: Path) -> None:
    check_that_the_check_suites_fail_closed(CHECK_SUITES, fault, github, tmp_path)


def check_that_the_first_feedback_fails_soft(route: str, fault: str, github: GitHubServer, directory: Path) -> None:
    sample = make_sample(github)
    inject_fault(github, route, fault)
    ran = ChatopsStep(github, directory).run(_comment(sample), FEEDBACK_INPUTS)
    assert github.requests(route), ran.log
    assert (ran.exit_code, ran.outputs["triggered"], ran.outputs["sha"]) == (0, "true", sample.pull.head_sha), ran.log
    assert len(warnings(ran)) == 1, ran.log
    check_remedy(ran, fault)
    # An existing deployment is concluded, whether or not its first status was written.
    assert bool(ran.outputs["deployment-id"]) == bool(sample.repository.deployments)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("route", FIRST_FEEDBACK)
def test_the_first_feedback_fails_soft(route: str, fault: str, github: GitHubServer, tmp_path: Path) -> None:
    check_that_the_first_feedback_fails_soft(route, fault, github, tmp_path)


def check_that_the_last_feedback_fails_soft(route: str, fault: str, github: GitHubServer, directory: Path) -> None:
    sample = make_sample(github)
    stage, delivery = ChatopsStep(github, directory), _comment(sample)
    started = stage.run(delivery, FEEDBACK_INPUTS)
    inject_fault(github, route, fault)
    ran = stage.run(delivery, FEEDBACK_INPUTS, post=True, state=started.state)
    assert github.requests(route), ran.log
    assert ran.exit_code == 0
    if fault == "404" and route.startswith("DELETE"):
        assert warnings(ran) == []  # gone already
        return
    assert len(warnings(ran)) == 1, ran.log
    check_remedy(ran, fault)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("route", LAST_FEEDBACK)
def test_the_last_feedback_fails_soft(route: str, fault: str, github: GitHubServer, tmp_path: Path) -> None:
    check_that_the_last_feedback_fails_soft(route, fault, github, tmp_path)


def check_that_the_search_fails_soft(created_by: str, fault: str, github: GitHubServer, directory: Path) -> None:
    sample = make_sample(github)
    stage, delivery = ChatopsStep(github, directory), _comment(sample)
    github.faults.close(created_by, done=True)
    started = stage.run(delivery, FEEDBACK_INPUTS)
    inject_fault(github, SEARCHES[created_by], fault)
    ran = stage.run(delivery, FEEDBACK_INPUTS, post=True, state=started.state)
    assert github.requests(SEARCHES[created_by]), ran.log
    assert ran.exit_code == 0
    assert len(warnings(ran)) == 1, ran.log
    check_remedy(ran, fault)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("created_by", SEARCHES)
def test_the_search_for_lost_feedback_fails_soft(created_by: str, fault: str, github: GitHubServer, tmp_path: Path) -> None:
    check_that_the_search_fails_soft(created_by, fault, github, tmp_path)


def check_that_the_reply_fails_soft(route: str, fault: str, github: GitHubServer, directory: Path) -> None:
    sample = make_sample(github)
    inject_fault(github, route, fault)
    ran = ChatopsStep(github, directory).run(sample.pull.comment("/train", by="outsider"), FEEDBACK_INPUTS)
    assert (ran.exit_code, ran.outputs["reason"]) == (0, "permission")
    assert len(warnings(ran)) == 1
    check_remedy(ran, fault)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_reply_to_a_denial_fails_soft(fault: str, github: GitHubServer, tmp_path: Path) -> None:
    check_that_the_reply_fails_soft(REPLY, fault, github, tmp_path)


def check_that_the_app_fails_soft(app_call: tuple[str, str], fault: str, github: GitHubServer, directory: Path) -> None:
    """Feedback falls back on the job's token; without a requested token the step fails."""
    route, exported = app_call
    sample = make_sample(github)
    inputs = {**FEEDBACK_INPUTS, **app_inputs(sample, APP_PERMISSIONS), "export-app-token": exported}
    inject_fault(github, route, fault)
    ran = ChatopsStep(github, directory).run(_comment(sample), inputs)
    assert github.requests(route), ran.log
    if exported == "false":
        assert (ran.exit_code, ran.outputs["triggered"]) == (0, "true")
        assert sample.pull.label_names == ["training"]
    else:
        assert ran.exit_code in (3, 4)
        assert dict(ran.outputs) == {}
        assert sample.github.writes == [one for one in sample.github.writes if one.path.startswith("/app/")]
    assert len(warnings(ran)) == 1
    cause, _, remedy = warnings(ran)[0].partition("\n")
    assert cause
    assert remedy


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("route", APP)
@pytest.mark.parametrize("exported", ["false", "true"])
def test_an_app_that_cannot_act_stops_only_the_export_of_its_token(
    route: str, fault: str, exported: str, github: GitHubServer, tmp_path: Path
) -> None:
    check_that_the_app_fails_soft((route, exported), fault, github, tmp_path)


def test_every_request_that_stalls_ends_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request stalls for longer than chatops waits; all at once, since they only wait."""
    # The real timeout: a busy machine answers all other requests in time.
    monkeypatch.setattr(transport, "PACE", Pace(attempts=1, backoff=0.0))
    calls: list[tuple[Callable[..., None], Any]] = [
        *((check_that_the_decision_fails_closed, read) for read in DECISION_READS.values()),
        *((check_that_the_first_feedback_fails_soft, route) for route in FIRST_FEEDBACK),
        *((check_that_the_last_feedback_fails_soft, route) for route in LAST_FEEDBACK),
        *((check_that_the_search_fails_soft, created_by) for created_by in SEARCHES),
        (check_that_the_check_suites_fail_closed, CHECK_SUITES),
        (check_that_the_reply_fails_soft, REPLY),
        *((check_that_the_app_fails_soft, (route, exported)) for route in APP for exported in ("false", "true")),
    ]

    def play_on_a_server_of_its_own(number: int) -> None:
        play, what = calls[number]
        folder = tmp_path / str(number)
        folder.mkdir()
        github = GitHubServer()
        with github.serve():
            play(what, "stall", github, folder)

    with ThreadPoolExecutor(len(calls)) as pool:
        assert list(pool.map(play_on_a_server_of_its_own, range(len(calls)))) == [None] * len(calls)
