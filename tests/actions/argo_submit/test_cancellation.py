"""A cancelled job stops what it has submitted and nothing else, at whatever moment the cancellation comes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mlops_actions.boundary.clock import SystemClock
from mlops_actions.core import provenance
from mlops_sandbox.cluster import Cluster, rule
from mlops_sandbox.cluster.resources import WORKFLOWS
from tests.actions.argo_submit.apis import APIS, ARGO_SERVER, KUBERNETES, environ_for
from tests.actions.argo_submit.end_cases import plain
from tests.actions.argo_submit.job import Job
from tests.actions.argo_submit.scripted import Scripted
from tests.support.shared_host import SharedHost

NAME = "cancelled"
UNNAMED = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: job-}
spec: {entrypoint: main, templates: [{name: main, container: {image: x, command: [x]}}]}
"""
NAMED = UNNAMED.replace("generateName: job-", f"name: {NAME}")


CREATION = {KUBERNETES: "/workflows?", ARGO_SERVER: "/workflows/default?"}


@pytest.fixture(params=APIS)
def api(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A cluster without a controller, so that every workflow goes on until a test ends it."""
    with Cluster() as cluster:
        yield cluster


def workflows(cluster: Cluster) -> list[Any]:
    return cluster.store.items(WORKFLOWS)[0]


def shutdowns(cluster: Cluster) -> list[Any]:
    return [one["spec"].get("shutdown") for one in workflows(cluster)]


@pytest.mark.parametrize("workflow", [NAMED, UNNAMED], ids=["named", "by the server"])
def test_a_workflow_whose_creation_was_not_answered_is_found_and_stopped(
    job: Job, script: Scripted, cluster: Cluster, cancel: Callable[[], None], workflow: str, api: str
) -> None:
    script.before_the_answer("POST", CREATION[api], cancel)
    assert job.run(workflow=workflow, idempotency="none") == 130
    (created,) = workflows(cluster)
    assert created["spec"]["shutdown"] == "Stop"
    assert f"asked Argo to stop the workflow '{created['metadata']['name']}'" in job.log
    assert "the job was cancelled" in plain(job.summary)
    assert "phase" in job.outputs


@pytest.mark.parametrize("workflow", [NAMED, UNNAMED], ids=["named", "by the server"])
def test_the_post_stage_finds_a_workflow_that_was_created_late(
    job: Job, script: Scripted, cluster: Cluster, cancel: Callable[[], None], workflow: str, api: str
) -> None:
    """The main stage is refused for a moment; the post stage is not."""
    script.before_the_answer("POST", CREATION[api], cancel)
    refused = [503]
    script.at("GET", "/workflows", lambda: refused[0])
    assert job.run(workflow=workflow, idempotency="none") == 130
    assert "the workflow could not be stopped; the post step tries again" in job.log
    assert shutdowns(cluster) == [None]
    script.refused.clear()
    assert job.run_post(workflow=workflow, idempotency="none") == 0
    assert shutdowns(cluster) == ["Stop"]


def test_without_the_right_to_list_the_error_names_the_label_and_says_that_the_workflow_may_run(
    job: Job, script: Scripted, cluster: Cluster, cluster_host: SharedHost, cancel: Callable[[], None], api: str
) -> None:
    token = cluster.add_user("ci", [rule("workflows", "create get watch patch")])
    job.environ |= environ_for(api, cluster, cluster_host.host.url, job.directory, token=token)
    script.before_the_answer("POST", CREATION[api], cancel)
    assert job.run(workflow=UNNAMED, idempotency="none") == 130
    assert shutdowns(cluster) == [None]
    assert job.run_post(workflow=UNNAMED, idempotency="none") == 3
    label = workflows(cluster)[0]["metadata"]["labels"][provenance.REQUEST]
    cause, remedy = job.error.splitlines()
    assert "a workflow that was being created may run" in cause
    assert f"find it by `kubectl -n default get workflows -l {provenance.REQUEST}={label}`" in remedy
    assert "may not list workflows in the namespace 'default' (403)" in cause
    assert '- {apiGroups: ["argoproj.io"], resources: ["workflows"], verbs: ["list"]}' in remedy


def test_a_workflow_of_the_same_name_by_somebody_else_is_not_stopped(
    job: Job, script: Scripted, cluster: Cluster, cancel: Callable[[], None], api: str
) -> None:
    cluster.store.create(WORKFLOWS, "default", {"metadata": {"name": NAME}, "spec": {}, "status": {"phase": "Running"}})
    script.before_the_answer("POST", CREATION[api], cancel)
    assert job.run(workflow=NAMED) == 130
    assert shutdowns(cluster) == [None]
    assert job.run_post(workflow=NAMED) == 0
    assert shutdowns(cluster) == [None]


@pytest.mark.parametrize(
    ("inputs", "shutdown"),
    [
        ({}, None),
        ({"on_cancel": "terminate"}, None),
        ({"on_cancel_attached": "stop"}, "Stop"),
        ({"on_cancel_attached": "terminate", "on_cancel": "leave"}, "Terminate"),
    ],
)
@pytest.mark.parametrize("by", ["attach", "joined"])
def test_a_workflow_that_the_job_has_not_submitted_is_stopped_only_where_an_input_says_so(
    job: Job,
    script: Scripted,
    cluster: Cluster,
    cancel: Callable[[], None],
    by: str,
    inputs: dict[str, str],
    shutdown: str | None,
) -> None:
    source = {"workflow": UNNAMED}
    assert job.run(**source, wait="false") == 0
    name = job.outputs["workflow-name"]
    script.at("GET", f"/{name}?", cancel, count=2)
    given = {"attach": name} if by == "attach" else source
    assert job.run(**given, **inputs) == 130
    assert shutdowns(cluster) == [shutdown]
    assert job.outputs["workflow-name"] == name
    expected = "asked Argo to" if shutdown else "'on-cancel-attached' is leave: the workflow goes on"
    assert expected in plain(job.summary)
    assert job.run_post(**given, **inputs) == 0
    assert shutdowns(cluster) == [shutdown]


def test_a_creation_whose_answer_is_lost_is_found_by_its_label(
    job: Job, script: Scripted, cluster: Cluster, api: str
) -> None:
    script.before_the_answer("POST", CREATION[api], lambda: 500)
    assert job.run(workflow=UNNAMED, idempotency="none", wait="false", namespace="default") == 0
    (created,) = workflows(cluster)
    assert job.outputs["workflow-name"] == created["metadata"]["name"]
    assert job.outputs["attached"] == "false"


def test_a_named_workflow_whose_answer_is_lost_is_the_jobs_own(
    job: Job, script: Scripted, cluster: Cluster, api: str
) -> None:
    script.before_the_answer("POST", CREATION[api], lambda: 503)
    assert job.run(workflow=NAMED, idempotency="none", wait="false") == 0
    assert len(workflows(cluster)) == 1
    assert job.outputs["attached"] == "false"


@pytest.mark.parametrize("workflow", [NAMED, UNNAMED], ids=["named", "by the server"])
@pytest.mark.parametrize("read", [0, 503, 403])
def test_a_creation_that_stays_unanswered_is_found_or_said_to_may_run(
    job: Job,
    script: Scripted,
    cluster: Cluster,
    monkeypatch: pytest.MonkeyPatch,
    workflow: str,
    read: int,
    api: str,
) -> None:
    """The first request creates the workflow, and none is answered."""
    monkeypatch.setattr(SystemClock, "sleep", lambda _clock, _seconds: None)
    refused = {"create": False}

    def refuse() -> int | None:
        return 503 if refused["create"] else None

    def first() -> int:
        refused["create"] = True
        return 503

    script.before_the_answer("POST", CREATION[api], first)
    for count in range(2, 6):
        script.at("POST", CREATION[api], refuse, count=count)
    if read:
        script.at("GET", "/workflows", lambda: read if refused["create"] else None)
    assert job.run(workflow=workflow, idempotency="none", wait="false", namespace="default") == (4 if read else 0)
    (created,) = workflows(cluster)
    if not read:
        assert job.outputs["workflow-name"] == created["metadata"]["name"]
        return
    cause, remedy = job.error.splitlines()
    assert "answered 503 to POST" in cause
    label = created["metadata"]["labels"][provenance.REQUEST]
    assert "a workflow may have been created, and may run" in remedy
    assert f"`kubectl -n default get workflows -l {provenance.REQUEST}={label}`" in remedy


def end(cluster: Cluster, name: str, phase: str, **spec: str) -> None:
    def edit(workflow: dict[str, Any]) -> dict[str, Any]:
        labels = {**workflow["metadata"]["labels"], "workflows.argoproj.io/phase": phase}
        metadata = {**workflow["metadata"], "labels": labels}
        return {**workflow, "metadata": metadata, "spec": {**workflow["spec"], **spec}, "status": {"phase": phase}}

    cluster.store.change(WORKFLOWS, "default", name, edit)


def submit_of_run(job: Job, run: int, **inputs: str) -> tuple[str, str]:
    """Submit as a step of another GitHub run; return the workflow's name, and whether it was joined."""
    job.environ["GITHUB_RUN_ID"] = str(run)
    assert job.run(workflow=UNNAMED, idempotency="sha", wait="false", **inputs) == 0
    return job.outputs["workflow-name"], job.outputs["attached"]


@pytest.mark.parametrize("may_list", [True, False])
def test_by_commit_the_newest_run_that_succeeded_or_runs_is_joined(
    job: Job, cluster: Cluster, cluster_host: SharedHost, script: Scripted, api: str, may_list: bool
) -> None:
    verbs = "create get watch patch list" if may_list else "create get watch patch"
    token = cluster.add_user("ci", [rule("workflows", verbs)])
    job.environ |= environ_for(api, cluster, cluster_host.host.url, job.directory, token=token)
    first, attached = submit_of_run(job, 1)
    assert attached == "false"
    assert submit_of_run(job, 2) == (first, "true")  # it runs
    end(cluster, first, "Failed")
    second, attached = submit_of_run(job, 3)
    assert (second, attached) == (f"{first}-2", "false")
    end(cluster, second, "Succeeded")
    assert submit_of_run(job, 4) == (second, "true")
    cluster.store.delete(WORKFLOWS, "default", first)
    if may_list:  # else the name of the first is free again
        assert submit_of_run(job, 5) == (second, "true")
    assert json.loads(job.outputs["result"])["attached"] is True


def test_a_run_that_is_being_stopped_is_not_joined(job: Job, cluster: Cluster) -> None:
    first, _ = submit_of_run(job, 1)
    end(cluster, first, "Running", shutdown="Stop")
    assert submit_of_run(job, 2) == (f"{first}-2", "false")
