"""argo-submit against a real API server and Argo's own controller, with the rights that its README asks for.

The contract of `tests/contract/cluster` is held against them first: what the sandbox's cluster promises, these do.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.cluster import access
from tests.e2e.cluster.containers import PROCESS_IMAGE
from tests.e2e.cluster.real import ARGO, NAMESPACE, RealCluster
from tests.e2e.cluster.workflows import SUSPENDED, has_ended, manifest, run, running
from tests.unit.argo_submit.job import Job

Json = dict[str, Any]

ROOT = Path(__file__).parents[2]
FAN = 200


def test_the_contract_of_the_sandbox_holds(cluster: RealCluster) -> None:
    environment = {
        **os.environ,
        "CLUSTER_URL": cluster.url,
        "CLUSTER_CA": str(cluster.certificate.certificate),
        "CLUSTER_IMAGE": PROCESS_IMAGE,
        "CLUSTER_TOKEN": cluster.tokens[access.ADMIN],
        "CLUSTER_READER_TOKEN": cluster.tokens[access.READER],
        "CLUSTER_NAMESPACE": NAMESPACE,
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--tb=short",
        "-p",
        "no:cacheprovider",
        "-n",
        "0",
        "tests/contract/cluster",
        "--ignore",
        "tests/contract/cluster/test_sandbox_only.py",
    ]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_a_graph_with_parameters_outputs_and_logs(job: Job) -> None:
    text = manifest("""
entrypoint: main
arguments: {parameters: [{name: lr, value: "1"}]}
templates:
- name: main
  dag:
    tasks:
    - {name: first, template: echo, arguments: {parameters: [{name: text, value: "lr {{workflow.parameters.lr}}"}]}}
    - name: each
      depends: first
      template: echo
      withItems: [a, b]
      arguments: {parameters: [{name: text, value: "<{{item}}>"}]}
    - name: last
      depends: each
      template: echo
      arguments: {parameters: [{name: text, value: "{{tasks.each.outputs.parameters.text}}"}]}
  outputs:
    parameters:
    - {name: all, valueFrom: {parameter: "{{tasks.last.outputs.parameters.text}}"}}
    - {name: told, valueFrom: {parameter: "{{tasks.first.outputs.parameters.text}}"}}
""")
    assert run(job, workflow=text, parameters="lr=3e-4") == 0, job.log
    outputs = json.loads(job.outputs["outputs"])
    assert (outputs["told"], json.loads(outputs["all"])) == ("lr 3e-4", ["<a>", "<b>"])
    assert (job.outputs["phase"], job.outputs["failed-nodes"]) == ("Succeeded", "[]")
    assert "\nlr 3e-4\n" in job.log
    assert "::group::Log of" in job.log


def test_steps_with_a_retry_and_an_exit_handler(job: Job, cluster: RealCluster) -> None:
    text = manifest("""
entrypoint: main
onExit: bye
templates:
- name: main
  steps:
  - - {name: one, template: echo, arguments: {parameters: [{name: text, value: x}]}}
  - - {name: flaky, template: flaky}
    - {name: never, template: fail, when: "1 == 2"}
- name: flaky
  retryStrategy: {limit: "3"}
  container: {image: IMAGE, command: [sh, -c], args: ["test {{retries}} -ge 1"]}
""")
    assert run(job, workflow=text) == 0, job.log
    nodes = cluster.workflow(job.outputs["workflow-name"])["status"]["nodes"].values()
    assert {"flaky(0)": "Failed", "flaky(1)": "Succeeded", "never": "Skipped"}.items() <= {
        node["displayName"]: node["phase"] for node in nodes
    }.items()
    assert "\nit was Succeeded\n" in job.log


def test_a_failure_says_why(job: Job) -> None:
    assert run(job, workflow=manifest("entrypoint: fail\nonExit: bye")) == 1, job.log
    [failed] = json.loads(job.outputs["failed-nodes"])
    assert (failed["exit-code"], failed["last-lines"]) == ("3", ["the reason"])
    assert job.outputs["phase"] == "Failed"
    assert "exit code 3" in job.error
    assert "\nit was Failed\n" in job.log


def test_an_error_says_why(job: Job) -> None:
    text = manifest("""
entrypoint: main
templates:
- name: main
  outputs: {parameters: [{name: a, valueFrom: {path: /tmp/never-written}}]}
  container: {image: IMAGE, command: ["true"]}
""")
    assert run(job, workflow=text) == 1, job.log
    assert job.outputs["phase"] == "Error"
    assert "/tmp/never-written" in job.error


@pytest.mark.parametrize("kind", ["WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow"])
def test_templates_of_the_cluster(job: Job, cluster: RealCluster, kind: str) -> None:
    template = {
        "name": "main",
        "inputs": {"parameters": [{"name": "text"}]},
        "container": {"image": PROCESS_IMAGE, "command": ["echo"], "args": ["hello {{inputs.parameters.text}}"]},
    }
    spec: Json = {
        "entrypoint": "main",
        "arguments": {"parameters": [{"name": "text", "value": "default"}]},
        "templates": [template],
    }
    if kind == "CronWorkflow":
        spec = {"schedules": ["0 0 1 1 *"], "suspend": True, "workflowSpec": spec}
    place = "/apis/argoproj.io/v1alpha1" if kind.startswith("Cluster") else ARGO
    name = f"{kind.lower()}-hello"
    cluster.connection.apply(
        f"{place}/{kind.lower()}s",
        {"apiVersion": "argoproj.io/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec},
    )
    assert run(job, from_=f"{kind.lower()}/{name}", parameters="text=there") == 0, job.log
    assert "\nhello there\n" in job.log


def test_a_suspended_workflow_waits_to_be_resumed(job: Job, cluster: RealCluster) -> None:
    text = manifest(SUSPENDED, name="e2e-suspended")
    with running(job, "is suspended", workflow=text, idempotency="none"):
        cluster.resume("e2e-suspended")
    assert job.outputs.get("phase") == "Succeeded", job.log


@pytest.mark.parametrize(("on_cancel", "strategy", "handled"), [("stop", "Stop", True), ("terminate", "Terminate", False)])
def test_a_cancelled_job_ends_its_workflow(
    job: Job, cluster: RealCluster, on_cancel: str, strategy: str, handled: bool
) -> None:
    name = f"e2e-{on_cancel}"
    text = manifest("entrypoint: sleep\nonExit: bye", name=name)
    with running(job, "▶", workflow=text, idempotency="none", on_cancel=on_cancel) as process:
        process.send_signal(signal.SIGINT)
    assert process.returncode == 130, job.log
    ended = cluster.until(name, has_ended)
    assert (ended["spec"]["shutdown"], ended["status"]["phase"]) == (strategy, "Failed")
    assert (f"{name}.onExit" in {node["name"] for node in ended["status"]["nodes"].values()}) is handled


def test_two_hundred_nodes_and_a_compressed_status(job: Job, cluster: RealCluster) -> None:
    text = manifest(f"""
entrypoint: main
templates:
- name: main
  steps:
  - - name: each
      template: quick
      withSequence: {{count: "{FAN}"}}
      arguments: {{parameters: [{{name: number, value: "{{{{item}}}}"}}]}}
- name: quick
  inputs: {{parameters: [{{name: number}}]}}
  container: {{image: IMAGE, command: [echo], args: ["number {{{{inputs.parameters.number}}}}"]}}
""")
    assert run(job, workflow=text, logs="failed") == 0, job.log
    status = cluster.workflow(job.outputs["workflow-name"])["status"]
    assert "nodes" not in status
    assert status["compressedNodes"]
    assert status["progress"] == f"{FAN}/{FAN}"
    assert f"{FAN}/{FAN}" in job.summary + job.log


def test_a_controller_that_is_away_for_a_while_is_waited_for(job: Job, cluster: RealCluster) -> None:
    text = manifest(SUSPENDED, name="e2e-alone")
    with running(job, "is suspended", workflow=text, idempotency="none"), cluster.without_controller():
        cluster.resume("e2e-alone")
        assert not has_ended(cluster.workflow("e2e-alone"))
    assert job.outputs.get("phase") == "Succeeded", job.log


def test_a_workflow_that_is_deleted_fails_the_job(job: Job, cluster: RealCluster) -> None:
    text = manifest("entrypoint: sleep", name="e2e-deleted")
    with running(job, "▶", workflow=text, idempotency="none") as process:
        cluster.connection.call("DELETE", f"{ARGO}/workflows/e2e-deleted")
    assert process.returncode == 1, job.log
    assert "was deleted" in job.error


def test_a_dry_run_is_judged_by_the_server_and_leaves_nothing(job: Job, cluster: RealCluster) -> None:
    assert run(job, workflow=manifest("entrypoint: fail", name="e2e-dry"), dry_run="true", idempotency="none") == 0, job.log
    listed = cluster.connection.call("GET", f"{ARGO}/workflows?fieldSelector=metadata.name%3De2e-dry")
    assert listed["items"] == []
