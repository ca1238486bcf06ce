"""Every end is told: whatever happens after the submission leaves outputs, summary, comment, and an error with the name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from mlops_actions.argo_submit import follow
from mlops_actions.boundary.clock import SystemClock
from mlops_sandbox.cluster import Cluster, rule
from mlops_sandbox.cluster.resources import PODS, WORKFLOWS
from mlops_sandbox.github import GitHubServer
from tests.actions.argo_submit.apis import APIS, KUBERNETES, application_of, environ_for
from tests.actions.argo_submit.job import Job
from tests.actions.argo_submit.scripted import Scripted
from tests.support.payloads import Sample, make_sample, write_event
from tests.support.shared_host import SharedHost

NAME = "trained"
WORKFLOW = f"""
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: {NAME}}}
spec: {{entrypoint: main, templates: [{{name: main, container: {{image: x, command: [x]}}}}]}}
"""
READ, LOG = f"/{NAME}?", "/log?"
LABELS = {"workflows.argoproj.io/phase": "Succeeded", "workflows.argoproj.io/completed": "true"}


@pytest.fixture(params=APIS)
def api(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A cluster without a controller: what happens to a workflow, the test does."""
    with Cluster() as cluster:
        yield cluster


@dataclass
class World:
    """A cluster to which things happen at chosen requests, a job, and the pull request that it comments on."""

    cluster: Cluster
    script: Scripted
    job: Job
    sample: Sample
    token: str

    def run(self, **inputs: str) -> int:
        given = {"workflow": WORKFLOW, "idempotency": "none", "comment": "true", "github_token": self.token}
        return self.job.run(**given, **inputs)

    def change(self, *, labels: dict[str, str] | None = None, **status: Any) -> None:
        def edit(workflow: dict[str, Any]) -> dict[str, Any]:
            workflow["metadata"].setdefault("labels", {}).update(labels or {})
            return {**workflow, "status": {**workflow.get("status", {}), **status}}

        self.cluster.store.change(WORKFLOWS, "default", NAME, edit)

    def delete(self) -> None:
        self.cluster.store.delete(WORKFLOWS, "default", NAME)

    def start(self) -> None:
        node = {"id": NAME, "name": NAME, "displayName": NAME, "type": "Pod", "templateName": "main", "phase": "Running"}
        self.change(phase="Running", startedAt="2026-01-01T00:00:00Z", progress="0/1", nodes={NAME: node})

    @property
    def comment(self) -> str:
        (comment,) = [one for one in self.sample.pull.comments if "Workflow" in one.body]
        return comment.body.replace("\\", "")

    @property
    def summary(self) -> str:
        return self.job.summary.replace("\\", "")


@pytest.fixture
def world(
    cluster: Cluster, cluster_host: SharedHost, job: Job, github: GitHubServer, api: str, monkeypatch: pytest.MonkeyPatch
) -> World:
    monkeypatch.setattr(SystemClock, "sleep", lambda _clock, _seconds: None)
    monkeypatch.setattr(follow, "MIN_READ_INTERVAL", 0.05)
    monkeypatch.setattr(follow, "MAX_READ_INTERVAL", 0.05)
    monkeypatch.setattr(follow, "STRAGGLER_SECONDS", 0.3)
    script = Scripted(application_of(api, cluster))
    cluster_host.application = script
    sample = make_sample(github)
    write_event(sample.pull.comment("/train", by="maintainer"), job.directory / "event.json")
    job.environ |= {"GITHUB_EVENT_NAME": "issue_comment", "GITHUB_API_URL": github.api_url}
    token = github.workflow_token(sample.repository, {"pull-requests": "write"}).value
    return World(cluster, script, job, sample, token)


@dataclass(frozen=True)
class Failure:
    """What a call answers from some moment on, and what the job tells: its exit code and words of the error."""

    answer: int
    code: int
    cause: str


FAILURES = {
    "the credentials expire": Failure(401, 3, "does not accept the credentials (401)"),
    "a right is taken away": Failure(403, 3, "the cluster denies this (403"),
    "the API server is broken": Failure(503, 4, "answered 503"),
}
# The number of the read of the workflow at which it begins: the first after the creation, or one after the workflow started.
MOMENTS = {"at once": 1, "later": 3}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("kind", FAILURES)
def test_a_failure_after_the_submission_leaves_everything_and_says_that_the_workflow_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: str, moment: str
) -> None:
    failure, is_late = FAILURES[kind], moment == "later"
    monkeypatch.setattr(follow, "UNREACHABLE_SECONDS", 0.0)
    monkeypatch.setattr("mlops_actions.boundary.cluster.refusals.PASSING_DENIAL_SECONDS", 0.0)
    if is_late:
        world.script.at("GET", READ, world.start)
    world.script.at("GET", READ, lambda: failure.answer, count=MOMENTS[moment])
    monkeypatch.setattr(follow, "UNCHANGED_READ_INTERVAL", 0.05)
    assert world.run() == failure.code
    cause, remedy = world.job.error.splitlines()
    assert cause.startswith(f"this step no longer follows the workflow 'default/{NAME}': ")
    assert failure.cause in cause
    state = "it was Running when it was last read" if is_late else "it had not started when it was last read"
    assert f"the workflow goes on as far as is known ({state}): follow it with 'attach: {NAME}'" in remedy
    outputs = world.job.outputs
    assert (outputs["workflow-name"], outputs["workflow-namespace"]) == (NAME, "default")
    assert outputs["workflow-uid"] == world.cluster.store.get(WORKFLOWS, "default", NAME)["metadata"]["uid"]
    assert outputs["phase"] == ("Running" if is_late else "")
    assert json.loads(outputs["result"])["workflow-name"] == NAME
    for page in (world.summary, world.comment):
        assert "is no longer followed**" + (" (last seen: Running, 0/1)" if is_late else "\n") in page
        assert f"⚠️ this step no longer follows the workflow 'default/{NAME}'" in page
        assert "the workflow goes on" in page
    assert world.job.run_post(workflow=WORKFLOW) == 0
    assert "shutdown" not in world.cluster.store.get(WORKFLOWS, "default", NAME)["spec"]


@pytest.mark.parametrize("answer", [401, 503])
@pytest.mark.parametrize("on_timeout", ["leave", "stop"])
def test_a_timeout_is_a_timeout_also_where_the_api_is_away(world: World, answer: int, on_timeout: str) -> None:
    """Where the credentials are refused, that is the end before any timeout; where the API is away, the timeout is."""
    world.script.at("GET", READ, lambda: answer).at("PATCH", READ, lambda: answer).at("PUT", f"/{NAME}/", lambda: answer)
    assert world.run(timeout="1", on_timeout=on_timeout) == (5 if answer == 503 else 3)
    if answer == 503:
        assert f"workflow '{NAME}' did not end in time" in world.job.error
        assert "the workflow runs on" in world.job.error
        assert f"workflow '{NAME}' did not end in time" in world.summary
        assert f"workflow '{NAME}' did not end in time" in world.comment
        assert "was submitted" not in world.comment
    assert world.job.outputs["workflow-name"] == NAME


def test_a_workflow_that_ended_just_before_the_timeout_is_told_by_its_end(world: World) -> None:
    world.script.at("GET", READ, lambda: world.change(phase="Succeeded", outputs={}))
    assert world.run(timeout="0s", wait="true") == 0
    assert world.job.outputs["phase"] == "Succeeded"


def test_a_workflow_that_is_deleted_while_it_runs_fails_the_job(world: World) -> None:
    world.script.at("GET", READ, world.start).at("GET", READ, world.delete, count=2)
    assert world.run() == 1
    assert f"workflow '{NAME}' was deleted while this step followed it (0/1 done)" in world.job.error
    assert (world.job.outputs["workflow-name"], world.job.outputs["phase"]) == (NAME, "Running")
    assert "was deleted while this step followed it" in world.summary
    assert "was deleted while this step followed it" in world.comment
    assert "is running" not in world.comment


@pytest.mark.parametrize("api", [KUBERNETES])
@pytest.mark.parametrize(("phase", "code"), [("Succeeded", 0), ("Failed", 1), ("Error", 1)])
def test_the_end_of_a_workflow_that_is_deleted_at_once_is_learned_from_its_labels(
    world: World, phase: str, code: int
) -> None:
    def end() -> None:
        world.change(labels={"workflows.argoproj.io/phase": phase}, phase=phase)
        world.delete()

    world.script.at("GET", READ, world.start).at("GET", READ, end, count=2)
    assert world.run() == code
    assert world.job.outputs["phase"] == phase
    assert "the workflow was deleted before this step could read its last status" in world.summary
    assert "was deleted while" not in world.job.log


@pytest.mark.parametrize("api", [KUBERNETES])
@pytest.mark.parametrize(
    ("exit_handler", "pod_phase", "code"), [(False, "Succeeded", 0), (True, "Succeeded", 1), (False, "Failed", 1)]
)
def test_the_end_is_learned_from_the_pod_where_that_is_all_of_the_workflow(
    world: World, exit_handler: bool, pod_phase: str, code: int
) -> None:
    """A pod that failed may have been ended by the deletion, and an exit handler may still fail the workflow."""

    def start() -> None:
        world.start()
        if exit_handler:
            world.cluster.store.change(
                WORKFLOWS, "default", NAME, lambda one: {**one, "spec": {**one["spec"], "onExit": "x"}}
            )
        annotations = {"workflows.argoproj.io/node-id": NAME, "workflows.argoproj.io/node-name": NAME}
        labels = {"workflows.argoproj.io/workflow": NAME}
        ended = {"name": "main", "state": {"terminated": {"exitCode": 0 if pod_phase == "Succeeded" else 143}}}
        pod = {
            "metadata": {"name": "pod", "labels": labels, "annotations": annotations},
            "spec": {"containers": [{"name": "main"}]},
            "status": {"phase": pod_phase, "containerStatuses": [ended]},
        }
        stored = world.cluster.store.create(PODS, "default", pod)
        world.cluster.logs.open(stored["metadata"]["uid"], "main").end()

    world.script.at("GET", READ, start).at("GET", LOG, world.delete)
    assert world.run() == code
    assert world.job.outputs["phase"] == ("Succeeded" if code == 0 else "Running")


def test_the_archive_of_the_argo_server_has_the_outputs_of_a_workflow_that_is_gone(world: World, api: str) -> None:
    outputs = {"parameters": [{"name": "score", "value": "0.93"}]}

    def end() -> None:
        world.change(labels=LABELS, phase="Succeeded", outputs=outputs)
        world.cluster.archive(NAME)
        world.delete()

    world.script.at("GET", READ, world.start).at("GET", READ, end, count=2)
    assert world.run() == 0
    assert world.job.outputs["phase"] == "Succeeded"
    assert json.loads(world.job.outputs["outputs"]) == ({} if api == KUBERNETES else {"score": "0.93"})


def test_with_the_rights_to_create_and_get_alone_the_workflow_is_read_now_and_then(
    world: World, api: str, cluster: Cluster, cluster_host: SharedHost
) -> None:
    token = cluster.add_user("ci", [rule("workflows", "create get")])
    world.job.environ |= environ_for(api, cluster, cluster_host.host.url, world.job.directory, token=token)
    world.script.at("GET", READ, world.start)
    world.script.at("GET", READ, lambda: world.change(phase="Succeeded"), count=4)
    assert world.run(logs="none") == 0
    assert world.job.log.count("the workflow is read now and then, since it cannot be watched") == 1
    world.job.assert_missing_right("watch", "workflows")
