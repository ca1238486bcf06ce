"""argo-submit through Argo's own server, before a real API server and controller, over TLS with an authority of its own.

First the contract that the sandbox's Argo Server keeps is held against the real one.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.actions.argo_submit.job import Job
from tests.e2e.cluster import access
from tests.e2e.cluster.argo_server import ArgoServer
from tests.e2e.cluster.real import NAMESPACE

ROOT = Path(__file__).parents[2]
IMAGE = "python:3"
ENDING = 300.0


@pytest.fixture
def server(argo_server: ArgoServer) -> ArgoServer:
    return argo_server


@pytest.fixture
def another_job(server: ArgoServer, tmp_path: Path) -> Callable[[], Job]:
    """Makes jobs with the submitter's rights, of one run."""
    made: list[Job] = []

    def make() -> Job:
        directory = tmp_path / f"job-{len(made)}"
        directory.mkdir()
        job = Job(directory)
        job.environ |= {"PATH": os.environ["PATH"], "HOME": str(directory), "GITHUB_RUN_ID": str(abs(hash(tmp_path)))}
        job.environ |= server.environment(access.SUBMITTER)
        made.append(job)
        return job

    return make


@pytest.fixture
def job(another_job: Callable[[], Job]) -> Job:
    return another_job()


def manifest(templates: str, name: str = "") -> str:
    named = {"name": name} if name else {"generateName": "argo-"}
    head = f"apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {json.dumps(named)}\n"
    return f"{head}spec:\n  entrypoint: main\n  templates:\n{templates}".replace("IMAGE", IMAGE)


TREE = """
  - name: main
    dag:
      tasks:
      - {name: one, template: one}
      - {name: each, depends: one, template: each, withSequence: {count: "12"}}
      - {name: quiet, depends: one, template: quiet}
  - name: one
    outputs: {parameters: [{name: score, globalName: score, valueFrom: {path: /tmp/score}}]}
    container: {image: IMAGE, command: [sh, -c, "echo first; echo 0.9 > /tmp/score; sleep 2; echo last"]}
  - {name: each, container: {image: IMAGE, command: [sh, -c, "echo of many"]}}
  - {name: quiet, container: {image: IMAGE, command: ["true"]}}
"""
FAILING = '  - {name: main, container: {image: IMAGE, command: [sh, -c, "echo the reason; exit 3"]}}\n'
SUSPENDED = "  - {name: main, suspend: {}}\n"
SLEEPING = '  - {name: main, container: {image: IMAGE, command: [sleep, "600"]}}\n'


def run(job: Job, **inputs: str) -> int:
    process = job.start(**inputs)
    job.log, _ = process.communicate(timeout=ENDING)
    return process.returncode


def started(job: Job, until: str, **inputs: str) -> subprocess.Popen[str]:
    """Start the action, and return when its log says so."""
    process = job.start(**inputs)
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if until in line:
            return process
    raise AssertionError(f"it ended without {until!r}:\n{seen}")


def resume(server: ArgoServer, name: str) -> None:
    path = f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/workflows/{name}"
    server.cluster.connection.call("PATCH", path, {"status": {"nodes": {name: {"phase": "Succeeded"}}}})


def test_the_contract_of_the_sandbox_holds(server: ArgoServer) -> None:
    environment = {
        **os.environ,
        "ARGO_SERVER_URL": server.url,
        "ARGO_SERVER_CA": str(server.certificate.certificate),
        "ARGO_SERVER_TOKEN": server.cluster.tokens[access.ADMIN],
        "ARGO_SERVER_READER_TOKEN": server.cluster.tokens[access.READER],
        "ARGO_SERVER_IMAGE": IMAGE,
    }
    options = ["-q", "--tb=short", "-p", "no:cacheprovider", "-n", "0", "--timeout", "120"]
    command = [sys.executable, "-m", "pytest", *options, "tests/standins/argo_server"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_a_graph_with_outputs_and_the_logs_of_all_its_nodes(job: Job, server: ArgoServer) -> None:
    assert run(job, workflow=manifest(TREE)) == 0, job.log
    name = job.outputs["workflow-name"]
    assert json.loads(job.outputs["outputs"]) == {"score": "0.9"}
    assert job.outputs["workflow-url"] == f"{server.url}/workflows/{NAMESPACE}/{name}"
    assert "::group::Log of one\nfirst\nlast\n::endgroup::" in job.log
    # Those that have little to say and end together may be shown as one group.
    assert len(re.findall(r"^(?:each\([0-9:]+\): )?of many$", job.log, re.MULTILINE)) == 12
    assert "::group::Log of quiet\n(the container printed nothing)\n" in job.log


def test_a_rerun_joins_what_the_first_run_submitted(another_job: Callable[[], Job]) -> None:
    first, again = another_job(), another_job()
    assert run(first, workflow=manifest(TREE)) == 0, first.log
    again.environ["GITHUB_RUN_ATTEMPT"] = "2"
    assert run(again, workflow=manifest(TREE)) == 0, again.log
    assert again.outputs["attached"] == "true"
    assert again.outputs["workflow-uid"] == first.outputs["workflow-uid"]


def test_a_failure_says_why(job: Job) -> None:
    assert run(job, workflow=manifest(FAILING)) == 1, job.log
    [failed] = json.loads(job.outputs["failed-nodes"])
    assert (failed["exit-code"], failed["last-lines"]) == ("3", ["the reason"])


def test_a_dry_run_is_judged_by_the_server(job: Job, server: ArgoServer) -> None:
    assert run(job, workflow=manifest(FAILING, "argo-dry"), dry_run="true", idempotency="none") == 0, job.log
    assert server.cluster.connection.call(
        "GET",
        f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/workflows?fieldSelector=metadata.name%3Dargo-dry",
    )["items"] == []  # fmt: skip


def test_the_servers_own_lint_judges_what_is_submitted_and_what_is_tried(job: Job, server: ArgoServer) -> None:
    """Here of a template in the cluster that reads from HDFS without an address, which argo-submit does not check."""
    artifact = {"name": "data", "path": "/data", "hdfs": {"path": "/data"}}
    main = {"name": "main", "inputs": {"artifacts": [artifact]}, "container": {"image": "x", "command": ["echo"]}}
    value = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "WorkflowTemplate",
        "metadata": {"name": "argo-lint"},
        "spec": {"entrypoint": "main", "templates": [main]},
    }
    path = f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/workflowtemplates"
    server.cluster.connection.apply(path, value)
    for dry_run in ("true", "false"):
        assert job.run(from_="workflowtemplate/argo-lint", dry_run=dry_run) == 2, job.log
        assert "the Argo Server does not accept this (400): " in job.error
    assert job.run(workflow=manifest(FAILING, "argo-dry-lint"), dry_run="true", idempotency="none") == 0, job.log
    assert "the rules of the Argo Server, by its own lint" in job.result["checked"]


def test_a_restart_of_the_api_server_behind_it_is_waited_out(job: Job, server: ArgoServer) -> None:
    process = started(job, "is suspended", workflow=manifest(SUSPENDED, "argo-restart"), idempotency="none")
    server.cluster.restart_api_server()
    resume(server, "argo-restart")
    log, _ = process.communicate(timeout=ENDING)
    assert process.returncode == 0, log
    assert job.outputs["phase"] == "Succeeded"


def test_a_workflow_that_is_deleted_fails_the_job(job: Job, server: ArgoServer) -> None:
    process = started(job, "▶", workflow=manifest(SLEEPING, "argo-gone"), idempotency="none")
    server.cluster.connection.call("DELETE", f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/workflows/argo-gone")
    log, _ = process.communicate(timeout=ENDING)
    assert process.returncode == 1, log
    assert "was deleted" in log


TWICE = """
  - name: main
    dag: {tasks: [{name: first, template: first}, {name: second, depends: first, template: second}]}
  - name: first
    outputs: {parameters: [{name: made, valueFrom: {path: /tmp/made}}]}
    container: {image: IMAGE, command: [sh, -c, "echo ran >> FOLDER/first; wc -l < FOLDER/first > /tmp/made"]}
  - {name: second, container: {image: IMAGE, command: [sh, -c, "echo hello; test -e FOLDER/ready"]}}
"""


def test_a_failed_workflow_is_retried_from_its_failed_node(job: Job, server: ArgoServer, tmp_path: Path) -> None:
    folder = f"/{tmp_path}"  # containers are processes here, and have a /tmp of their own
    text = manifest(TWICE, "argo-retry").replace("FOLDER", folder)
    assert run(job, workflow=text, idempotency="none") == 1, job.log
    uid = job.outputs["workflow-uid"]
    (tmp_path / "ready").touch()
    assert run(job, retry="argo-retry") == 0, job.log
    assert (job.outputs["phase"], job.outputs["workflow-uid"]) == ("Succeeded", uid)
    assert (tmp_path / "first").read_text() == "ran\n"
    assert json.loads(job.outputs["failed-nodes"]) == []
    assert run(job, retry="argo-retry") == 0, job.log
    assert "has succeeded: there is nothing to retry" in job.log
    assert run(job, retry="argo-retry", restart_successful="displayName=first") == 0, job.log
    assert (job.outputs["phase"], job.outputs["workflow-uid"]) == ("Succeeded", uid)
    assert (tmp_path / "first").read_text() == "ran\nran\n"


def test_a_suspended_workflow_is_resumed_and_one_of_the_pull_request_stopped(job: Job, server: ArgoServer) -> None:
    for name in ("argo-resume", "argo-pr"):
        text = manifest(SUSPENDED, name)
        assert run(job, workflow=text, idempotency="none", wait="false", pr_number="41") == 0, job.log
        server.cluster.until(name, lambda one: bool((one.get("status") or {}).get("nodes")))
    assert run(job, resume="argo-resume", wait="true") == 0, job.log
    assert job.outputs["phase"] == "Succeeded"
    assert run(job, stop="pull-request", pr_number="41") == 0, job.log
    assert job.result["stopped"] == ["argo-pr"]
    assert run(job, terminate="argo-pr", wait="true") == 0, job.log
    assert job.outputs["phase"] == "Failed"


TWO_APPROVALS = """
  - name: main
    steps: [[{name: ask, template: ask}, {name: hold, template: hold}]]
  - {name: ask, suspend: {}, outputs: {parameters: [{name: answer, valueFrom: {supplied: {}}, globalName: said}]}}
  - {name: hold, suspend: {}}
"""


def test_one_of_two_suspend_nodes_is_resumed_with_its_value(job: Job, server: ArgoServer) -> None:
    assert run(job, workflow=manifest(TWO_APPROVALS, "argo-two"), idempotency="none", wait="false") == 0, job.log
    server.cluster.until("argo-two", lambda one: len((one.get("status") or {}).get("nodes") or {}) >= 4)
    selected = {"node_field_selector": "displayName=ask", "output_parameters": "answer=yes"}
    assert run(job, resume="argo-two", **selected) == 0, job.log
    nodes = {one["displayName"]: one["phase"] for one in server.cluster.workflow("argo-two")["status"]["nodes"].values()}
    assert (nodes["ask"], nodes["hold"]) == ("Succeeded", "Running")
    assert run(job, resume="argo-two", node_field_selector="displayName=hold", wait="true") == 0, job.log
    assert (job.outputs["phase"], json.loads(job.outputs["outputs"])) == ("Succeeded", {"said": "yes"})


@pytest.mark.parametrize("on_cancel", ["stop", "terminate"])
def test_a_cancelled_job_ends_its_workflow(job: Job, server: ArgoServer, on_cancel: str) -> None:
    name = f"argo-{on_cancel}"
    process = started(job, "▶", workflow=manifest(SLEEPING, name), idempotency="none", on_cancel=on_cancel)
    process.send_signal(2)
    log, _ = process.communicate(timeout=ENDING)
    assert process.returncode == 130, log
    assert server.cluster.workflow(name)["spec"]["shutdown"] == on_cancel.capitalize()


@pytest.mark.parametrize(
    ("resource", "verb", "code"),
    [("workflows", "create", 3), ("workflows", "get", 3), ("workflows", "watch", 0), ("pods", "watch", 0)],
)
def test_a_missing_right_is_named(job: Job, server: ArgoServer, resource: str, verb: str, code: int) -> None:
    job.environ |= server.environment(access.without(resource, verb))
    text = manifest('  - {name: main, container: {image: IMAGE, command: [sleep, "5"]}}\n')
    assert run(job, workflow=text) == code, job.log
    group = "" if resource.startswith("pods") else "argoproj.io"
    assert f'{{apiGroups: ["{group}"], resources: ["{resource}"], verbs: ["{verb}"]}}' in job.log


@pytest.mark.parametrize(
    ("inputs", "resource", "verb"),
    [
        ({"stop": "pull-request", "pr_number": "43"}, "workflows", "list"),
        ({"resume": "argo-rights"}, "workflows", "update"),
    ],
)
def test_a_missing_right_to_control_is_named(
    job: Job, server: ArgoServer, inputs: dict[str, str], resource: str, verb: str
) -> None:
    if "resume" in inputs:
        text = manifest(SUSPENDED, "argo-rights")
        assert run(job, workflow=text, idempotency="none", wait="false") == 0, job.log
        server.cluster.until("argo-rights", lambda one: bool((one.get("status") or {}).get("nodes")))
    job.environ |= server.environment(access.without(resource, verb))
    assert run(job, **inputs) == 3, job.log
    assert f'{{apiGroups: ["argoproj.io"], resources: ["{resource}"], verbs: ["{verb}"]}}' in job.log
