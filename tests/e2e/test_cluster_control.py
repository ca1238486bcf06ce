"""`resume`, `stop`, `terminate` and `stop: pull-request` by Kubernetes' API, before Argo's own controller."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from mlops_actions.core import provenance
from mlops_actions.core.types import Json
from tests.actions.argo_submit.job import Job
from tests.e2e.cluster.real import ARGO, RealCluster
from tests.e2e.cluster.workflows import SUSPENDED, has_ended, manifest, run

# More than the controller writes uncompressed; a suspend node needs no pod.
MANY = """
entrypoint: many
templates:
- name: many
  steps: [[{name: hold, template: hold, withSequence: {count: "250"}}]]
- {name: hold, suspend: {}}
"""
ASKING = """
entrypoint: main
templates:
- name: main
  suspend: {}
  outputs: {parameters: [{name: answer, valueFrom: {supplied: {}, default: "no"}}]}
"""


TWO = """
entrypoint: main
templates:
- name: main
  steps:
  - [{name: ask, template: ask}, {name: hold, template: hold}]
  - [{name: tell, template: echo, arguments: {parameters: [{name: text, value: "{{steps.ask.outputs.parameters.answer}}"}]}}]
- name: ask
  suspend: {}
  outputs: {parameters: [{name: answer, valueFrom: {supplied: {}}, globalName: said}]}
- {name: hold, suspend: {}}
"""


def submitted(job: Job, text: str, name: str, pull_request: int = 7) -> None:
    inputs = {"workflow": manifest(text, name=name), "idempotency": "none", "wait": "false"}
    assert run(job, **inputs, pr_number=str(pull_request)) == 0, job.log


def waits(workflow: Json) -> bool:
    """Whether the controller has come to the suspend node."""
    nodes = ((workflow.get("status") or {}).get("nodes") or {}).values()
    return any((one["type"], one["phase"]) == ("Suspend", "Running") for one in nodes)


def is_compressed(workflow: Json) -> bool:
    return bool((workflow.get("status") or {}).get("compressedNodes"))


@pytest.mark.parametrize(("text", "outputs"), [(SUSPENDED, {}), (ASKING, {"answer": "no"}), (MANY, {})])
def test_a_suspended_workflow_goes_on_to_its_end(
    another_job: Callable[[], Job], cluster: RealCluster, text: str, outputs: dict[str, str]
) -> None:
    job, name = another_job(), f"e2e-resume-{[SUSPENDED, ASKING, MANY].index(text)}"
    submitted(job, text, name)
    cluster.until(name, is_compressed if text is MANY else waits)
    assert run(job, resume=name, wait="true") == 0, job.log
    assert (job.outputs["phase"], json.loads(job.outputs["outputs"])) == ("Succeeded", outputs)
    assert run(job, resume=name) == 0, job.log
    assert "has ended already (Succeeded): there is nothing to resume" in job.log


def test_one_of_two_suspend_nodes_gets_its_value_and_the_other_waits(job: Job, cluster: RealCluster) -> None:
    name = "e2e-resume-one"
    submitted(job, TWO, name)
    cluster.until(name, lambda one: len((one.get("status") or {}).get("nodes") or {}) >= 4 and waits(one))
    assert run(job, resume=name, node_field_selector="displayName=ask") == 2, job.log
    assert "waits for a value of its output parameter 'answer'" in job.error
    given = {"node_field_selector": "displayName=ask", "output_parameters": "answer=it is yes", "node_message": "by hand"}
    assert run(job, resume=name, **given) == 0, job.log
    nodes = {one["displayName"]: one for one in cluster.workflow(name)["status"]["nodes"].values()}
    assert (nodes["ask"]["phase"], nodes["ask"]["message"], nodes["hold"]["phase"]) == ("Succeeded", "by hand", "Running")
    assert run(job, resume=name, node_field_selector="displayName=hold", wait="true") == 0, job.log
    assert (job.outputs["phase"], json.loads(job.outputs["outputs"])) == ("Succeeded", {"said": "it is yes"})
    assert "it is yes" in job.log


def test_a_workflow_that_is_suspended_as_a_whole_goes_on(job: Job, cluster: RealCluster) -> None:
    submitted(job, "suspend: true\n" + SUSPENDED.replace("{}", "{duration: '1'}"), "e2e-resume-whole")
    assert run(job, resume="e2e-resume-whole", wait="true") == 0, job.log
    assert job.outputs["phase"] == "Succeeded"


@pytest.mark.parametrize(("verb", "strategy"), [("stop", "Stop"), ("terminate", "Terminate")])
def test_a_workflow_ends_as_it_is_asked_to(job: Job, cluster: RealCluster, verb: str, strategy: str) -> None:
    name = f"e2e-{verb}"
    submitted(job, SUSPENDED, name)
    cluster.until(name, waits)
    assert run(job, **{verb: name}, wait="true", pr_number="7") == 0, job.log
    assert (job.outputs["phase"], job.result["stopped"]) == ("Failed", [name])
    assert cluster.workflow(name)["spec"]["shutdown"] == strategy
    assert run(job, **{verb: name}) == 0, job.log
    assert f"has ended already (Failed): there is nothing to {verb}" in job.log


def test_what_runs_for_a_pull_request_is_stopped_and_nothing_else(job: Job, cluster: RealCluster) -> None:
    for name, number in (("e2e-pr-one", 31), ("e2e-pr-two", 31), ("e2e-pr-other", 32)):
        submitted(job, SUSPENDED, name, number)
    copied = cluster.workflow("e2e-pr-one")
    by_hand = {"apiVersion": copied["apiVersion"], "kind": "Workflow", "spec": copied["spec"]}
    labels = {key: text for key, text in copied["metadata"]["labels"].items() if key.startswith(provenance.PREFIX)}
    metadata = {"name": "e2e-pr-by-hand", "labels": labels}
    cluster.connection.call("POST", f"{ARGO}/workflows", {**by_hand, "metadata": metadata})
    assert run(job, stop="pull-request", pr_number="31") == 0, job.log
    assert job.result["stopped"] == ["e2e-pr-one", "e2e-pr-two"]
    for name in job.result["stopped"]:
        assert cluster.until(name, has_ended)["spec"]["shutdown"] == "Stop"
    for name in ("e2e-pr-other", "e2e-pr-by-hand"):
        assert "shutdown" not in cluster.workflow(name)["spec"]
        cluster.connection.call("DELETE", f"{ARGO}/workflows/{name}")
    assert run(job, stop="pull-request", pr_number="31") == 0, job.log
    assert job.result["stopped"] == []
