"""The call-back from a real cluster: the exit handler that argo-submit adds runs there in a container, long after the job.

Argo's own controller validates the handler, starts it, and fills in what it is to tell; curl posts it to GitHub's stand-in
with a token that only the cluster holds; and chatops makes the pull request's context of what arrived.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_actions.argo_submit import callback
from mlops_actions.core.callback import EVENT_TYPE, read
from mlops_sandbox.github import Delivery, GitHubServer
from tests.actions.argo_submit.job import Job
from tests.actions.chatops.step import ChatopsStep
from tests.e2e.cluster.real import RealCluster
from tests.e2e.cluster.workflows import has_ended, manifest, run
from tests.support.call_backs import record_log
from tests.support.payloads import Sample, make_sample
from tests.support.step import cold

SECRET = "mlops-callback"


@pytest.fixture
def github() -> Iterator[GitHubServer]:
    server = GitHubServer()
    with server.serve():
        yield server


@pytest.fixture
def sample(github: GitHubServer, docker_cluster: RealCluster, job: Job) -> Sample:
    """A pull request, the run that submits, and the cluster's secret with a token that may write."""
    sample = make_sample(github)
    sample.repository.workflow_run(
        sample.repository.branches["main"], by="maintainer", run_id=int(job.environ["GITHUB_RUN_ID"])
    )
    docker_cluster.put_secret(SECRET, {"token": github.user_token("maintainer").value})
    job.environ["GITHUB_API_URL"] = github.api_url
    return sample


def submit(job: Job, sample: Sample, image: str, text: str = "", **inputs: str) -> int:
    asked = {"callback": "repository_dispatch", "callback_secret": SECRET, "callback_image": image, "wait": "false"}
    subject = {"pr_number": str(sample.pull.number), "sha": sample.pull.head_sha}
    source = {"workflow": manifest(text, image=image)} if text else {}
    return run(job, **{**asked, **subject, **source, **inputs})


def dispatches(sample: Sample) -> list[Delivery[dict[str, object]]]:
    return [one for one in sample.github.deliveries if one.event == "repository_dispatch"]


def restored(sample: Sample, delivery: Delivery[dict[str, object]], directory: Path) -> dict[str, str]:
    """What chatops makes of a dispatch; asserts that it goes on."""
    directory.mkdir()
    heard = ChatopsStep(sample.github, directory, execute=cold).run(delivery, {"commands": "/train"})
    assert (heard.exit_code, heard.outputs["decision"]) == (0, "continue"), heard.log
    return dict(heard.outputs)


@pytest.mark.parametrize(
    ("spec", "phase"),
    [
        ('entrypoint: echo\narguments: {parameters: [{name: text, value: "hello"}]}', "Succeeded"),
        ("entrypoint: fail\nonExit: bye", "Failed"),
    ],
    ids=["good", "bad"],
)
def test_a_workflow_that_nobody_waits_for_reports_to_chatops(
    job: Job, sample: Sample, docker_cluster: RealCluster, tools_image: str, tmp_path: Path, spec: str, phase: str
) -> None:
    assert submit(job, sample, tools_image, spec) == 0, job.log
    name = job.outputs["workflow-name"]
    workflow = docker_cluster.until(name, has_ended)
    assert workflow["status"]["phase"] == phase, workflow["status"]
    (delivery,) = dispatches(sample)
    assert delivery.payload["action"] == EVENT_TYPE
    claim = delivery.payload["client_payload"]
    assert isinstance(claim, dict)
    said = read(claim)
    assert (said.sha, said.pull_request, said.phase) == (sample.pull.head_sha, sample.pull.number, phase)
    assert (said.run, said.step) == (int(job.environ["GITHUB_RUN_ID"]), "submit")
    assert (said.workflow, said.namespace, said.uid) == (name, "default", workflow["metadata"]["uid"])
    record_log(sample.repository, said.run, job.log)
    outputs = restored(sample, delivery, tmp_path / "chatops")
    assert (outputs["pr-number"], outputs["sha"]) == (str(sample.pull.number), sample.pull.head_sha)
    assert json.loads(outputs["params"])["workflow"] == name


def test_the_token_is_nowhere_but_in_the_secret(
    job: Job, sample: Sample, docker_cluster: RealCluster, tools_image: str
) -> None:
    token = sample.github.user_token("maintainer").value
    docker_cluster.put_secret("another", {"token": token})
    assert submit(job, sample, tools_image, "entrypoint: bye", wait="true", callback_secret="another") == 0, job.log
    assert len(dispatches(sample)) == 1
    pods = docker_cluster.connection.call("GET", "/api/v1/namespaces/default/pods")
    workflow = docker_cluster.workflow(job.outputs["workflow-name"])
    assert token not in json.dumps([pods, workflow, job.outputs]) + job.log + job.summary


def test_a_github_that_refuses_leaves_the_work_as_it_is(
    job: Job, sample: Sample, docker_cluster: RealCluster, tools_image: str
) -> None:
    docker_cluster.put_secret("reader", {"token": sample.github.user_token("triager").value})
    assert submit(job, sample, tools_image, "entrypoint: bye", wait="true", callback_secret="reader") == 0, job.log
    assert (job.outputs["phase"], dispatches(sample)) == ("Succeeded", [])
    assert "✖ post" in job.log
    assert "The requested URL returned error: 403" in job.log


def test_a_secret_that_is_missing_does_not_keep_the_workflow_from_its_end(
    job: Job, sample: Sample, docker_cluster: RealCluster, tools_image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callback, "POST_SECONDS", 6)
    inputs = {"workflow": manifest("entrypoint: bye", image=tools_image), "pr_number": str(sample.pull.number)}
    asked = {"callback": "repository_dispatch", "callback_secret": "never-made", "callback_image": tools_image}
    assert job.run(**inputs, **asked) == 0, job.log
    assert (job.outputs["phase"], dispatches(sample)) == ("Succeeded", [])
    assert "cannot start yet: CreateContainerConfigError" in job.log
    assert "✖ post" in job.log
