"""The pull request of each event: the workflow is labelled with it and gets its number as a parameter."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlops_actions.core import provenance
from mlops_sandbox.cluster import Cluster
from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.github import GitHubServer
from tests.actions.argo_submit.job import SHA, Job, manifest
from tests.support.payloads import Sample, make_sample

WORKFLOW = manifest("true", parameters="{name: pr, value: ''}, {name: sha, value: ''}")


@pytest.fixture
def sample(github: GitHubServer, job: Job) -> Sample:
    job.environ["GITHUB_API_URL"] = github.api_url
    return make_sample(github)


def submit(job: Job, cluster: Cluster, name: str, payload: dict[str, Any], **inputs: str) -> tuple[str, str]:
    """Submit on an event; return the pull request and the commit that the workflow was given."""
    job.environ["GITHUB_EVENT_NAME"] = name
    (job.directory / "event.json").write_text(json.dumps(payload))
    assert job.run(workflow=WORKFLOW, wait="false", **inputs) == 0
    workflow = cluster.store.get(WORKFLOWS, "default", job.outputs["workflow-name"])
    given = {entry["name"]: entry["value"] for entry in workflow["spec"]["arguments"]["parameters"]}
    assert workflow["metadata"]["labels"].get(provenance.PULL_REQUEST, "") == given["pr"]
    assert job.result["pr-number"] == (int(given["pr"]) if given["pr"] else None)
    return given["pr"], given["sha"]


@pytest.mark.parametrize("number", ["#7", "7", 7, " #7 "])
def test_a_dispatch_names_its_pull_request_with_or_without_a_hash_sign(job: Job, cluster: Cluster, number: object) -> None:
    assert submit(job, cluster, "workflow_dispatch", {"inputs": {"pr-number": number}})[0] == "7"


def test_a_merge_group_belongs_to_its_last_pull_request_and_keeps_its_own_commit(job: Job, cluster: Cluster) -> None:
    ref = f"refs/heads/gh-readonly-queue/main/pr-12-{'a' * 40}"
    assert submit(job, cluster, "merge_group", {"merge_group": {"head_ref": ref, "head_sha": SHA}}) == ("12", SHA)


def test_a_workflow_run_belongs_to_the_pull_request_that_it_lists(job: Job, cluster: Cluster) -> None:
    listing = {"head_sha": SHA, "pull_requests": [{"number": 9, "head": {"sha": SHA}}]}
    assert submit(job, cluster, "workflow_run", {"workflow_run": listing})[0] == "9"


@pytest.mark.parametrize("event", ["push", "workflow_run"])
def test_the_open_pull_request_of_the_commit_is_asked_where_there_is_a_token(
    job: Job, sample: Sample, cluster: Cluster, event: str
) -> None:
    sha = sample.pull.head_sha
    job.environ["GITHUB_SHA"] = sha
    payloads: dict[str, Any] = {
        "push": {"after": sha},
        "workflow_run": {"workflow_run": {"head_sha": sha, "pull_requests": []}},
    }
    payload = payloads[event]
    token = sample.github.workflow_token(sample.repository, {"pull-requests": "read"}).value
    assert submit(job, cluster, event, payload, github_token=token) == (str(sample.pull.number), sha)


def test_without_a_token_a_push_belongs_to_no_pull_request(job: Job, sample: Sample, cluster: Cluster) -> None:
    assert submit(job, cluster, "push", {"after": sample.pull.head_sha}) == ("", SHA)


def test_a_token_that_github_refuses_does_not_fail_the_step(job: Job, sample: Sample, cluster: Cluster) -> None:
    token = "ghs_expired"
    assert submit(job, cluster, "push", {"after": sample.pull.head_sha}, github_token=token) == ("", SHA)
    assert "::warning" not in job.log
    assert submit(job, cluster, "push", {"after": sample.pull.head_sha}, github_token=token, comment="true") == ("", SHA)
    (warning,) = [line for line in job.log.splitlines() if line.startswith("::warning")]
    assert "::no comment is written: the pull request of this event is not known" in warning


def test_an_input_names_the_pull_request_before_the_event(job: Job, sample: Sample, cluster: Cluster) -> None:
    token = sample.github.workflow_token(sample.repository, {"pull-requests": "read"}).value
    assert submit(job, cluster, "push", {"after": sample.pull.head_sha}, pr_number="5", github_token=token) == ("5", SHA)
