"""The feedback on the pull request: when a command starts, when the job ends, and where parts of it fail."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import urllib3

from mlops_sandbox.github import GitHubServer
from tests.actions.chatops.step import PERMISSIONS, ChatopsStep
from tests.support.payloads import Sample, make_sample
from tests.support.result_schemas import check_result
from tests.support.step import StepRecord

INPUTS = {
    "commands": "train: {params: {lr: {type: float, default: 0.1}}}",
    "pending-label": "training",
    "success-label": "trained",
    "failure-label": "not trained",
    "check-name": "model",
    "environment": "staging",
}


class Job:
    """One job on one pull request whose first step is chatops."""

    def __init__(self, github: GitHubServer, directory: Path) -> None:
        self.github = github
        self.sample: Sample = make_sample(github)
        self.stage = ChatopsStep(github, directory)
        self.delivery = self.sample.pull.comment("/train", by="maintainer")

    def main(self, **inputs: str) -> StepRecord:
        return self.stage.run(self.delivery, INPUTS | self._named(inputs))

    def post(self, state: Mapping[str, str], status: str = "success", **inputs: str) -> StepRecord:
        return self.stage.run(self.delivery, {**INPUTS, **self._named(inputs), "job-status": status}, post=True, state=state)

    @staticmethod
    def _named(inputs: Mapping[str, str]) -> dict[str, str]:
        return {name.replace("_", "-"): value for name, value in inputs.items()}

    @property
    def feedback(self) -> dict[str, object]:
        repository = self.sample.repository
        return {
            "reactions": [reaction.content for reaction in self.delivery.subject.reactions],
            "labels": self.sample.pull.label_names,
            "checks": [(run.name, run.conclusion or run.status) for run in repository.check_runs.values()],
            "deployments": [deployment.state for deployment in repository.deployments.values()],
        }


@pytest.fixture
def job(github: GitHubServer, tmp_path: Path) -> Job:
    return Job(github, tmp_path)


STARTED = {
    "reactions": ["eyes"],
    "labels": ["training"],
    "checks": [("model", "in_progress")],
    "deployments": ["in_progress"],
}
SUCCEEDED = {"reactions": ["rocket"], "labels": ["trained"], "checks": [("model", "success")], "deployments": ["success"]}


def test_a_started_command_shows_on_the_pull_request(job: Job) -> None:
    ran = job.main()
    assert job.feedback == STARTED
    (check,) = job.sample.repository.check_runs.values()
    (deployment,) = job.sample.repository.deployments.values()
    assert (ran.outputs["check-run-id"], ran.outputs["deployment-id"]) == (str(check.id), str(deployment.id))
    assert check.head_sha == deployment.sha == ran.outputs["sha"] == job.sample.pull.head_sha
    # GitHub ignores the address of the details that a job's token gives, so the summary holds the link to the run too.
    assert check.details_url is None
    assert f"[The run]({job.github.origin}/octo-org/digits/actions/runs/4711)" in (check.summary or "")
    assert deployment.payload == {"lr": 0.1}
    assert f"`/train` by [maintainer]({job.github.origin}/maintainer) in [a comment](" in (check.summary or "")
    assert "| `lr` | `0.1` (default) |" in (check.summary or "")
    job.post(ran.state)
    assert "| `lr` | `0.1` (default) |" in (check.summary or "")


@pytest.mark.parametrize(
    ("status", "feedback"),
    [
        ("success", SUCCEEDED),
        (
            "failure",
            {
                "reactions": ["confused"],
                "labels": ["not trained"],
                "checks": [("model", "failure")],
                "deployments": ["failure"],
            },
        ),
        (
            "cancelled",
            {
                "reactions": ["confused"],
                "labels": ["not trained"],
                "checks": [("model", "cancelled")],
                "deployments": ["error"],
            },
        ),
    ],
)
def test_the_post_step_concludes_from_the_jobs_status(job: Job, status: str, feedback: dict[str, object]) -> None:
    started = job.main()
    assert job.post(started.state, status).exit_code == 0
    assert job.feedback == feedback


def test_a_later_success_takes_the_label_of_an_earlier_failure_away(job: Job) -> None:
    job.post(job.main().state, "failure")
    job.delivery = job.sample.pull.comment("/train", by="maintainer")
    job.post(job.main().state, "success")
    assert job.sample.pull.label_names == ["trained"]


def test_the_post_step_does_nothing_for_an_ignored_event(job: Job) -> None:
    job.delivery = job.sample.pull.comment("Looks good.", by="maintainer")
    started = job.main()
    assert (started.state, job.post(started.state).exit_code, job.github.exchanges) == ({}, 0, [])


def test_the_post_step_does_nothing_after_a_denial(job: Job) -> None:
    job.delivery = job.sample.pull.comment("/train lr=x", by="maintainer")
    started = job.main()
    before = len(job.github.exchanges)
    assert job.post(started.state).exit_code == 0
    assert len(job.github.exchanges) == before


def test_withdrawn_feedback_leaves_nothing_to_the_post_step(job: Job) -> None:
    job.github.faults.answer("GET /repos/*/*/pulls/*", 403, skip=1)
    started = job.main()
    before = len(job.github.exchanges)
    assert started.state == {"feedback": ""}
    assert job.post(started.state).exit_code == 0
    assert len(job.github.exchanges) == before


def test_the_state_before_the_first_request_is_enough_to_conclude(job: Job) -> None:
    """A step that dies half-way leaves a state that names what may be there, without its ids."""
    started = job.main()
    first = json.loads(started.state["feedback"]) | {"reaction-id": 0, "check-run-id": 0, "deployment-id": 0}
    job.post({"feedback": json.dumps(first)}, "cancelled")
    assert job.feedback == {
        "reactions": ["confused"],
        "labels": ["not trained"],
        "checks": [("model", "cancelled")],
        "deployments": ["error"],
    }


LOST = [
    ("POST /repos/*/*/check-runs", {"checks": [("model", "success")]}),
    ("POST /repos/*/*/deployments", {"deployments": ["success"]}),
]


@pytest.mark.parametrize(("route", "left"), LOST)
def test_feedback_whose_answer_was_lost_is_concluded(job: Job, route: str, left: dict[str, object]) -> None:
    """A connection breaks when the request has taken effect: sent again it would make a second one."""
    job.github.faults.close(route, done=True)
    started = job.main()
    assert (started.exit_code, started.outputs["triggered"]) == (0, "true")
    job.github.faults.clear()
    assert job.post(started.state).exit_code == 0
    assert job.feedback == {**SUCCEEDED, **left}


def test_feedback_whose_answer_was_lost_is_withdrawn_with_the_rest(job: Job) -> None:
    job.github.faults.close("POST /repos/*/*/check-runs", done=True)
    job.github.faults.close("POST /repos/*/*/deployments", done=True)
    job.github.faults.answer("GET /repos/*/*/pulls/*", 403, skip=1)
    job.main()
    assert job.feedback == {
        "reactions": ["confused"],
        "labels": [],
        "checks": [("model", "cancelled")],
        "deployments": ["error"],
    }


def test_refused_feedback_is_not_searched_for(job: Job) -> None:
    job.stage.permissions = {"contents": "read", "pull-requests": "read"}
    started = job.main()
    before = len(job.github.exchanges)
    assert job.post(started.state, success_reaction="none", success_label="", failure_label="").exit_code == 0
    asked = [f"{one.method} {one.path.rpartition('/')[2]}" for one in job.github.exchanges[before:]]
    assert sorted(asked) == ["GET check-runs", "GET comments", "GET deployments"], "once each, for what dead runs left"


def test_a_later_job_concludes(job: Job) -> None:
    started = job.main(conclude="false")
    assert job.post(started.state, conclude="false").exit_code == 0
    assert job.feedback == STARTED
    finished = job.stage.run(
        job.delivery, {**INPUTS, "mode": "finish", "begun": started.outputs["result"], "job-status": "success"}
    )
    assert finished.exit_code == 0
    assert check_result("chatops", finished.outputs["result"])["reason"] == "finished"
    assert job.feedback == SUCCEEDED
    assert job.post(finished.state, mode="finish", begun=started.outputs["result"]).exit_code == 0


def test_a_later_job_concludes_by_a_file_of_the_workspace(job: Job) -> None:
    result = job.main(conclude="false").outputs["result"]
    (job.stage.runner.workspace / "begun.json").write_text(result)
    inputs = {**INPUTS, "mode": "finish", "begun-file": "begun.json", "job-status": "success"}
    finished = job.stage.run(job.delivery, inputs)
    assert finished.exit_code == 0, finished.log
    assert job.feedback == SUCCEEDED
    assert job.post(finished.state, mode="finish", begun_file="begun.json").exit_code == 0


@pytest.mark.parametrize(
    ("path", "cause"),
    [
        ("missing.json", "input 'begun-file': 'missing.json' is missing, not a file"),
        ("empty.json", "input 'begun-file' is not the output 'result' of an earlier chatops step"),
        ("../outside.json", "input 'begun-file' leads out of the workspace"),
        ("link.json", "input 'begun-file' leads out of the workspace"),
        ("large.json", "'large.json' is larger than 5 MiB"),
        (
            "checkout/committed.json",
            "'checkout/committed.json' is in a checkout, so that a pull request could have written it",
        ),
        ("link-to-checkout.json", "'link-to-checkout.json' is in a checkout"),
    ],
)
def test_a_file_that_holds_no_result_or_may_be_a_pull_requests_is_bad_input(job: Job, path: str, cause: str) -> None:
    workspace = job.stage.runner.workspace
    result = job.main(conclude="false").outputs["result"]
    outside = workspace.parent / "outside.json"
    outside.write_text(result)
    (workspace / "link.json").symlink_to(outside)
    (workspace / "checkout" / ".git").mkdir(parents=True)
    (workspace / "checkout" / "committed.json").write_text(result)
    (workspace / "link-to-checkout.json").symlink_to(workspace / "checkout" / "committed.json")
    (workspace / "empty.json").write_text("")
    (workspace / "large.json").write_text(result + " " * 6_000_000)
    ran = job.stage.run(job.delivery, {**INPUTS, "mode": "finish", "begun-file": path, "job-status": "success"})
    assert ran.exit_code == 2
    assert cause in ran.log
    assert job.feedback == STARTED


@pytest.mark.parametrize(
    ("words", "left_out"),
    [
        ("x" * 60_000, ["positional"]),
        ("😀" * 60_000, ["positional", "args"]),
        (" ".join(f"k{number}={number}" for number in range(6_000)), ["params"]),
        ("n=1 " * 10, None),
    ],
    ids=["one word", "four bytes a character", "many parameters", "a short command"],
)
def test_the_result_fits_one_variable_whatever_the_comment(job: Job, words: str, left_out: list[str] | None) -> None:
    job.delivery = job.sample.pull.comment(f"/train {words}", by="maintainer")
    started = job.stage.run(job.delivery, {"commands": "/train", "conclude": "false"})
    assert started.outputs["triggered"] == "true", started.log
    assert len(started.outputs["result"].encode()) <= 100_000
    result = check_result("chatops", started.outputs["result"])
    assert result.get("left-out") == left_out
    assert [name for name in left_out or () if result[name]] == []
    assert started.outputs["args"] == words.strip()
    finished = job.stage.run(job.delivery, {"mode": "finish", "begun": started.outputs["result"], "job-status": "success"})
    assert (finished.exit_code, check_result("chatops", finished.outputs["result"])["reason"]) == (0, "finished")


def test_a_later_job_has_nothing_to_conclude_after_a_denial(job: Job) -> None:
    job.delivery = job.sample.pull.comment("/train lr=x", by="maintainer")
    started = job.main()
    before = len(job.github.exchanges)
    finished = job.stage.run(job.delivery, {"mode": "finish", "begun": started.outputs["result"]})
    assert (finished.exit_code, len(job.github.exchanges)) == (0, before)


@pytest.mark.parametrize(
    "begun", ["{", "[]", '{"feedback": 1}', '{"feedback": {"pr-number": "1"}}', '{"feedback": {"command": 1}}']
)
def test_an_unreadable_begun_is_bad_input(job: Job, begun: str) -> None:
    ran = job.stage.run(job.delivery, {"mode": "finish", "begun": begun})
    assert ran.exit_code == 2
    assert "begun" in ran.log


@pytest.mark.parametrize("target", ["../../other/repo/issues/1", "issues/1/labels/x?", "issues/١", "git/refs"])
def test_a_begun_with_another_reaction_target_is_bad_input(job: Job, target: str) -> None:
    result = json.loads(job.main().outputs["result"])
    result["feedback"]["reaction-target"] = target
    before = len(job.github.exchanges)
    ran = job.stage.run(job.delivery, {"mode": "finish", "begun": json.dumps(result)})
    assert (ran.exit_code, len(job.github.exchanges)) == (2, before)


def test_only_the_requested_feedback_is_given(job: Job) -> None:
    ran = job.stage.run(job.delivery, {"commands": "/train", "reaction": "none", "reply": "deny"})
    assert ran.outputs["triggered"] == "true"
    assert job.github.writes == []
    off = {"success_reaction": "none", "pending_label": "", "success_label": "", "failure_label": ""}
    after = job.post(ran.state, reply="deny", **off)
    assert (after.exit_code, job.github.writes) == (0, [])


def test_reply_never_leaves_a_denial_without_a_reply(job: Job) -> None:
    job.delivery = job.sample.pull.comment("/train lr=x", by="maintainer")
    ran = job.main(reply="never")
    assert ran.outputs["reason"] == "parameters"
    assert len(job.sample.pull.comments) == 2
    assert job.feedback["reactions"] == ["confused"]


# Best effort


@pytest.mark.parametrize(
    ("permission", "line", "left"),
    [
        ("checks", "checks: write", {**STARTED, "checks": []}),
        ("deployments", "deployments: write", {**STARTED, "deployments": []}),
    ],
)
def test_a_missing_permission_warns_and_changes_nothing_else(
    job: Job, permission: str, line: str, left: dict[str, object]
) -> None:
    job.stage.permissions = {**PERMISSIONS, permission: "read"}
    ran = job.main()
    assert (ran.exit_code, ran.outputs["triggered"]) == (0, "true")
    assert job.feedback == left
    assert "::warning" in ran.log
    assert f"'permissions: {{ {line} }}'" in ran.log
    assert job.post(ran.state).exit_code == 0


def test_a_read_only_token_still_triggers(job: Job) -> None:
    job.stage.permissions = {"contents": "read", "pull-requests": "read"}
    ran = job.main()
    assert (ran.exit_code, ran.outputs["triggered"]) == (0, "true")
    assert job.feedback == {"reactions": [], "labels": [], "checks": [], "deployments": []}
    assert ran.log.count("::warning") == 5


# As an App


@pytest.fixture
def app(job: Job) -> dict[str, str]:
    granted = {"issues": "write", "pull_requests": "write", "checks": "write", "deployments": "write"}
    app = job.github.register_app("ml-bot", permissions=granted, repositories=[job.sample.repository])
    return {"app_id": str(app.id), "app_private_key": app.private_key}


def test_feedback_of_an_app_starts_workflows(job: Job, app: dict[str, str]) -> None:
    ran = job.main(**app)
    assert job.feedback == STARTED
    (check,) = job.sample.repository.check_runs.values()
    assert check.details_url == f"{job.github.origin}/octo-org/digits/actions/runs/4711"
    labeled = next(one for one in job.github.deliveries if one.event == "pull_request" and one.action == "labeled")
    assert (labeled.payload["sender"]["login"], labeled.starts_workflows) == ("ml-bot[bot]", True)
    assert "APP_INSTALLATION_TOKEN" not in ran.outputs
    job.post(ran.state, **app)
    assert job.feedback == SUCCEEDED


def test_an_exported_token_is_masked_and_valid_for_this_repository_only(job: Job, app: dict[str, str]) -> None:
    job.github.repository("octo-org/other")
    ran = job.main(**app, export_app_token="true")
    token = ran.outputs["APP_INSTALLATION_TOKEN"]
    assert job.github.tokens[token].repositories == frozenset({"octo-org/digits"})
    assert f"::add-mask::{token}" in ran.log
    assert token not in ran.outputs["result"]
    assert token not in json.dumps(dict(ran.state))


def test_the_legacy_names_export_the_token(job: Job, app: dict[str, str]) -> None:
    # An input of the replaced action is spelt with underscores.
    inputs = {
        "trigger_phrase": "/train",
        "app_id": app["app_id"],
        "app_pem": app["app_private_key"],
        "indicator_label": "busy",
    }
    ran = job.stage.run(job.delivery, inputs)
    assert ran.outputs["APP_INSTALLATION_TOKEN"] in job.github.tokens
    assert job.sample.pull.label_names == ["busy"]


@pytest.mark.parametrize("name", ["indicator_label", "pr_acknowledgement_label"])
def test_a_label_set_by_its_legacy_name_stays_when_the_job_ends(job: Job, name: str) -> None:
    inputs = {"trigger_phrase": "/train", name: "busy"}
    ran = job.stage.run(job.delivery, inputs)
    job.stage.run(job.delivery, {**inputs, "job-status": "success"}, post=True, state=ran.state)
    assert job.sample.pull.label_names == ["busy"]


def test_an_acknowledgement_is_one_comment_and_stands_above_the_reply(job: Job) -> None:
    ran = job.stage.run(job.delivery, {"trigger_phrase": "/train", "pr_acknowledgement_comment": "On it."})
    assert job.sample.pull.comments[-1].body == "On it."
    assert (ran.outputs["triggered"], ran.outputs["PR_NUMBER"]) == ("true", str(job.sample.pull.number))
    job.delivery = job.sample.pull.comment("/train", by="maintainer")
    job.main(acknowledgement="On it.", reply="always")
    assert "\nOn it.\n\n⏳ **`/train` is running.**" in job.sample.pull.comments[-1].body
    before = len(job.sample.pull.comments)
    job.delivery = job.sample.pull.comment("Looks good", by="maintainer")
    job.main(acknowledgement="On it.")
    assert len(job.sample.pull.comments) == before + 1


GRANTED = {
    "actions": "write",
    "administration": "write",
    "checks": "write",
    "contents": "write",
    "issues": "write",
    "members": "read",
    "metadata": "read",
    "pull_requests": "write",
    "secrets": "write",
    "statuses": "read",
    "workflows": "write",
}
# What a pull request's pipeline needs of that: no deployments, since the App may not, and statuses to read only.
NARROWED = {
    "actions": "read",
    "checks": "write",
    "contents": "read",
    "issues": "write",
    "metadata": "read",
    "pull_requests": "write",
    "statuses": "read",
}


@pytest.fixture
def powerful_app(job: Job) -> dict[str, str]:
    """An App that was granted more than a pipeline should hold."""
    app = job.github.register_app("ml-bot", permissions=GRANTED, repositories=[job.sample.repository])
    return {"app_id": str(app.id), "app_private_key": app.private_key}


def may(job: Job, token: str, method: str, path: str, body: Mapping[str, object] | None = None) -> int:
    """Try something with a token; returns GitHub's status."""
    address = f"{job.github.api_url}/repos/octo-org/digits/{path}"
    headers = {"Authorization": f"Bearer {token}", "User-Agent": "a later step"}
    return urllib3.request(method, address, json=body, headers=headers).status


def test_an_exported_token_has_the_permissions_of_a_pipeline_and_no_others(job: Job, powerful_app: dict[str, str]) -> None:
    ran = job.main(**powerful_app, export_app_token="true")
    token = ran.outputs["APP_INSTALLATION_TOKEN"]
    assert job.github.tokens[token].permissions == NARROWED
    permissions = ", ".join(f"{name}: {level}" for name, level in NARROWED.items())
    assert f"the App's token is valid for octo-org/digits only, with {permissions}" in ran.log
    assert may(job, token, "POST", "issues/1/comments", {"body": "done"}) == 201
    assert may(job, token, "POST", "dispatches", {"event_type": "x"}) == 403


def test_the_legacy_names_let_the_token_push_and_dispatch(job: Job, powerful_app: dict[str, str]) -> None:
    older = {"trigger_phrase": "/train", "app_id": powerful_app["app_id"], "app_pem": powerful_app["app_private_key"]}
    token = job.stage.run(job.delivery, older).outputs["APP_INSTALLATION_TOKEN"]
    assert job.github.tokens[token].permissions == {**NARROWED, "actions": "write", "contents": "write"}
    assert may(job, token, "POST", "dispatches", {"event_type": "x"}) == 204


@pytest.mark.parametrize(
    "written",
    [
        "contents: write\npull-requests: read",
        "contents: write, pull_requests: read",
        '{"contents": "write", pull_requests: read}',
    ],
)
def test_an_exported_token_has_the_requested_permissions_and_no_others(
    job: Job, powerful_app: dict[str, str], written: str
) -> None:
    ran = job.main(**powerful_app, export_app_token="true", app_permissions=written)
    token = ran.outputs["APP_INSTALLATION_TOKEN"]
    assert job.github.tokens[token].permissions == {"contents": "write", "pull_requests": "read"}
    assert may(job, token, "POST", "dispatches", {"event_type": "x"}) == 204
    assert may(job, token, "POST", "issues/1/comments", {"body": "done"}) == 403
    # What shows on the pull request is the App's all the same, by a token of its own.
    labeled = next(one for one in job.github.deliveries if one.event == "pull_request" and one.action == "labeled")
    assert labeled.payload["sender"]["login"] == "ml-bot[bot]"


@pytest.mark.parametrize(
    ("wanted", "lacking"),
    [
        ("deployments: write", "deployments: write"),
        ("contents: read\nstatuses: write", "statuses: write"),
        ("x: read", "x: read"),
    ],
)
def test_a_permission_that_the_app_was_not_granted_is_named(
    job: Job, powerful_app: dict[str, str], wanted: str, lacking: str
) -> None:
    ran = job.main(**powerful_app, export_app_token="true", app_permissions=wanted)
    assert (ran.exit_code, dict(ran.outputs)) == (3, {})
    assert f"was not granted {lacking}%0Agrant it in the App's settings" in ran.log
    assert job.github.requests("POST /app/**") == []
    assert job.feedback == {"reactions": [], "labels": [], "checks": [], "deployments": []}


def test_no_token_without_permissions_is_requested(job: Job) -> None:
    app = job.github.register_app("ml-bot", permissions={"secrets": "write"}, repositories=[job.sample.repository])
    ran = job.main(app_id=str(app.id), app_private_key=app.private_key)
    assert job.github.requests("POST /app/**") == []
    assert "feedback uses 'github-token', since the GitHub App cannot act" in ran.log
    assert job.feedback == STARTED


@pytest.mark.parametrize(
    ("body", "by"), [("/train", "outsider"), ("Looks good", "maintainer"), ("/train lr=x", "maintainer")]
)
def test_no_token_is_minted_before_authorisation(job: Job, app: dict[str, str], body: str, by: str) -> None:
    job.delivery = job.sample.pull.comment(body, by=by)
    ran = job.main(**app, export_app_token="true")
    assert job.github.requests("POST /app/**") == []
    assert "APP_INSTALLATION_TOKEN" not in ran.outputs


def test_an_app_that_cannot_act_is_replaced_by_the_jobs_token(job: Job, app: dict[str, str]) -> None:
    ran = job.main(app_id="1", app_private_key=app["app_private_key"])
    assert (ran.exit_code, ran.outputs["triggered"]) == (0, "true")
    assert "feedback uses 'github-token', since the GitHub App cannot act" in ran.log
    assert job.feedback == STARTED


def test_a_requested_token_that_cannot_be_minted_fails_the_step(job: Job, app: dict[str, str]) -> None:
    ran = job.main(app_id="1", app_private_key=app["app_private_key"], export_app_token="true")
    assert (ran.exit_code, dict(ran.outputs)) == (3, {})


def test_the_private_key_is_in_no_output(job: Job, app: dict[str, str], tmp_path: Path) -> None:
    ran = job.main(**app, export_app_token="true")
    line = app["app_private_key"].splitlines()[5]
    assert line not in json.dumps([dict(ran.outputs), dict(ran.state)])
    assert all(entry.startswith("::add-mask::") for entry in ran.log.splitlines() if line in entry)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and line in path.read_text(errors="replace")]


@pytest.mark.parametrize(
    ("address", "status", "shown"),
    [
        ("https://models.example/digits?v=1", "success", "https://models.example/digits?v=1"),
        ("http://intranet:8080", "success", "http://intranet:8080"),
        ("https://models.example", "failure", ""),
        ("", "success", ""),
        ("javascript:alert(1)", "success", ""),
        ("models.example", "success", ""),
        ("https:// x", "success", ""),
    ],
)
def test_a_deployment_shows_the_address_of_what_was_deployed(job: Job, address: str, status: str, shown: str) -> None:
    started = job.main(environment_url="")
    ran = job.post(started.state, status, environment_url=address)
    (deployment,) = job.sample.repository.deployments.values()
    assert (ran.exit_code, deployment.state) == (0, status)
    assert deployment.statuses[-1].environment_url == shown
    is_refused = status == "success" and bool(address) and not shown
    assert ("input 'environment-url' is" in ran.log) == is_refused
