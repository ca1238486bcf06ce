"""argo-submit against a real API server and Argo's own controller, with the rights that its README asks for.

The contract of `tests/standins/cluster` is held against them first: what the sandbox's cluster promises, these do.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from backports import zstd

from mlops_actions.core.types import Json
from tests.actions.argo_submit.job import Job
from tests.e2e.cluster import access
from tests.e2e.cluster.containers import PROCESS_IMAGE
from tests.e2e.cluster.real import ARGO, NAMESPACE, RealCluster
from tests.e2e.cluster.workflows import SUSPENDED, has_ended, manifest, run, running

ROOT = Path(__file__).parents[2]
FAN = 200
HELLO = """
entrypoint: main
arguments: {parameters: [{name: text, value: default}]}
templates:
- name: main
  container: {image: IMAGE, command: [echo], args: ["hello {{workflow.parameters.text}}"]}
"""


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
        "tests/standins/cluster",
        "--ignore",
        "tests/standins/cluster/test_sandbox_only.py",
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
    spec: Json = yaml.safe_load(manifest(HELLO))["spec"]
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


@pytest.mark.parametrize("kind", ["CronWorkflow", "WorkflowTemplate"])
def test_the_spec_of_another_kind_of_manifest_is_run(job: Job, cluster: RealCluster, kind: str) -> None:
    spec: Json = yaml.safe_load(manifest(HELLO))["spec"]
    document = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": "by-manifest"},
        "spec": {"schedules": ["0 0 1 1 *"], "workflowSpec": spec} if kind == "CronWorkflow" else spec,
    }
    path = job.write("manifest.yaml", yaml.safe_dump(document))
    assert run(job, workflow=path, parameters="text=there") == 0, job.log
    assert "\nhello there\n" in job.log
    # The object itself is not brought into the cluster: nothing will start by itself.
    assert cluster.connection.call("GET", f"{ARGO}/{kind.lower()}s/by-manifest", accept=(404,))["code"] == 404


def test_a_manifest_may_refer_to_a_template(job: Job, cluster: RealCluster) -> None:
    spec = yaml.safe_load(manifest(HELLO))["spec"]
    value = {"apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTemplate", "metadata": {"name": "referred"}}
    cluster.connection.apply(f"{ARGO}/workflowtemplates", {**value, "spec": spec})
    text = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: e2e-refers-}
spec:
  workflowTemplateRef: {name: referred}
  arguments: {parameters: [{name: text}]}
"""
    assert run(job, workflow=text, parameters="text=here") == 0, job.log
    assert "\nhello here\n" in job.log


def test_what_a_schedule_started_can_be_followed(job: Job, cluster: RealCluster) -> None:
    spec = yaml.safe_load(manifest(HELLO))["spec"]
    value: Json = {"apiVersion": "argoproj.io/v1alpha1", "kind": "CronWorkflow", "metadata": {"name": "often"}}
    value["spec"] = {"schedules": ["@every 2s"], "concurrencyPolicy": "Forbid", "workflowSpec": spec}
    selector = "workflows.argoproj.io/cron-workflow=often"
    cluster.connection.apply(f"{ARGO}/cronworkflows", value)
    try:
        cluster.appears(selector)
    finally:
        cluster.connection.call("DELETE", f"{ARGO}/cronworkflows/often")
    name = cluster.workflows(selector)[0]["metadata"]["name"]
    assert run(job, attach=name) == 0, job.log
    assert (job.outputs["attached"], job.outputs["phase"]) == ("true", "Succeeded")
    assert "\nhello default\n" in job.log


def test_a_suspended_workflow_waits_to_be_resumed(job: Job, cluster: RealCluster) -> None:
    text = manifest(SUSPENDED, name="e2e-suspended")
    with running(job, "is suspended", workflow=text, idempotency="none"):
        cluster.resume("e2e-suspended")
    assert job.outputs.get("phase") == "Succeeded", job.log


def test_two_hundred_nodes_and_a_compressed_status(job: Job, another_job: Callable[[], Job], cluster: RealCluster) -> None:
    text = manifest(f"""
entrypoint: main
templates:
- name: main
  steps:
  - - name: each
      template: quick
      withSequence: {{count: "{FAN}"}}
      arguments: {{parameters: [{{name: number, value: "{{{{item}}}}"}}]}}
      continueOn: {{failed: true}}
- name: quick
  inputs: {{parameters: [{{name: number}}]}}
  container: {{image: IMAGE, command: [test, "{{{{inputs.parameters.number}}}}", "-ne", "{FAN // 2}"]}}
""")
    assert run(job, workflow=text, logs="failed") == 0, job.log
    name = job.outputs["workflow-name"]
    status = cluster.workflow(name)["status"]
    assert "nodes" not in status
    packed = base64.b64decode(status["compressedNodes"])
    assert packed.startswith(b"\x1f\x8b")
    assert f"{FAN - 1}/{FAN}" in job.log
    assert job.outputs["failed-nodes"] == "[]"  # the one that failed is tolerated
    assert f"each({FAN // 2}:{FAN // 2})" in job.log
    # The same record as Argo 4.1 packs it.
    nodes = base64.b64encode(zstd.compress(gzip.decompress(packed))).decode()
    cluster.connection.call("PATCH", f"{ARGO}/workflows/{name}", {"status": {"compressedNodes": nodes}})
    again = another_job()
    assert run(again, attach=name, logs="none") == 0, again.log
    assert again.outputs["phase"] == "Succeeded"
    assert f"each({FAN // 2}:{FAN // 2})" in again.log
    assert "::warning" not in again.log


def test_a_controller_that_is_away_for_a_while_is_waited_for(job: Job, cluster: RealCluster) -> None:
    text = manifest(SUSPENDED, name="e2e-alone")
    with running(job, "is suspended", workflow=text, idempotency="none"), cluster.without_controller():
        cluster.resume("e2e-alone")
        assert not has_ended(cluster.workflow("e2e-alone"))
    assert job.outputs.get("phase") == "Succeeded", job.log


def test_a_workflow_that_is_deleted_fails_the_job(job: Job, cluster: RealCluster) -> None:
    text = manifest("entrypoint: sleep", name="e2e-deleted")
    with running(job, "▶", workflow=text, idempotency="none") as step:
        cluster.connection.call("DELETE", f"{ARGO}/workflows/e2e-deleted")
    assert step.returncode == 1, job.log
    assert "was deleted" in job.error


def test_a_dry_run_is_judged_by_the_server_and_leaves_nothing(job: Job, cluster: RealCluster) -> None:
    assert run(job, workflow=manifest("entrypoint: fail", name="e2e-dry"), dry_run="true", idempotency="none") == 0, job.log
    listed = cluster.connection.call("GET", f"{ARGO}/workflows?fieldSelector=metadata.name%3De2e-dry")
    assert listed["items"] == []
