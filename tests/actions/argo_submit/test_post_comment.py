"""The comment that the post stage writes when a job was killed: as complete as the main stage's, and never fatal."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mlops_sandbox.cluster import Cluster, rule
from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.github import GitHubServer
from mlops_sandbox.github import PullRequest as ServedPullRequest
from mlops_sandbox.host import Host
from tests.actions.argo_submit.apis import KUBERNETES, environ_for
from tests.actions.argo_submit.job import SHA, Job, read_until, shell
from tests.support.payloads import Sample, make_sample, write_event

IMAGE = "ghcr.io/octo-org/digits@sha256:" + "1" * 64
WORKFLOW = shell("sleep 600", parameters="{name: image, value: ''}, {name: lr, value: '1'}, {name: unset, value: default}")
INPUTS = {"workflow": WORKFLOW, "comment": "true", "image": IMAGE, "sha": SHA, "parameters": "lr=3e-4"}


@pytest.fixture
def sample(github: GitHubServer, job: Job) -> Sample:
    sample = make_sample(github)
    write_event(sample.pull.comment("/train", by="maintainer"), job.directory / "event.json")
    job.environ |= {
        "GITHUB_EVENT_NAME": "issue_comment",
        "GITHUB_API_URL": github.api_url,
        "GITHUB_SERVER_URL": "https://github.test",
    }
    return sample


@pytest.fixture
def kill(job: Job) -> Callable[..., None]:
    """Kill the main stage while its workflow runs, as a runner does that is shut down."""

    def run(token: str, **inputs: str) -> None:
        process = job.start(**INPUTS, **inputs, github_token=token)
        read_until(process, "▶")
        process.kill()
        process.communicate()

    return run


def token(sample: Sample, **permissions: str) -> str:
    return sample.github.workflow_token(
        sample.repository, {name.replace("_", "-"): text for name, text in permissions.items()}
    ).value


def comment_of(pull: ServedPullRequest) -> str:
    (comment,) = [comment for comment in pull.comments if "Workflow" in comment.body]
    return comment.body


def test_the_comment_of_the_post_stage_keeps_what_the_main_stage_wrote(
    job: Job, sample: Sample, kill: Callable[..., None]
) -> None:
    allowed = token(sample, pull_requests="write")
    kill(allowed, argo_url="https://argo.test")
    before = comment_of(sample.pull)
    assert job.run_post(**INPUTS, github_token=allowed, argo_url="https://argo.test") == 0
    after = comment_of(sample.pull)
    assert "was cancelled" in after
    rows = [line for line in before.splitlines() if line.startswith("| ")]
    assert [row for row in rows if row not in after.splitlines()] == []
    assert [name for name in ("Commit", "Image", "Workflow", "Started by", "Follow") if f"| {name} |" not in after] == []
    assert f"https://github.test/octo-org/digits/commit/{SHA}" in after
    assert IMAGE in after
    assert "Parameters (2)" in before
    assert "Parameters (2)" in after
    assert "3e-4" in after


def test_the_post_stage_writes_to_the_pull_request_that_the_main_stage_found(
    job: Job, sample: Sample, kill: Callable[..., None]
) -> None:
    allowed = token(sample, pull_requests="write")
    kill(allowed)
    (job.directory / "event.json").write_text("{}")
    job.environ["GITHUB_EVENT_NAME"] = "schedule"
    assert job.run_post(**INPUTS, github_token=allowed) == 0
    assert "was cancelled" in comment_of(sample.pull)


def test_a_comment_that_the_post_stage_cannot_write_does_not_fail_the_step(
    job: Job, sample: Sample, cluster: Cluster, kill: Callable[..., None]
) -> None:
    refused = token(sample, contents="read")
    kill(refused)
    assert job.run_post(**INPUTS, github_token=refused) == 0
    assert "::warning title=argo-submit::the comment could not be written" in job.log
    (workflow,) = cluster.store.items(WORKFLOWS)[0]
    assert workflow["spec"]["shutdown"] == "Stop"


def test_the_post_stage_writes_the_comment_also_where_it_cannot_stop_the_workflow(
    job: Job, sample: Sample, cluster: Cluster, host: Host, kill: Callable[..., None]
) -> None:
    allowed = token(sample, pull_requests="write")
    kill(allowed)
    reader = cluster.add_user("reader", [rule("workflows", "get")])
    job.environ |= environ_for(KUBERNETES, cluster, host.url, job.directory, token=reader)
    assert job.run_post(**INPUTS, github_token=allowed) == 3
    assert "may not patch workflows" in job.log
    assert "was cancelled" in comment_of(sample.pull)
