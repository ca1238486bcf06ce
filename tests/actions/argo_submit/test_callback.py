"""The callback: the exit handler, workflows that cannot get one, and the path from the cluster to chatops."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.core.callback import EVENT_TYPE, read
from mlops_sandbox.cluster import Cluster
from mlops_sandbox.cluster.resources import WORKFLOW_TEMPLATES, WORKFLOWS
from mlops_sandbox.cluster.store import Change
from mlops_sandbox.github import Delivery, GitHubServer
from mlops_sandbox.host import Host
from tests.actions.argo_submit.job import SHA, Job, shell
from tests.actions.chatops.step import ChatopsStep
from tests.support.call_backs import record_log
from tests.support.payloads import Sample, make_sample
from tests.support.step import cold

# The exit handler runs here as a local process; on a cluster its image brings curl.
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")

RUN = 42
ASKED = {"callback": "repository_dispatch", "callback_secret": "mlops-callback"}
HANDLER = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: test-}
spec:
  entrypoint: main
  onExit: tidy
  arguments: {parameters: [{name: words, value: good bye}]}
  templates:
  - {name: main, container: {image: x, command: [sh, -c, "exit MAIN"]}}
  - name: tidy
    inputs: {parameters: [{name: words}]}
    container: {image: x, command: [sh, -c, "echo {{inputs.parameters.words}}, it was {{workflow.status}}; exit TIDY"]}
"""


@pytest.fixture
def sample(github: GitHubServer, cluster: Cluster, job: Job) -> Sample:
    """A pull request, the run that submits, and the cluster's secret with a token that may write."""
    sample = make_sample(github)
    sample.repository.workflow_run(sample.repository.branches["main"], by="maintainer", run_id=RUN)
    cluster.add_secret("mlops-callback", {"token": github.user_token("maintainer").value})
    job.environ["GITHUB_API_URL"] = github.api_url
    return sample


def submit(job: Job, sample: Sample, text: str = "", **inputs: str) -> int:
    source = {"workflow": text} if text else {}
    subject = {"pr_number": str(sample.pull.number), "sha": sample.pull.head_sha}
    return job.run(**{**source, **subject, **ASKED, **inputs})


def ended(cluster: Cluster, name: str) -> dict[str, Any]:
    """Wait for the workflow's end and return it."""
    over = threading.Event()

    def look(_change: object = None) -> None:
        if cluster.store.get(WORKFLOWS, "default", name).get("status", {}).get("phase") in ("Succeeded", "Failed", "Error"):
            over.set()

    end = cluster.store.subscribe(look)
    look()
    assert over.wait(60), "the workflow did not end"
    end()
    return cluster.store.get(WORKFLOWS, "default", name)


def dispatches(sample: Sample) -> list[Delivery[Any]]:
    return [one for one in sample.github.deliveries if one.event == "repository_dispatch"]


@needs_curl
@pytest.mark.parametrize(("script", "phase"), [("exit 0", "Succeeded"), ("exit 3", "Failed")])
def test_a_detached_workflow_reports_to_chatops(
    job: Job, sample: Sample, cluster: Cluster, tmp_path: Path, script: str, phase: str
) -> None:
    assert submit(job, sample, shell(script), wait="false") == 0
    workflow = ended(cluster, job.outputs["workflow-name"])
    assert workflow["status"]["phase"] == phase
    (delivery,) = dispatches(sample)
    assert delivery.payload["action"] == EVENT_TYPE
    payload = read(delivery.payload["client_payload"])
    assert (payload.sha, payload.pull_request, payload.run, payload.phase) == (
        sample.pull.head_sha,
        sample.pull.number,
        RUN,
        phase,
    )
    assert (payload.workflow, payload.namespace) == (job.outputs["workflow-name"], "default")
    assert (payload.uid, payload.step) == (workflow["metadata"]["uid"], "submit")
    record_log(sample.repository, RUN, job.log)
    (tmp_path / "chatops").mkdir()
    finished = ChatopsStep(sample.github, tmp_path / "chatops", execute=cold).run(delivery, {"commands": "/train"})
    assert (finished.exit_code, finished.outputs["decision"]) == (0, "continue"), finished.log
    assert (finished.outputs["pr-number"], finished.outputs["sha"]) == (str(sample.pull.number), sample.pull.head_sha)
    assert json.loads(finished.outputs["params"])["workflow"] == job.outputs["workflow-name"]


@needs_curl
@pytest.mark.parametrize(
    ("main", "tidy", "phase", "reported"),
    [(0, 0, "Succeeded", "Succeeded"), (1, 0, "Failed", "Failed"), (0, 1, "Failed", "Succeeded")],
)
def test_an_existing_exit_handler_runs_before_the_callback(
    job: Job, sample: Sample, main: int, tidy: int, phase: str, reported: str
) -> None:
    text = HANDLER.replace("MAIN", str(main)).replace("TIDY", str(tidy))
    assert submit(job, sample, text) == (0 if phase == "Succeeded" else 1)
    assert f"\ngood bye, it was {reported}\n" in job.log
    (delivery,) = dispatches(sample)
    assert read(delivery.payload["client_payload"]).phase == reported


@needs_curl
def test_a_refused_callback_does_not_fail_the_workflow_and_is_logged(job: Job, sample: Sample, cluster: Cluster) -> None:
    cluster.add_secret("reader", {"token": sample.github.user_token("triager").value})
    assert submit(job, sample, shell("true"), callback_secret="reader") == 0
    assert job.outputs["phase"] == "Succeeded"
    assert dispatches(sample) == []
    assert "✖ post" in job.log
    assert "The requested URL returned error: 403" in job.log


def test_the_token_stays_in_the_cluster(job: Job, sample: Sample, cluster: Cluster) -> None:
    token = sample.github.user_token("maintainer").value
    cluster.add_secret("another", {"token": token})
    assert submit(job, sample, shell("true"), callback_secret="another") == 0
    stored = json.dumps(cluster.store.get(WORKFLOWS, "default", job.outputs["workflow-name"]))
    assert token not in stored + job.log + job.summary + str(job.outputs)
    assert '{"name": "CALL_BACK_TOKEN", "valueFrom": {"secretKeyRef": {"name": "another", "key": "token"}}}' in stored


@needs_curl
def test_a_template_of_the_cluster_is_copied_to_add_the_exit_handler(job: Job, sample: Sample, cluster: Cluster) -> None:
    main = {"name": "main", "container": {"image": "x", "command": ["echo", "{{workflow.parameters.text}}"]}}
    spec = {
        "entrypoint": "main",
        "arguments": {"parameters": [{"name": "text", "value": "default"}]},
        "templates": [main],
    }
    cluster.store.create(WORKFLOW_TEMPLATES, "default", {"metadata": {"name": "base"}, "spec": spec})
    assert submit(job, sample, from_="workflowtemplate/base", parameters="text=given") == 0
    assert "\ngiven\n" in job.log
    assert len(dispatches(sample)) == 1
    workflow = cluster.store.get(WORKFLOWS, "default", job.outputs["workflow-name"])
    assert workflow["metadata"]["labels"]["workflows.argoproj.io/workflow-template"] == "base"


def test_a_callback_names_an_argo_that_runs_only_template_references(job: Job) -> None:
    with Cluster() as strict, Host(strict.app) as host:
        # Its controller's words (v3.5 to v4.1), as soon as it sees a workflow with a spec of its own.
        message = "workflows must use workflowTemplateRef to be executed when the controller is in reference mode"

        def refuse(change: Change) -> None:
            if change.kind == "ADDED" and change.resource is WORKFLOWS:
                name = change.value["metadata"]["name"]
                strict.store.change(
                    WORKFLOWS, "default", name, lambda one: {**one, "status": {"phase": "Error", "message": message}}
                )

        strict.store.subscribe(refuse)
        job.environ["KUBECONFIG"] = str(strict.write_kubeconfig(job.directory / "strict", host.url))
        assert job.run(workflow=shell("true"), pr_number="1", **ASKED) == 1
    assert "ended in error: workflows must use workflowTemplateRef" in job.error
    assert "leave 'callback' out, and have the template's own 'onExit' report" in job.error


@needs_curl
def test_a_rerun_joins_the_workflow_that_calls_back(
    job: Job, another_job: Callable[[], Job], sample: Sample, cluster: Cluster
) -> None:
    assert submit(job, sample, shell("true"), idempotency="sha") == 0
    again = another_job()
    again.environ |= {"GITHUB_RUN_ID": "43", "GITHUB_API_URL": sample.github.api_url}
    assert submit(again, sample, shell("true"), idempotency="sha") == 0
    assert again.outputs["attached"] == "true"
    assert len(dispatches(sample)) == 1


REFERS = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: test-}
spec: {workflowTemplateRef: {name: base}}
"""


@pytest.mark.parametrize(
    ("changed", "cause", "remedy"),
    [
        ({"callback_secret": ""}, "input 'callback' needs 'callback-secret'", "under 'token'"),
        ({"callback": ""}, "'callback-secret' has no meaning without 'callback'", "add 'callback: repository_dispatch'"),
        ({"workflow": "", "attach": "x"}, "no meaning with 'attach'", "where the workflow is submitted"),
        ({"callback": "webhook"}, "input 'callback' must be one of repository_dispatch", "correct 'callback'"),
        ({"callback_secret": "Not A Name"}, "input 'callback-secret' must be a Kubernetes name", "correct"),
        ({"callback_image": "a b"}, "input 'callback-image' must be an image reference", "correct 'callback-image'"),
        ({"pr_number": ""}, "needs to know the pull request, and the event belongs to none", "give 'pr-number'"),
        ({"workflow": REFERS}, "refers to a template by 'workflowTemplateRef'", "give 'from' instead"),
        ({"workflow": shell("true", extra="hooks: {exit: {template: main}}")}, "beside 'hooks.exit'", "into 'onExit'"),
        (
            {"workflow": shell("true").replace("main", "mlops-post")},
            "of the name 'mlops-post'",
            "rename the workflow's template",
        ),
        (
            {"workflow": HANDLER.replace("inputs: {parameters", "inputs: {artifacts: [{name: a, path: /a}], parameters")},
            "the exit handler 'tidy' takes artifacts",
            "report from the handler",
        ),
    ],
)
def test_a_workflow_that_cannot_get_a_callback_is_refused(
    job: Job, cluster: Cluster, changed: dict[str, str], cause: str, remedy: str
) -> None:
    inputs = {"workflow": shell("true"), "pr_number": "1", **ASKED, **changed}
    assert job.run(**inputs) == 2
    assert cause in job.error.splitlines()[0]
    assert remedy in job.error.splitlines()[1]
    assert cluster.store.items(WORKFLOWS)[0] == []


@pytest.mark.parametrize(
    ("name", "value", "cause"),
    [
        ("GITHUB_API_URL", "http://github.example.test/api/v3", "would be sent in plain text"),
        ("GITHUB_RUN_ID", "", "needs GITHUB_RUN_ID"),
        ("GITHUB_SHA", "", "needs to know the commit"),
    ],
)
def test_a_callback_needs_the_runners_variables(job: Job, name: str, value: str, cause: str) -> None:
    job.environ[name] = value
    assert job.run(workflow=shell("true"), pr_number="1", **ASKED) == 2
    assert cause in job.error


def test_a_callback_omits_an_invalid_step_name_and_keeps_the_image(job: Job, cluster: Cluster) -> None:
    job.environ["GITHUB_ACTION"] = 'a"}}{{workflow.parameters}}'
    image = f"ghcr.io/acme/digits@sha256:{'1' * 64}"
    assert job.run(workflow=shell("true"), pr_number="1", wait="false", image=image, **ASKED) == 0
    workflow = cluster.store.get(WORKFLOWS, "default", job.outputs["workflow-name"])
    (post,) = [one for one in workflow["spec"]["templates"] if one["name"] == "mlops-post"]
    (body,) = [one["value"] for one in post["container"]["env"] if one["name"] == "CALL_BACK_BODY"]
    assert json.loads(body)["client_payload"] == {
        "schema": 1,
        "sha": SHA,
        "pr": 1,
        "run": RUN,
        "step": "",
        "workflow": {
            "name": "{{workflow.name}}",
            "namespace": "{{workflow.namespace}}",
            "uid": "{{workflow.uid}}",
            "image": image,
        },
        "phase": "{{workflow.status}}",
    }
