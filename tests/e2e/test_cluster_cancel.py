"""A job that is cancelled, at each stage of its work on the real cluster, as GitHub's runner cancels a step.

Whatever the moment: the exit code is 130, the workflow is told what `on-cancel` says within the runner's patience, or by the
post step; and the same job run again neither doubles nor misses anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from mlops_actions.core.provenance import RUN
from mlops_actions.core.types import Json
from tests.actions.argo_submit.job import Job
from tests.e2e.cluster.containers import PROCESS_IMAGE
from tests.e2e.cluster.real import ARGO, RealCluster
from tests.e2e.cluster.wire import Wire
from tests.e2e.cluster.workflows import SUSPENDED, has_ended, manifest, running, started

WORKFLOWS = f"{ARGO}/workflows"
SLEEP = manifest("entrypoint: sleep\nonExit: bye")


@pytest.fixture
def wire(cluster: RealCluster, job: Job) -> Iterator[Wire]:
    """The job's way to the cluster."""
    with cluster.wire() as wire:
        job.environ["KUBECONFIG"] = str(cluster.kubeconfig(by=wire.url))
        yield wire


def workflows_of(cluster: RealCluster, job: Job) -> list[Json]:
    """All that a job's GitHub run has on the cluster, oldest first."""
    found = cluster.workflows(f"{RUN}={job.environ['GITHUB_RUN_ID']}")
    return sorted(found, key=lambda one: (one["metadata"]["creationTimestamp"], one["metadata"]["name"]))


def run_again(job: Job, another_job: Callable[[], Job], cluster: RealCluster, text: str) -> Job:
    """Run the job again by GitHub's button: the same run, its second attempt."""
    again = another_job()
    again.environ |= {"GITHUB_RUN_ID": job.environ["GITHUB_RUN_ID"], "GITHUB_RUN_ATTEMPT": "2"}
    with running(again, "▶", workflow=text, on_cancel="leave") as step:
        step.cancel()
    return again


def stopped(workflow: Json) -> bool:
    return bool(workflow["spec"].get("shutdown") == "Stop")


def test_before_anything_was_submitted(job: Job, cluster: RealCluster, wire: Wire) -> None:
    template = {
        "entrypoint": "main",
        "templates": [{"name": "main", "container": {"image": PROCESS_IMAGE, "command": ["true"]}}],
    }
    value = {"apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTemplate", "metadata": {"name": "early"}}
    cluster.connection.apply(f"{ARGO}/workflowtemplates", {**value, "spec": template})
    hold = wire.hold("GET", "/workflowtemplates/early", answer=True)
    with started(job, from_="workflowtemplate/early") as step:
        assert hold.reached.wait(60)
        step.cancel()
    wire.release(hold)
    assert job.run_post(from_="workflowtemplate/early") == 0, job.log
    assert wire.count("POST", WORKFLOWS) == 0
    assert workflows_of(cluster, job) == []


def test_before_the_request_has_arrived(job: Job, cluster: RealCluster, wire: Wire) -> None:
    """It was sent and cannot be taken back: it arrives when the step has gone. The post step stops what came of it."""
    hold = wire.hold("POST", WORKFLOWS, answer=False)
    with started(job, workflow=SLEEP) as step:
        assert hold.reached.wait(60)
        assert "the post step tries again" in step.cancel()
    assert workflows_of(cluster, job) == []
    wire.release(hold)
    cluster.appears(f"{RUN}={job.environ['GITHUB_RUN_ID']}")
    assert job.run_post(workflow=SLEEP) == 0, job.log
    [workflow] = workflows_of(cluster, job)
    assert stopped(cluster.until(workflow["metadata"]["name"], has_ended))


def test_between_the_request_and_its_answer(
    job: Job, another_job: Callable[[], Job], cluster: RealCluster, wire: Wire
) -> None:
    hold = wire.hold("POST", WORKFLOWS, answer=True)
    with started(job, workflow=SLEEP) as step:
        assert hold.reached.wait(60)
        assert "asked Argo to stop the workflow" in step.cancel()
    wire.release(hold)
    [workflow] = workflows_of(cluster, job)
    assert stopped(workflow)
    ended = cluster.until(workflow["metadata"]["name"], has_ended)
    assert job.run_post(workflow=SLEEP) == 0, job.log
    # What was stopped has failed: the job run again makes a new attempt, one.
    again = run_again(job, another_job, cluster, SLEEP)
    first, second = workflows_of(cluster, job)
    assert first["metadata"]["uid"] == ended["metadata"]["uid"]
    assert again.state["argo-workflow"].count(second["metadata"]["name"]) == 1
    cluster.connection.call("DELETE", f"{WORKFLOWS}/{second['metadata']['name']}")


@pytest.mark.parametrize(("on_cancel", "strategy"), [("stop", "Stop"), ("terminate", "Terminate")])
def test_while_it_is_followed(job: Job, cluster: RealCluster, wire: Wire, on_cancel: str, strategy: str) -> None:
    with running(job, "▶", workflow=SLEEP, on_cancel=on_cancel) as step:
        assert f"asked Argo to {on_cancel}" in step.cancel()
    [workflow] = workflows_of(cluster, job)
    assert workflow["spec"]["shutdown"] == strategy
    name = workflow["metadata"]["name"]
    ended = cluster.until(name, has_ended)
    assert ended["status"]["phase"] == "Failed"
    assert (f"{name}.onExit" in {node["name"] for node in ended["status"]["nodes"].values()}) is (strategy == "Stop")
    assert {pod["status"]["phase"] for pod in cluster.pods_ended(name)} <= {"Succeeded", "Failed"}
    assert job.run_post(workflow=SLEEP, on_cancel=on_cancel) == 0, job.log
    assert wire.count("PATCH", name) == 1


def test_while_it_is_to_be_left_alone(job: Job, another_job: Callable[[], Job], cluster: RealCluster, wire: Wire) -> None:
    text = manifest(SUSPENDED)
    with running(job, "is suspended", workflow=text, on_cancel="leave") as step:
        step.cancel()
    assert job.run_post(workflow=text, on_cancel="leave") == 0, job.log
    [workflow] = workflows_of(cluster, job)
    assert "shutdown" not in workflow["spec"]
    again = another_job()
    again.environ |= {"GITHUB_RUN_ID": job.environ["GITHUB_RUN_ID"], "GITHUB_RUN_ATTEMPT": "2"}
    with running(again, "is suspended", workflow=text) as step:
        cluster.resume(workflow["metadata"]["name"])
    assert step.returncode == 0, again.log
    assert (again.outputs["attached"], again.outputs["workflow-uid"]) == ("true", workflow["metadata"]["uid"])
    assert len(workflows_of(cluster, job)) == 1
    assert wire.count("PATCH", WORKFLOWS) == 0


def test_while_logs_are_read(job: Job, cluster: RealCluster, wire: Wire) -> None:
    text = manifest("""
entrypoint: main
templates:
- name: main
  container: {image: IMAGE, command: [sh, -c], args: ["while :; do echo tick; sleep 0.1; done"]}
""")
    with running(job, "▶", workflow=text) as step:
        wire.until(lambda: wire.count("GET", "/log?") > 0)
        assert "asked Argo to stop the workflow" in step.cancel()
    [workflow] = workflows_of(cluster, job)
    assert stopped(cluster.until(workflow["metadata"]["name"], has_ended))
    cluster.pods_ended(workflow["metadata"]["name"])
    assert job.run_post(workflow=text) == 0, job.log


@pytest.mark.parametrize("arrives", [True, False], ids=["its answer is lost", "it is lost"])
def test_while_it_is_being_stopped(job: Job, cluster: RealCluster, wire: Wire, arrives: bool) -> None:
    hold = wire.hold("PATCH", WORKFLOWS, answer=arrives)
    with running(job, "▶", workflow=SLEEP) as step:
        assert "the post step tries again" in step.cancel()
    assert hold.reached.is_set()
    [workflow] = workflows_of(cluster, job)
    assert stopped(workflow) is arrives
    assert job.run_post(workflow=SLEEP) == 0, job.log
    wire.release(hold)
    assert stopped(cluster.until(workflow["metadata"]["name"], has_ended))
    assert len(workflows_of(cluster, job)) == 1


def test_while_the_cluster_is_out_of_reach(job: Job, cluster: RealCluster, wire: Wire) -> None:
    with running(job, "▶", workflow=SLEEP) as step:
        wire.refuse()
        assert "the post step tries again" in step.cancel()
    [workflow] = workflows_of(cluster, job)
    assert not stopped(workflow)
    wire.restore()
    assert job.run_post(workflow=SLEEP) == 0, job.log
    assert "asked Argo to stop the workflow" in job.log
    assert stopped(cluster.until(workflow["metadata"]["name"], has_ended))


def test_a_step_that_is_killed_leaves_the_work_to_its_post_step(job: Job, cluster: RealCluster, wire: Wire) -> None:
    with running(job, "▶", workflow=SLEEP) as step:
        step.kill()
    [workflow] = workflows_of(cluster, job)
    assert not stopped(workflow)
    assert job.run_post(workflow=SLEEP) == 0, job.log
    assert stopped(cluster.until(workflow["metadata"]["name"], has_ended))
