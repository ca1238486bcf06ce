"""What chatops says where GitHub does not let it conclude a check run or a deployment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pytest

from mlops_sandbox.github import GitHubServer
from tests.actions.chatops.faults import FAULTS, FEEDBACK_INPUTS, inject_fault, warnings
from tests.actions.chatops.step import APP_PERMISSIONS, ChatopsStep, app_inputs
from tests.support.payloads import Sample, make_sample
from tests.support.step import StepRecord

INPUTS = FEEDBACK_INPUTS | {"reply": "deny"}
# What answers a request that concludes something, with a status of success.
ODD_ANSWERS: Mapping[str, Any] = {
    "no body": "",
    "HTML": "<html>Sign in</html>",
    "a list": [],
    "an empty object": {},
    "unchanged": {"id": 1, "status": "in_progress", "conclusion": None, "state": "in_progress"},
}
CONCLUDING = {
    "check run 'model'": "PATCH /repos/*/*/check-runs/*",
    "deployment 'staging'": "POST /repos/*/*/deployments/*/statuses",
}


@pytest.mark.parametrize("status", ["success", "failure", "cancelled"])
@pytest.mark.parametrize("fault", [*FAULTS, *ODD_ANSWERS])
@pytest.mark.parametrize("name", CONCLUDING)
def test_what_cannot_be_concluded_is_one_warning_and_one_comment(
    name: str, fault: str, status: str, faulty_github: GitHubServer, tmp_path: Path
) -> None:
    sample = make_sample(faulty_github)
    stage, delivery = ChatopsStep(faulty_github, tmp_path), sample.pull.comment("/train", by="maintainer")
    started = stage.run(delivery, INPUTS)
    if fault in ODD_ANSWERS:
        faulty_github.faults.answer(CONCLUDING[name], 200, ODD_ANSWERS[fault])
    else:
        inject_fault(faulty_github, CONCLUDING[name], fault)
    ran = stage.run(delivery, INPUTS | {"job-status": status}, post=True, state=started.state)
    assert ran.exit_code == 0
    check_left_open(ran, sample, name, status)


def check_left_open(ran: StepRecord, sample: Sample, name: str, status: str) -> None:
    """Require one warning and one comment that name what is left open, the outcome and the run."""
    (warning,) = warnings(ran)
    outcome = {"success": "succeeded", "failure": "failed", "cancelled": "was cancelled"}[status]
    run_url = f"{sample.github.origin}/octo-org/digits/actions/runs/4711"
    assert warning.startswith(f"the {name} could not be concluded. /train {outcome}: {run_url}\n"), warning
    _, comment = sample.pull.comments
    kind, _, rest = name.partition(" '")
    assert f"`/train {outcome}`" in comment.body
    assert f"the {kind} `{rest[:-1]}`, which still shows as running" in comment.body
    assert f"({run_url})" in comment.body


@pytest.mark.parametrize("status", [403, 422])
def test_a_locked_check_run_is_one_warning_with_the_remedy(
    status: Literal[403, 422], github: GitHubServer, tmp_path: Path
) -> None:
    sample = make_sample(github)
    github.locked_check_runs = status
    stage, delivery = ChatopsStep(github, tmp_path), sample.pull.comment("/train", by="maintainer")
    started = stage.run(delivery, INPUTS)
    assert (started.exit_code, started.outputs["triggered"]) == (0, "true")
    ran = stage.run(delivery, INPUTS, post=True, state=started.state)
    assert ran.exit_code == 0
    check_left_open(ran, sample, "check run 'model'", "success")
    assert "by 'app-id' and 'app-private-key'" in warnings(ran)[0]
    assert [deployment.state for deployment in sample.repository.deployments.values()] == ["success"]
    assert sample.pull.label_names == ["trained"]


def test_a_locked_check_run_of_an_app_is_concluded(github: GitHubServer, tmp_path: Path) -> None:
    sample = make_sample(github)
    github.locked_check_runs = 403
    stage, delivery = ChatopsStep(github, tmp_path), sample.pull.comment("/train", by="maintainer")
    inputs = INPUTS | app_inputs(sample, APP_PERMISSIONS)
    ran = stage.run(delivery, inputs, post=True, state=stage.run(delivery, inputs).state)
    assert (ran.exit_code, warnings(ran)) == (0, [])
    assert [run.conclusion for run in sample.repository.check_runs.values()] == ["success"]


def test_a_check_run_and_a_deployment_that_stay_open_share_one_warning(faulty_github: GitHubServer, tmp_path: Path) -> None:
    sample = make_sample(faulty_github)
    stage, delivery = ChatopsStep(faulty_github, tmp_path), sample.pull.comment("/train", by="maintainer")
    started = stage.run(delivery, FEEDBACK_INPUTS | {"reply": "never"})
    for route in CONCLUDING.values():
        faulty_github.faults.answer(route, 404)
    ran = stage.run(delivery, FEEDBACK_INPUTS | {"reply": "never"}, post=True, state=started.state)
    (warning,) = warnings(ran)
    assert "the check run 'model' and the deployment 'staging' could not be concluded" in warning
    assert len(sample.pull.comments) == 1, "reply: never"
    faulty_github.faults.answer("POST /repos/*/*/issues/*/comments", 403)
    ran = stage.run(delivery, INPUTS, post=True, state=started.state)
    (warning,) = warnings(ran)
    assert "no comment says so on the pull request" in warning


def test_a_later_job_says_too_what_it_cannot_conclude(github: GitHubServer, tmp_path: Path) -> None:
    sample = make_sample(github)
    github.locked_check_runs = 422
    stage, delivery = ChatopsStep(github, tmp_path), sample.pull.comment("/train", by="maintainer")
    begun = stage.run(delivery, INPUTS | {"conclude": "false"}).outputs["result"]
    ran = stage.run(delivery, INPUTS | {"mode": "finish", "begun": begun, "job-status": "failure"})
    assert ran.exit_code == 0
    check_left_open(ran, sample, "check run 'model'", "failure")
