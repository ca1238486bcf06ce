"""Workflow runs, their jobs and annotations, and cancelling, by the API."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_sandbox.github import WorkflowRun
from tests.standins.github.conftest import Client
from tests.support.payloads import Sample

FILE = ".github/workflows/mlops.yml"


@pytest.fixture
def run(sample: Sample) -> WorkflowRun:
    """A run on a comment, whose first job has ended and whose second one works."""
    repository = sample.repository
    repository.push("main", by="maintainer", files={FILE: "on: issue_comment\n"})
    run = repository.workflow_run(repository.branches["main"], by="writer", path=FILE)
    now = sample.github.clock.now()
    listen = repository.workflow_job(run, "listen", "in_progress")
    listen.check_run.annotations.append({"annotation_level": "notice", "title": "chatops", "message": "/train on #1"})
    listen.complete("success", now)
    repository.workflow_job(run, "train", "in_progress")
    return run


def test_the_jobs_of_a_run_and_their_annotations_share_the_ids_of_their_check_runs(call: Client, run: WorkflowRun) -> None:
    listen, train = call(f"GET {{repo}}/actions/runs/{run.id}/jobs").json()["jobs"]
    assert [(job["name"], job["status"], job["conclusion"]) for job in (listen, train)] == [
        ("listen", "completed", "success"),
        ("train", "in_progress", None),
    ]
    assert call(f"GET {{repo}}/check-runs/{train['id']}").json()["html_url"] == train["html_url"]
    assert train["html_url"].endswith(f"/actions/runs/{run.id}/job/{train['id']}")
    annotations = call(f"GET {{repo}}/check-runs/{listen['id']}/annotations").json()
    assert [(one["title"], one["message"], one["path"]) for one in annotations] == [("chatops", "/train on #1", ".github")]
    assert call(f"GET {{repo}}/actions/jobs/{train['id']}").json()["run_id"] == run.id


def test_a_skipped_job_has_no_annotations(sample: Sample, call: Client, run: WorkflowRun) -> None:
    job = sample.repository.workflow_job(run, "finish")
    job.complete("skipped", sample.github.clock.now())
    assert call(f"GET {{repo}}/check-runs/{job.id}/annotations").status_code == 404


def test_jobs_of_earlier_attempts_are_listed_only_on_request(sample: Sample, call: Client, run: WorkflowRun) -> None:
    run.attempt = 2
    sample.repository.workflow_job(run, "train")
    listed = [call(f"GET {{repo}}/actions/runs/{run.id}/jobs", filter=value).json() for value in ("latest", "all")]
    assert [page["total_count"] for page in listed] == [1, 3]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, 3),
        ({"status": "in_progress"}, 1),
        ({"status": "completed"}, 2),
        ({"status": "cancelled"}, 1),
        ({"event": "push"}, 1),
        ({"actor": "maintainer"}, 1),
        ({"created": ">=2000-01-01"}, 3),
        ({"created": "<2000-01-01T00:00:00Z"}, 0),
        ({"created": "2000-01-01..2999-01-01"}, 3),
        ({"head_sha": "0" * 40}, 0),
    ],
)
def test_runs_of_a_file_are_found_by_status_event_and_time(
    sample: Sample, call: Client, run: WorkflowRun, query: dict[str, Any], expected: int
) -> None:
    now = sample.github.clock.now()
    for by, event, conclusion in (("writer", "push", "success"), ("maintainer", "issue_comment", "cancelled")):
        sample.repository.workflow_run(run.head_sha, by=by, event=event, path=FILE).complete(conclusion, now)
    sample.repository.workflow_run(run.head_sha, by="writer", path=".github/workflows/other.yml")
    page = call("GET {repo}/actions/workflows/mlops.yml/runs", **query).json()
    assert page["total_count"] == len(page["workflow_runs"]) == expected


@pytest.mark.parametrize("query", [{"status": "running"}, {"created": "yesterday"}])
def test_filters_of_no_meaning_are_refused(call: Client, run: WorkflowRun, query: dict[str, str]) -> None:
    assert call("GET {repo}/actions/workflows/mlops.yml/runs", **query).status_code == 422
    assert not run.is_completed


def test_a_run_is_cancelled_once(call: Client, run: WorkflowRun) -> None:
    answer = call(f"POST {{repo}}/actions/runs/{run.id}/cancel")
    assert (answer.status_code, answer.json()) == (202, {})
    assert (run.status, run.conclusion) == ("completed", "cancelled")
    assert [job.check_run.conclusion for job in run.jobs] == ["success", "cancelled"]
    answer = call(f"POST {{repo}}/actions/runs/{run.id}/cancel")
    assert (answer.status_code, answer.json()["message"]) == (409, "Cannot cancel a workflow run that is completed.")


def test_whoever_runs_the_jobs_ends_a_cancelled_run(call: Client, run: WorkflowRun) -> None:
    requests: list[str] = []
    run.cancel = lambda: requests.append("cancel")
    assert call(f"POST {{repo}}/actions/runs/{run.id}/cancel").status_code == 202
    assert (requests, run.is_completed) == (["cancel"], False)


@pytest.mark.parametrize(
    ("permissions", "expected"),
    [
        ({"actions": "write"}, [200, 403, 202]),
        ({"actions": "read"}, [200, 403, 403]),
        ({"checks": "read"}, [403, 200, 403]),
        ({"contents": "read"}, [403, 403, 403]),
    ],
)
def test_each_call_needs_its_permission(
    sample: Sample, run: WorkflowRun, permissions: dict[str, str], expected: list[int]
) -> None:
    sample.repository.private = True
    call = Client(sample.github, sample.github.workflow_token(sample.repository, permissions))
    routes = (
        f"GET {{repo}}/actions/runs/{run.id}/jobs",
        f"GET {{repo}}/check-runs/{run.jobs[0].id}/annotations",
        f"POST {{repo}}/actions/runs/{run.id}/cancel",
    )
    assert [call(route).status_code for route in routes] == expected
