"""The action on a cluster, by Kubernetes' API and by the Argo Server's: submit, follow, show, and set outputs."""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mlops_actions.core import provenance
from mlops_sandbox.cluster import Cluster
from mlops_sandbox.cluster.resources import CRON_WORKFLOWS, PODS, WORKFLOW_TEMPLATES, WORKFLOWS
from mlops_sandbox.cluster.status import ApiError
from mlops_sandbox.github import GitHubServer
from mlops_sandbox.host import Host
from tests.actions.argo_submit.apis import APIS, KUBERNETES, application_of, environ_for
from tests.actions.argo_submit.job import SHA, Job, manifest, shell
from tests.support.payloads import make_sample, write_event
from tests.support.payloads.hostile import HOSTILE

SCORE = "{name: score, globalName: score, valueFrom: {path: /tmp/score}}"
HANDED = "{name: image, value: ''}, {name: sha, value: ''}, {name: PR-NUMBER, value: ''}, {name: repo, value: ''}"


@pytest.fixture(params=APIS)
def api(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def stored(cluster: Cluster, name: str) -> dict[str, object]:
    return cluster.store.get(WORKFLOWS, "default", name)


def all_workflows(cluster: Cluster) -> list[str]:
    return [one["metadata"]["name"] for one in cluster.store.items(WORKFLOWS)[0]]


def test_a_workflow_is_submitted_and_followed_and_its_outputs_are_set(job: Job, cluster: Cluster) -> None:
    job.write("ci/wf.yaml", shell("echo training; echo 0.93 > /tmp/score", outputs=SCORE, parameters="{name: lr, value: 1}"))
    assert job.run(workflow="ci/*.yaml", parameters='{"lr": 3e-4}', argo_url="https://argo.test/ui/") == 0
    outputs = job.outputs
    name = outputs["workflow-name"]
    assert name.startswith("test-")
    assert outputs["phase"] == "Succeeded"
    assert json.loads(outputs["outputs"]) == {"score": "0.93"}
    assert outputs["workflow-uid"] == stored(cluster, name)["metadata"]["uid"]  # type: ignore[index]
    assert outputs["workflow-url"] == outputs["WORKFLOW_URL"] == f"https://argo.test/ui/workflows/default/{name}"
    assert (outputs["attached"], outputs["failed-nodes"]) == ("false", "[]")
    assert job.result["parameters"] == {"lr": "3e-4"}
    assert job.result["schema"] == 1
    assert "::group::Log of" in job.log
    assert "\ntraining\n" in job.log
    assert f"Workflow [{name.replace('-', chr(92) + '-')}]" in job.summary
    assert json.loads(job.state["argo-workflow"])["state"] == "ended"


def test_commit_image_and_pull_request_become_parameters_labels_and_annotations(job: Job, cluster: Cluster) -> None:
    image = "ghcr.io/octo-org/digits@sha256:" + "0" * 64
    text = shell("true", parameters=HANDED)
    assert job.run(workflow=text, image=image, pr_number="7", labels="team=ml", priority="5") == 0
    workflow = stored(cluster, job.outputs["workflow-name"])
    metadata, spec = workflow["metadata"], workflow["spec"]
    assert spec["arguments"]["parameters"] == [  # type: ignore[index]
        {"name": "image", "value": image},
        {"name": "sha", "value": SHA},
        {"name": "PR-NUMBER", "value": "7"},
        {"name": "repo", "value": "octo-org/digits"},
    ]
    labels, annotations = metadata["labels"], metadata["annotations"]  # type: ignore[index]
    assert (labels["team"], spec["priority"]) == ("ml", 5)  # type: ignore[index]
    assert labels[provenance.SHA] == annotations[provenance.SHA] == SHA
    assert (labels[provenance.PULL_REQUEST], labels[provenance.REPOSITORY]) == ("7", "octo-org-digits")
    assert annotations[provenance.REPOSITORY] == "octo-org/digits"
    assert annotations[provenance.IMAGE] == image
    assert annotations[provenance.RUN].endswith("/octo-org/digits/actions/runs/42")


def test_a_failed_workflow_fails_the_job_and_says_why(job: Job) -> None:
    assert job.run(workflow=shell("echo the reason >&2; exit 3")) == 1
    failed = json.loads(job.outputs["failed-nodes"])
    assert [(one["exit-code"], one["last-lines"]) for one in failed] == [("3", ["the reason"])]
    assert job.outputs["phase"] == "Failed"
    cause, remedy = job.error.splitlines()
    assert "failed: main: Error (exit code 3)" in cause
    assert remedy.startswith("see the log of ")
    assert "the reason" in job.summary


def test_only_the_logs_of_failed_nodes_are_shown(job: Job) -> None:
    text = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: test-}
spec:
  entrypoint: main
  templates:
  - name: main
    dag:
      failFast: false
      tasks: [{name: good, template: good}, {name: bad, template: bad}]
  - {name: good, container: {image: x, command: [echo, all is well]}}
  - {name: bad, container: {image: x, command: [sh, -c, "echo all is lost; exit 1"]}}
"""
    assert job.run(workflow=text, logs="failed") == 1
    assert "all is lost" in job.log
    assert "all is well" not in job.log
    assert "✖ bad" in job.log


def test_hostile_output_cannot_command_the_runner(job: Job) -> None:
    assert job.run(workflow=shell("echo '::set-output name=x::y'; echo '::add-mask::the'; printf '##[error]x\\n'")) == 0
    assert "\n::set-output" not in job.log
    assert "##[" not in job.log


def test_secrets_are_masked_before_anything_else(job: Job, cluster: Cluster) -> None:
    assert job.run(workflow=shell(f"echo {cluster.submitter_token}")) == 0
    mask = job.log.index(f"::add-mask::{cluster.submitter_token}")
    assert mask < job.log.index("submitted workflow")
    assert cluster.submitter_token not in job.summary + str(job.outputs)


def test_a_rerun_of_the_job_joins_its_workflow(job: Job, another_job: Callable[[], Job], cluster: Cluster) -> None:
    text = shell("true")
    assert job.run(workflow=text) == 0
    again = another_job()
    again.environ["GITHUB_RUN_ATTEMPT"] = "2"
    assert again.run(workflow=text) == 0
    assert again.outputs["workflow-uid"] == job.outputs["workflow-uid"]
    assert again.outputs["attached"] == "true"
    assert len(all_workflows(cluster)) == 1


def test_a_rerun_after_a_failure_is_a_new_attempt(job: Job, another_job: Callable[[], Job], cluster: Cluster) -> None:
    text = shell("exit 1")
    assert job.run(workflow=text) == 1
    again = another_job()
    again.environ["GITHUB_RUN_ATTEMPT"] = "2"
    assert again.run(workflow=text) == 1
    assert again.outputs["workflow-name"] == f"{job.outputs['workflow-name']}-2"
    assert again.outputs["attached"] == "false"
    assert len(all_workflows(cluster)) == 2


def test_without_idempotency_every_run_is_a_new_workflow(job: Job, cluster: Cluster) -> None:
    text = shell("true")
    assert [job.run(workflow=text, idempotency="none") for _ in range(2)] == [0, 0]
    assert len(all_workflows(cluster)) == 2


@pytest.mark.parametrize(("collisions", "code"), [(1, 0), (4, 0), (5, 3)])
def test_a_generated_name_that_exists_already_is_made_anew(job: Job, cluster: Cluster, collisions: int, code: int) -> None:
    cluster.faults.refuse(collisions, 409, "AlreadyExists", 'workflows.argoproj.io "test-abcde" already exists')
    assert job.run(workflow=shell("true"), idempotency="none", namespace="default") == code
    assert len(all_workflows(cluster)) == (1 if code == 0 else 0)
    if code:
        assert job.error.startswith("each of the 5 names that the cluster made from 'test-' exists already")


def test_a_workflow_of_the_same_name_by_another_request_is_not_touched(job: Job, cluster: Cluster) -> None:
    cluster.store.create(WORKFLOWS, "default", {"metadata": {"name": "mine"}, "spec": {}, "status": {"phase": "Running"}})
    assert job.run(workflow=shell("true"), name="mine") == 2
    assert "a workflow 'mine' exists already in the namespace 'default', and another request created it" in job.error
    assert job.run_post(workflow=shell("true"), name="mine") == 0
    assert "shutdown" not in stored(cluster, "mine")["spec"]  # type: ignore[operator]


def test_a_running_workflow_can_be_followed(job: Job, another_job: Callable[[], Job]) -> None:
    assert job.run(workflow=shell("sleep 1; echo 1 > /tmp/score", outputs=SCORE), wait="false") == 0
    assert json.loads(job.state["argo-workflow"])["state"] == "left"
    other = another_job()
    assert other.run(attach=job.outputs["workflow-name"]) == 0
    assert (other.outputs["attached"], other.outputs["phase"]) == ("true", "Succeeded")
    assert json.loads(other.outputs["outputs"]) == {"score": "1"}


@pytest.mark.parametrize("api", [KUBERNETES])  # the Argo Server has the record
def test_a_workflow_with_offloaded_nodes_is_shown_by_its_pods(job: Job, cluster: Cluster) -> None:
    status = {"phase": "Failed", "offloadNodeStatusVersion": "fnv:1"}
    cluster.store.create(WORKFLOWS, "default", {"metadata": {"name": "big"}, "spec": {}, "status": status})
    annotations = {"workflows.argoproj.io/node-id": "big-1", "workflows.argoproj.io/node-name": "big.train"}
    labels = {"workflows.argoproj.io/workflow": "big"}
    ended = {"name": "main", "state": {"terminated": {"exitCode": 3, "finishedAt": "2026-01-01T00:00:07Z"}}}
    state = {"phase": "Failed", "startTime": "2026-01-01T00:00:00Z", "containerStatuses": [ended]}
    metadata = {"name": "big-pod", "labels": labels, "annotations": annotations}
    spec = {"containers": [{"name": "main"}]}
    pod = cluster.store.create(PODS, "default", {"metadata": metadata, "spec": spec, "status": state})
    log = cluster.logs.open(pod["metadata"]["uid"], "main")
    log.write(b"out of memory")
    log.end()
    assert job.run(attach="big") == 1
    (failed,) = json.loads(job.outputs["failed-nodes"])
    assert (failed["name"], failed["exit-code"], failed["message"]) == ("train", "3", "Error (exit code 3)")
    assert failed["last-lines"] == ["out of memory"]
    assert "Argo keeps the nodes of a workflow of this size in its database" in job.summary.replace("\\", "")


def test_the_legacy_name_does_not_wait(job: Job) -> None:
    job.write("wf.yaml", manifest("sleep", "600"))
    assert job.run(workflow_yaml_path="wf.yaml") == 2  # hyphens: no such input, so nothing to run
    job.environ["INPUT_WORKFLOW_YAML_PATH"] = "wf.yaml"
    assert job.run() == 0
    assert job.outputs["phase"] in ("", "Running")


def test_the_legacy_parameter_file_may_hold_what_the_workflow_does_not_declare(job: Job, cluster: Cluster) -> None:
    declared = "{name: repo, value: https://git.test/data}, {name: pr}, {name: GITHUB-SHA, value: NOT_SUPPLIED}"
    job.write("wf.yaml", manifest("echo", "{{workflow.parameters.extra}}", parameters=declared))
    job.write("params.yaml", f"extra: 1e-3\nGITHUB-SHA: {SHA}\n")
    job.environ |= {"INPUT_WORKFLOW_YAML_PATH": "./wf.yaml", "INPUT_PARAMETER_FILE_PATH": "./params.yaml"}
    assert job.run(wait="true", pr_number="7") == 0
    workflow = cluster.store.get(WORKFLOWS, "default", job.outputs["workflow-name"])
    given = {one["name"]: one["value"] for one in workflow["spec"]["arguments"]["parameters"]}
    assert given == {"repo": "https://git.test/data", "pr": "7", "GITHUB-SHA": SHA, "extra": "1e-3"}
    assert job.outputs["workflow-name"].startswith(f"test-{SHA[:7]}-")
    assert job.run(wait="true", unknown_parameters="error") == 2


@pytest.mark.parametrize(
    ("given", "page"),
    [
        ("http://argo.test/ui/", "http://argo.test/ui/workflows/default/"),
        ("https://argo.test/workflows", "https://argo.test/workflows/default/"),
        ("https://argo.test/workflows/default/", "https://argo.test/workflows/default/"),
        ("https://argo.test/workflows/other", "https://argo.test/workflows/default/"),
        ("https://argo.test/workflows-ui", "https://argo.test/workflows-ui/workflows/default/"),
        ("203.0.113.7/argo", "http://203.0.113.7/argo/workflows/default/"),
    ],
)
def test_the_legacy_address_of_the_user_interface_is_accepted_in_every_form(job: Job, given: str, page: str) -> None:
    job.write("wf.yaml", manifest("true"))
    job.environ |= {"INPUT_WORKFLOW_YAML_PATH": "wf.yaml", "INPUT_ARGO_URL": given}
    assert job.run() == 0
    assert job.outputs["WORKFLOW_URL"] == page + job.outputs["workflow-name"]


@pytest.mark.parametrize("source", ["workflowtemplate/base", "cronworkflow/nightly"])
def test_templates_of_the_cluster_run_with_parameters(job: Job, cluster: Cluster, source: str) -> None:
    spec = {
        "entrypoint": "main",
        "arguments": {"parameters": [{"name": "text", "value": "default"}]},
        "templates": [
            {
                "name": "main",
                "inputs": {"parameters": [{"name": "text"}]},
                "container": {"image": "x", "command": ["echo", "it is {{inputs.parameters.text}}"]},
            }
        ],
    }
    cluster.store.create(WORKFLOW_TEMPLATES, "default", {"metadata": {"name": "base"}, "spec": spec})
    cron = {"schedules": ["0 0 * * *"], "workflowSpec": spec}
    cluster.store.create(CRON_WORKFLOWS, "default", {"metadata": {"name": "nightly"}, "spec": cron})
    assert job.run(from_=source, parameters="text=given") == 0
    assert "it is given" in job.log
    assert job.run(from_=source, parameters="txt=given") == 2
    assert "(did you mean 'text'?)" in job.error


def test_a_dry_run_submits_nothing(job: Job, cluster: Cluster) -> None:
    assert job.run(workflow=shell("true"), dry_run="true") == 0
    assert job.outputs["workflow-name"].startswith("test-")
    assert all_workflows(cluster) == []


def test_closed_watches_and_expired_versions_are_survived(job: Job, cluster: Cluster) -> None:
    cluster.faults.watch_seconds = 0.2
    process = job.start(workflow=shell("sleep 2; echo done > /tmp/score; echo last words", outputs=SCORE))
    while process.poll() is None:  # pytest's own limit ends it
        cluster.compact()
        cluster.close_watches()
        time.sleep(0.1)
    log, _ = process.communicate()
    assert process.returncode == 0, log
    assert "last words" in log
    assert log.count("submitted workflow") == 1


def test_a_server_that_closes_every_watch_is_not_asked_in_a_busy_loop(job: Job, cluster: Cluster) -> None:
    cluster.faults.watch_seconds = 0.001
    assert job.run(workflow=shell("sleep 4"), logs="none") == 0
    watches = [verb for verb, plural in cluster.requests if (verb, plural) == ("watch", "workflows")]
    assert 2 <= len(watches) <= 14


@pytest.mark.parametrize("api", [KUBERNETES])  # the Argo Server is asked for no version
def test_a_server_that_expires_every_version_is_not_asked_in_a_busy_loop(job: Job, cluster: Cluster, api: str) -> None:
    cluster.faults.watch_refusal = ApiError(410, "Expired", "too old resource version: 1 (2)")
    assert job.run(workflow=shell("sleep 4"), logs="none") == 0
    watches = [verb for verb, plural in cluster.requests if (verb, plural) == ("watch", "workflows")]
    assert 2 <= len(watches) <= 12


def test_a_restart_of_the_api_server_is_waited_out(job: Job, cluster: Cluster, api: str) -> None:
    gate = socket.create_server(("127.0.0.1", 0))
    waiting = f"import socket; socket.create_connection(('127.0.0.1', {gate.getsockname()[1]})).recv(1)"
    with Host(application_of(api, cluster)) as host:
        port = host.port
        job.environ |= environ_for(api, cluster, host.url, job.directory)
        process = job.start(workflow=shell(f'python3 -c "{waiting}"; echo last words'))
        name = _running(cluster)
    assert process.poll() is None
    with Host(application_of(api, cluster), port=port), gate:
        gate.accept()[0].close()
        log, _ = process.communicate()
    assert process.returncode == 0, log
    assert name in log
    assert "last words" in log


@pytest.mark.parametrize("code", [429, 503])
def test_a_temporary_failure_is_retried(job: Job, cluster: Cluster, code: int) -> None:
    cluster.faults.refuse(2, code, "x", "busy", retry_after=0)
    assert job.run(workflow=shell("true")) == 0
    assert len(all_workflows(cluster)) == 1


@pytest.mark.parametrize("code", [500, 502, 504])
def test_a_creation_that_may_have_succeeded_is_not_repeated(job: Job, cluster: Cluster, code: int) -> None:
    """A workflow that the server is to name, and an answer that may have been lost behind a proxy."""
    cluster.faults.refuse(1, code, "x", "lost on the way")
    assert job.run(workflow=shell("true"), namespace="default", idempotency="none") == 4
    assert "lost on the way" in job.error
    assert "no workflow was created" in job.error
    assert [verb for verb, _ in cluster.requests if verb == "create"] in (["create"], [])
    assert all_workflows(cluster) == []


def test_a_workflow_that_is_deleted_fails_the_job(job: Job, cluster: Cluster) -> None:
    process = job.start(workflow=manifest("sleep", "600"))
    cluster.store.delete(WORKFLOWS, "default", _running(cluster))
    log, _ = process.communicate()
    assert process.returncode == 1
    assert "was deleted while this step followed it" in log


@pytest.fixture
def unattended(job: Job, api: str) -> Iterator[Cluster]:
    """A cluster without a controller, and the job led there."""
    with Cluster() as cluster, Host(application_of(api, cluster)) as host:
        job.environ |= environ_for(api, cluster, host.url, job.directory)
        yield cluster


def test_a_workflow_without_a_controller_is_explained(
    job: Job, unattended: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlops_actions.argo_submit.follow.NO_CONTROLLER_SECONDS", 0.0)
    assert job.run(workflow=shell("true"), timeout="2") == 5
    assert job.log.count("no controller has started workflow") == 1
    assert "is Argo's workflow-controller running, does it manage the namespace 'default'" in job.log
    assert all_workflows(unattended) == [job.outputs["workflow-name"]]


def test_a_node_that_cannot_start_is_warned_of_once_with_the_reason(job: Job, unattended: Cluster) -> None:
    reason = "Unschedulable: 0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
    node = {
        "name": "w.train",
        "displayName": "train",
        "type": "Pod",
        "templateName": "t",
        "phase": "Pending",
        "message": reason,
    }
    status = {"phase": "Running", "startedAt": "2026-01-01T00:00:00Z", "nodes": {"w-1": node}}
    unattended.store.create(WORKFLOWS, "default", {"metadata": {"name": "w"}, "spec": {}, "status": status})
    assert job.run(attach="w", timeout="3") == 5
    assert job.log.count(f"'train' cannot start yet: {reason}") == 1


def test_an_image_that_is_not_pulled_in_time_fails_the_step(job: Job, unattended: Cluster) -> None:
    node = {
        "name": "w.train",
        "displayName": "train",
        "type": "Pod",
        "templateName": "t",
        "phase": "Pending",
        "startedAt": "2026-01-01T00:00:00Z",
        "message": 'ErrImagePull: Back-off pulling image "x:1"',
    }
    status = {"phase": "Running", "startedAt": "2026-01-01T00:00:00Z", "nodes": {"w-1": node}}
    unattended.store.create(WORKFLOWS, "default", {"metadata": {"name": "w"}, "spec": {}, "status": status})
    assert job.run(attach="w", timeout="60", fail_on="ImagePullBackOff>5m", on_timeout="stop") == 5
    assert "'train' cannot start yet: ImagePullBackOff: Back-off pulling image" in job.error
    assert "'fail-on' allows 5m 00s" in job.error
    assert stored(unattended, "w")["spec"] == {"shutdown": "Stop"}


@pytest.mark.parametrize(("on_timeout", "shutdown"), [("leave", None), ("stop", "Stop"), ("terminate", "Terminate")])
def test_a_timeout_has_its_own_exit_code(job: Job, cluster: Cluster, on_timeout: str, shutdown: str | None) -> None:
    assert job.run(workflow=manifest("sleep", "600"), timeout="1", on_timeout=on_timeout) == 5
    assert "did not end in time" in job.error
    workflow = stored(cluster, job.outputs["workflow-name"])
    assert workflow["spec"].get("shutdown") == shutdown  # type: ignore[attr-defined]
    assert json.loads(job.state["argo-workflow"])["state"] == "left"


@pytest.mark.parametrize(
    ("number", "on_cancel", "shutdown"),
    [(signal.SIGINT, "stop", "Stop"), (signal.SIGTERM, "terminate", "Terminate"), (signal.SIGINT, "leave", None)],
)
def test_a_cancelled_job_stops_its_workflow(
    job: Job, cluster: Cluster, number: signal.Signals, on_cancel: str, shutdown: str | None
) -> None:
    process = job.start(workflow=manifest("sleep", "600"), on_cancel=on_cancel)
    name = _running(cluster)
    process.send_signal(number)
    process.communicate(timeout=7.5)  # the runner's own limit
    assert process.returncode == 128 + number
    assert stored(cluster, name)["spec"].get("shutdown") == shutdown  # type: ignore[attr-defined]
    assert job.run_post(workflow="x", on_cancel=on_cancel) == 0
    assert stored(cluster, name)["spec"].get("shutdown") == shutdown  # type: ignore[attr-defined]


def test_the_post_stage_stops_the_workflow_of_a_killed_step(job: Job, cluster: Cluster) -> None:
    process = job.start(workflow=manifest("sleep", "600"))
    name = _running(cluster)
    process.kill()
    process.communicate()
    assert job.run_post(workflow="x") == 0
    assert stored(cluster, name)["spec"]["shutdown"] == "Stop"  # type: ignore[index]


def test_the_post_stage_does_not_touch_a_workflow_that_has_ended(job: Job, cluster: Cluster) -> None:
    assert job.run(workflow=shell("true")) == 0
    name = job.outputs["workflow-name"]
    assert job.run_post(workflow=shell("true")) == 0
    assert "shutdown" not in stored(cluster, name)["spec"]  # type: ignore[operator]


def test_one_comment_shows_the_running_workflow_and_then_its_end(job: Job, github: GitHubServer) -> None:
    sample = make_sample(github)
    write_event(sample.pull.comment("/train", by="maintainer"), job.directory / "event.json")
    job.environ |= {"GITHUB_EVENT_NAME": "issue_comment", "GITHUB_API_URL": github.api_url}
    token = github.workflow_token(sample.repository, {"pull-requests": "write"})
    assert job.run(workflow=shell("true", parameters=HANDED), comment="true", github_token=token.value) == 0
    comments = [one for one in sample.pull.comments if "Workflow" in one.body]
    assert len(comments) == 1
    assert "succeeded" in comments[0].body
    # On a comment GITHUB_SHA is the default branch's; without a checkout the pull request itself is asked.
    assert sample.pull.head_sha in comments[0].body
    assert SHA not in comments[0].body
    assert job.outputs["comment-url"].endswith(f"#issuecomment-{comments[0].id}")
    assert job.result["pr-number"] == sample.pull.number


def test_a_comment_that_cannot_be_written_does_not_fail_the_step(job: Job) -> None:
    assert job.run(workflow=shell("true"), comment="true") == 0
    assert job.log.count("no comment is written: 'github-token' is empty") == 1


def _running(cluster: Cluster) -> str:
    """Wait until a workflow's container runs and return the workflow's name."""
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline:
        for workflow in cluster.store.items(WORKFLOWS)[0]:
            nodes = (workflow.get("status") or {}).get("nodes", {}).values()
            if any(node["phase"] == "Running" for node in nodes):
                return str(workflow["metadata"]["name"])
        time.sleep(0.02)
    raise AssertionError("no workflow came to run")


@pytest.mark.parametrize("api", [KUBERNETES])  # one is enough: it is the same text that either is sent
@pytest.mark.parametrize(
    "value", [*HOSTILE, "$(id)", "'; id; '", '"}}]}, {"name": "x', "a: b\n- c", "%0A::error::x", "\x1b[2J"]
)
def test_a_hostile_value_reaches_the_workflow_unchanged_and_nothing_else(job: Job, cluster: Cluster, value: str) -> None:
    text = manifest("printf", "%s", "{{workflow.parameters.text}}", parameters="{name: text}, {name: other, value: x}")
    if "{{" in value:  # of Argo's own language: refused
        assert job.run(workflow=text, parameters=json.dumps({"text": value})) == 2
        return
    assert job.run(workflow=text, parameters=json.dumps({"text": value}), wait="false") == 0
    workflow: dict[str, Any] = stored(cluster, job.outputs["workflow-name"])
    assert workflow["spec"]["arguments"]["parameters"] == [{"name": "text", "value": value}, {"name": "other", "value": "x"}]
    assert json.loads(job.outputs["result"])["parameters"]["text"] == value
    # One row of the table, whatever it holds; and not a word of it in the log.
    rows = [line for line in job.summary.partition("Parameters (")[2].split("\n") if line.startswith("| ")]
    assert len(rows) == 3
    commands = {line.split("::")[1] for line in job.log.split("\n") if line.startswith("::")}
    assert commands == {"add-mask"}
