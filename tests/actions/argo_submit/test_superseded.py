"""`superseded: stop` frees the cluster of older commits of the pull request, by its head as GitHub knows it now."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from mlops_actions.core import provenance
from mlops_actions.core.types import Json
from mlops_sandbox.cluster import Cluster
from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.github import GitHubServer
from mlops_sandbox.github.repository import PullRequest
from tests.actions.argo_submit.job import SHA, Job, manifest
from tests.actions.argo_submit.test_control import OTHER_SHA, put, shutdown
from tests.support.payloads import Sample, make_sample

WORKFLOW = manifest("true")


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A cluster without a controller: the objects stay as they are put."""
    with Cluster() as running:
        yield running


@pytest.fixture
def sample(github: GitHubServer, job: Job) -> Sample:
    sample = make_sample(github)
    token = github.workflow_token(sample.repository, {"pull-requests": "read"}).value
    job.environ |= {"GITHUB_API_URL": github.api_url, "GITHUB_TOKEN": token, "GITHUB_EVENT_NAME": "workflow_dispatch"}
    (job.directory / "event.json").write_text(json.dumps({"inputs": {"pr-number": sample.pull.number}}))
    return sample


def furnish(cluster: Cluster, sample: Sample) -> None:
    """Put workflows of an old commit, of the head, of a merge with the head, and of another pull request."""
    number, head, run = str(sample.pull.number), sample.pull.head_sha, "https://github.com/octo-org/digits/actions/runs/1"
    for name, sha in (("old", OTHER_SHA), ("head", head), ("merge", "e" * 40)):
        put(cluster, name, sha=sha, pull_request=number, run=run)
    put(cluster, "other", sha=OTHER_SHA, pull_request="999", run=run)

    def merged(workflow: Json) -> Json:
        workflow["metadata"]["annotations"][provenance.HEAD] = head
        return workflow

    cluster.store.change(WORKFLOWS, "default", "merge", merged)


def ended(cluster: Cluster) -> list[str]:
    return [name for name in ("old", "head", "merge", "other") if shutdown(cluster, name)]


def test_a_submission_stops_what_runs_for_older_commits(job: Job, sample: Sample, cluster: Cluster) -> None:
    furnish(cluster, sample)
    assert job.run(workflow=WORKFLOW, sha=sample.pull.head_sha, wait="false", superseded="stop") == 0
    assert ended(cluster) == ["old"]
    assert job.result["stopped"] == ["old"]
    assert f"stopped 1 workflow of pull request #{sample.pull.number} (its head is {sample.pull.head_sha[:7]})" in job.log
    assert "| `old` | `fffffff` | asked to stop |" in job.summary
    assert not shutdown(cluster, job.outputs["workflow-name"])


def test_a_submission_of_an_older_commit_stops_not_itself_nor_the_head(job: Job, sample: Sample, cluster: Cluster) -> None:
    furnish(cluster, sample)
    assert job.run(workflow=WORKFLOW, sha=SHA, wait="false", superseded="stop") == 0
    assert ended(cluster) == ["old"]
    assert not shutdown(cluster, job.outputs["workflow-name"])


def test_without_the_input_everything_runs_on(job: Job, sample: Sample, cluster: Cluster) -> None:
    furnish(cluster, sample)
    assert job.run(workflow=WORKFLOW, sha=sample.pull.head_sha, wait="false") == 0
    assert ended(cluster) == []


@pytest.mark.parametrize("token", ["ghs_expired", ""])
def test_a_head_that_is_not_known_stops_nothing_and_the_submission_counts(
    job: Job, sample: Sample, cluster: Cluster, token: str
) -> None:
    furnish(cluster, sample)
    job.environ["GITHUB_TOKEN"] = token
    assert job.run(workflow=WORKFLOW, sha=SHA, wait="false", superseded="stop") == 0
    assert ended(cluster) == []
    assert "::warning title=argo-submit::'superseded: stop' has stopped nothing: " in job.log
    assert job.run(stop="pull-request", superseded="stop") in (2, 3)
    assert ended(cluster) == []


def test_of_an_open_pull_request_only_older_commits_are_stopped_and_of_a_closed_one_all(
    job: Job, sample: Sample, cluster: Cluster
) -> None:
    furnish(cluster, sample)
    assert job.run(stop="pull-request", superseded="stop") == 0
    assert ended(cluster) == ["old"]
    assert "; 2 of its head commit run on" in job.log
    sample.pull.close(by="writer")
    assert job.run(stop="pull-request", superseded="stop") == 0
    assert ended(cluster) == ["old", "head", "merge"]
    assert "(it is closed; namespace 'default')" in job.log


@pytest.mark.parametrize(
    ("change", "stopped"),
    [
        (lambda it: it.close(by="writer"), ["head", "old"]),
        (lambda it: it.merge(by="maintainer"), ["head", "old"]),
        (lambda it: (it.close(by="writer"), it.reopen(by="writer")), ["old"]),
        (lambda it: it.set_draft(True, by="writer"), ["old"]),
        (lambda it: it.push(by="writer"), ["head", "old"]),
    ],
    ids=["closed", "merged", "reopened", "a draft", "pushed to"],
)
def test_namesakes_in_other_repositories_run_on_whatever_happens_to_the_pull_request(
    job: Job, sample: Sample, cluster: Cluster, change: Callable[[PullRequest], object], stopped: list[str]
) -> None:
    """One namespace serves several repositories; a fork has the same number and branch, and a label may be equal too."""
    number, path = str(sample.pull.number), "actions/runs/1"
    for name, sha in (("old", OTHER_SHA), ("head", sample.pull.head_sha)):
        put(cluster, name, sha=sha, pull_request=number, run=f"https://github.com/octo-org/digits/{path}")
    namesakes = {"fork": "stranger/digits", "longer": "octo-org/digits2", "same-label": "octo/org-digits"}
    for name, owner in namesakes.items():
        run = f"https://github.com/{owner}/{path}"
        put(cluster, name, sha=OTHER_SHA, pull_request=number, repository=owner, run=run)
    change(sample.pull)
    assert job.run(stop="pull-request", superseded="stop") == 0, job.log
    assert sorted(json.loads(job.outputs["stopped"])) == stopped
    assert not any(shutdown(cluster, name) for name in namesakes)


def test_the_head_of_the_event_is_recorded_beside_the_commit_that_is_run(job: Job, sample: Sample, cluster: Cluster) -> None:
    job.environ["GITHUB_EVENT_NAME"] = "pull_request"
    sample.pull.push(by="writer")
    (job.directory / "event.json").write_text(json.dumps(sample.github.deliveries[-1].payload))
    assert job.run(workflow=WORKFLOW, sha=SHA, wait="false") == 0
    annotations = cluster.store.get(WORKFLOWS, "default", job.outputs["workflow-name"])["metadata"]["annotations"]
    assert (annotations[provenance.SHA], annotations[provenance.HEAD]) == (SHA, sample.pull.head_sha)


@pytest.mark.parametrize("name", ["attach", "resume", "stop"])
def test_the_input_needs_a_submission_or_a_pull_request(job: Job, name: str) -> None:
    assert job.run(**{name: "w"}, superseded="stop") == 2
    assert "superseded" in job.error
