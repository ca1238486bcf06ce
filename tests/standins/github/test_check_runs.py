"""Check runs as GitHub treats them: whose they are, what it ignores and what it locks, and which pull requests they name.

Sources: https://docs.github.com/rest/checks/runs, the changelog of 2025-02-12 (check runs of Actions are locked), and
actions/github-script#143 (the address of the details is ignored). Not seen on the live service by this project: whether a
run that a job's token created is locked, which is reported both ways; the switch `locked_check_runs` covers it.
"""

from __future__ import annotations

from typing import Literal

import pytest

from mlops_sandbox.github import App
from tests.standins.github.conftest import Client
from tests.support.payloads import Sample, make_fork_sample

DETAILS = "https://ci.example/4711"


@pytest.fixture
def app(sample: Sample) -> App:
    return sample.github.register_app("ml-bot", permissions={"checks": "write"}, repositories=[sample.repository])


@pytest.fixture
def as_app(sample: Sample, app: App) -> Client:
    return Client(sample.github, sample.github.installation_token(app.installations[0], {"checks": "write"}, None))


def test_details_of_a_jobs_token_are_ignored(sample: Sample, call: Client) -> None:
    body = {"name": "training", "head_sha": sample.pull.head_sha, "details_url": DETAILS}
    created = call("POST {repo}/check-runs", body).json()
    page = f"{sample.github.origin}/octo-org/digits/runs/{created['id']}"
    assert (created["details_url"], created["html_url"], created["app"]["slug"]) == (page, page, "github-actions")
    changed = call(f"PATCH {{repo}}/check-runs/{created['id']}", {"details_url": DETAILS}).json()
    assert changed["details_url"] == page


def test_details_of_an_app_are_kept_and_default_to_its_page(sample: Sample, as_app: Client) -> None:
    body = {"name": "training", "head_sha": sample.pull.head_sha}
    created = as_app("POST {repo}/check-runs", body).json()
    assert (created["details_url"], created["app"]["slug"]) == (f"{sample.github.origin}/apps/ml-bot", "ml-bot")
    changed = as_app(f"PATCH {{repo}}/check-runs/{created['id']}", {"details_url": DETAILS}).json()
    assert changed["details_url"] == DETAILS


def test_each_app_has_its_own_suite_of_a_commit_and_only_it_changes_its_runs(
    sample: Sample, call: Client, as_app: Client
) -> None:
    sha = sample.pull.head_sha
    runs = [
        client("POST {repo}/check-runs", {"name": "training", "head_sha": sha}).json() for client in (call, as_app, as_app)
    ]
    assert runs[0]["check_suite"] != runs[1]["check_suite"] == runs[2]["check_suite"]
    suites = call(f"GET {{repo}}/commits/{sha}/check-suites").json()["check_suites"]
    assert [(suite["app"]["slug"], suite["head_branch"]) for suite in suites] == [
        ("github-actions", "schedule"), ("ml-bot", "schedule"),
    ]  # fmt: skip
    for client, run in ((call, runs[1]), (as_app, runs[0])):
        refused = client(f"PATCH {{repo}}/check-runs/{run['id']}", {"conclusion": "success"})
        assert refused.status_code == 403
        assert "can only be modified by the GitHub App that created it" in refused.json()["message"]


def test_status_of_a_jobs_own_check_run_is_locked_but_not_its_output(sample: Sample, call: Client) -> None:
    run = sample.repository.check_run(sample.pull.head_sha, "build")
    path = f"PATCH {{repo}}/check-runs/{run.id}"
    refused = call(path, {"conclusion": "success"})
    assert (refused.status_code, run.conclusion) == (403, None)
    assert "can only be updated internally by GitHub Actions" in refused.json()["message"]
    assert call(path, {"output": {"title": "Built", "summary": "in 3 s"}}).json()["output"]["summary"] == "in 3 s"


@pytest.mark.parametrize("status", [403, 422])
def test_a_created_check_run_can_be_locked_too(
    sample: Sample, call: Client, as_app: Client, status: Literal[403, 422]
) -> None:
    sample.github.locked_check_runs = status
    body = {"name": "training", "head_sha": sample.pull.head_sha, "status": "in_progress"}
    created = call("POST {repo}/check-runs", body).json()
    refused = call(f"PATCH {{repo}}/check-runs/{created['id']}", {"status": "completed", "conclusion": "success"})
    assert refused.status_code == status
    assert "can only be updated internally by GitHub Actions" in refused.text
    assert sample.repository.check_runs[created["id"]].status == "in_progress"
    # A run that is concluded when it is created, and that of an App, are not affected.
    assert call("POST {repo}/check-runs", body | {"status": "completed", "conclusion": "success"}).status_code == 201
    other = as_app("POST {repo}/check-runs", body).json()
    assert as_app(f"PATCH {{repo}}/check-runs/{other['id']}", {"conclusion": "success"}).status_code == 200


def test_checks_name_open_pull_requests_of_this_repository_only(sample: Sample, call: Client) -> None:
    created = call("POST {repo}/check-runs", {"name": "training", "head_sha": sample.pull.head_sha}).json()
    assert [pull["number"] for pull in created["pull_requests"]] == [sample.pull.number]
    sample.pull.close(by="writer")
    assert call(f"GET {{repo}}/check-runs/{created['id']}").json()["pull_requests"] == []


def test_checks_of_a_fork_name_no_pull_request_and_no_branch(sample: Sample, call: Client) -> None:
    sha = make_fork_sample(sample.github).pull.head_sha
    created = call("POST {repo}/check-runs", {"name": "training", "head_sha": sha}).json()
    assert created["pull_requests"] == []
    (suite,) = call(f"GET {{repo}}/commits/{sha}/check-suites").json()["check_suites"]
    assert suite["head_branch"] is None


def test_a_deployment_status_names_the_app_that_wrote_it(sample: Sample, call: Client) -> None:
    deployment = sample.repository.deploy(sample.pull.head_sha, "staging", by="maintainer")
    created = call(f"POST {{repo}}/deployments/{deployment.id}/statuses", {"state": "success", "log_url": DETAILS}).json()
    assert (created["performed_via_github_app"]["slug"], created["log_url"]) == ("github-actions", DETAILS)


def test_statuses_are_limited_by_context_and_link_by_http_only(sample: Sample, call: Client) -> None:
    """https://docs.github.com/rest/commits/statuses: at most 1,000 of one context on one commit."""
    sha = sample.pull.head_sha
    refused = call(f"POST {{repo}}/statuses/{sha}", {"state": "success", "target_url": "javascript:alert(1)"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "target_url")
    for _ in range(1000):
        sample.repository.status(sha, "ci", "pending")
    assert call(f"POST {{repo}}/statuses/{sha}", {"state": "success", "context": "ci"}).status_code == 422
    assert call(f"POST {{repo}}/statuses/{sha}", {"state": "success", "context": "other"}).status_code == 201
