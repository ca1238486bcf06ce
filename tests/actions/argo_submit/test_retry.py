"""`retry` restarts a failed workflow at its failed nodes through the Argo Server, and follows it; else it says why not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlops_sandbox.cluster import CONTINUER, SUBMITTER, Cluster
from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.host import Host
from tests.actions.argo_submit.apis import ARGO_SERVER, KUBERNETES, environ_for
from tests.actions.argo_submit.job import Job

# `first` writes a line each time that it runs; `second` prints its input, passes it on, and fails until `ready` exists.
FAILING = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: NAME}
spec:
  entrypoint: main
  arguments: {parameters: [{name: mode, value: strict}, {name: image, value: x}]}
  templates:
  - name: main
    outputs: {parameters: [{name: said, valueFrom: {parameter: "{{tasks.second.outputs.parameters.said}}"}}]}
    dag:
      tasks:
      - {name: first, template: first}
      - {name: second, depends: first, template: second,
         arguments: {parameters: [{name: from, value: "{{tasks.first.outputs.parameters.made}}"}]}}
  - name: first
    outputs: {parameters: [{name: made, valueFrom: {path: /tmp/made}}]}
    container: {image: x, command: [sh, -c, "echo ran >> FOLDER/first; wc -l < FOLDER/first > /tmp/made"]}
  - name: second
    inputs: {parameters: [{name: from}]}
    outputs: {parameters: [{name: said, valueFrom: {path: /tmp/said}}]}
    container:
      image: x
      command: [sh, -c, "echo {{inputs.parameters.from}} {{workflow.parameters.mode}} | tee /tmp/said; test -e FOLDER/ready"]
"""


@pytest.fixture
def api() -> str:
    return ARGO_SERVER


@pytest.fixture(autouse=True)
def _all_rights(job: Job, cluster: Cluster, host: Host, api: str) -> None:
    job.environ |= environ_for(api, cluster, host.url, job.directory, token=cluster.add_user("ci", (*SUBMITTER, *CONTINUER)))


def fail(job: Job, folder: Path, name: str = "w") -> None:
    """Submit the workflow, which fails at its second node."""
    (folder / "ready").unlink(missing_ok=True)
    text = FAILING.replace("FOLDER", f"/{folder}").replace(
        "NAME", name
    )  # the sandbox gives `/tmp/…` another place, not `//tmp/…`
    assert job.run(workflow=text, idempotency="none", pr_number="7") == 1, job.log


def test_a_failed_workflow_continues_from_its_failed_node(job: Job, cluster: Cluster, tmp_path: Path) -> None:
    fail(job, tmp_path)
    uid = job.outputs["workflow-uid"]
    (tmp_path / "ready").touch()
    assert job.run(retry="w") == 0, job.log
    assert "::notice title=argo-submit::retried the workflow 'w' from its failed nodes" in job.log
    assert (tmp_path / "first").read_text() == "ran\n"
    assert json.loads(job.outputs["outputs"]) == {"said": "1 strict"}
    assert "1 strict\n" in job.log  # of the pod that was made anew under the same name
    assert (job.outputs["phase"], job.outputs["workflow-uid"], job.outputs["attached"]) == ("Succeeded", uid, "false")
    assert json.loads(job.outputs["failed-nodes"]) == []
    assert job.result["pr-number"] == 7
    assert job.run(retry="w") == 0
    assert "workflow 'w' has succeeded: there is nothing to retry" in job.log


def test_a_workflow_that_is_only_in_the_archive_is_created_again_and_continues(
    job: Job, cluster: Cluster, tmp_path: Path
) -> None:
    fail(job, tmp_path)
    uid = job.outputs["workflow-uid"]
    cluster.archive("w")
    cluster.store.delete(WORKFLOWS, "default", "w")
    (tmp_path / "ready").touch()
    assert job.run(attach="w") == 1
    assert job.run(retry="w") == 0, job.log
    assert (tmp_path / "first").read_text() == "ran\n"
    assert job.outputs["phase"] == "Succeeded"
    assert job.outputs["workflow-uid"] != uid


def test_an_archived_workflow_is_neither_stopped_nor_resumed(job: Job, cluster: Cluster, tmp_path: Path) -> None:
    fail(job, tmp_path)
    cluster.archive("w")
    cluster.store.delete(WORKFLOWS, "default", "w")
    for verb in ("stop", "resume"):
        assert job.run(**{verb: "w"}) == 0
        assert f"workflow 'w' has ended already (Failed): there is nothing to {verb}" in job.log


def test_a_retry_that_fails_again_fails_the_step(job: Job, tmp_path: Path) -> None:
    fail(job, tmp_path)
    assert job.run(retry="w") == 1
    assert "workflow 'w' failed" in job.error
    assert [node["name"] for node in json.loads(job.outputs["failed-nodes"])] == ["second"]


def test_parameters_replace_those_of_the_workflow(job: Job, tmp_path: Path) -> None:
    fail(job, tmp_path)
    (tmp_path / "ready").touch()
    assert job.run(retry="w", parameters="mode=loose") == 0
    assert json.loads(job.outputs["outputs"]) == {"said": "1 loose"}
    assert job.result["parameters"] == {"mode": "loose"}


def test_chosen_nodes_run_again_though_they_succeeded(job: Job, tmp_path: Path) -> None:
    fail(job, tmp_path)
    (tmp_path / "ready").touch()
    assert job.run(retry="w", restart_successful="displayName=first") == 0, job.log
    assert "retried the workflow 'w' from its failed nodes, and the nodes of displayName=first" in job.log
    assert json.loads(job.outputs["outputs"]) == {"said": "2 strict"}  # the second node read what the first made anew
    assert job.run(retry="w", restart_successful="templateName=second") == 0, job.log  # of a workflow that has succeeded
    assert (tmp_path / "first").read_text() == "ran\nran\n"
    assert job.outputs["phase"] == "Succeeded"


@pytest.mark.parametrize(
    ("inputs", "cause"),
    [
        ({"retry": "w", "restart_successful": "evaluate"}, "must be FIELD=VALUE or FIELD!=VALUE"),
        ({"retry": "w", "restart_successful": "colour=red"}, "must be FIELD=VALUE or FIELD!=VALUE"),
        ({"retry": "w", "restart_successful": "name=a,b"}, "must be FIELD=VALUE or FIELD!=VALUE"),
        ({"resume": "w", "restart_successful": "name=a"}, "'restart-successful' has no meaning without 'retry'"),
        ({"attach": "w", "restart_successful": "name=a"}, "'restart-successful' has no meaning without 'retry'"),
        (
            {"retry": "w", "restart_successful": r"name=w[0].a(0:b\,c),phase!=Failed,inputs.parameters.x.value==1"},
            "no workflow",
        ),
    ],
)
def test_a_selector_that_argo_would_take_in_silence_is_refused(job: Job, inputs: dict[str, str], cause: str) -> None:
    job.run(**inputs)
    assert cause in job.error


@pytest.mark.parametrize(
    ("parameters", "cause"),
    [
        ("other=1", "declares no parameter 'other'"),
        ("image=y", "parameter 'image' says what the workflow was submitted for, and a retry cannot change it"),
        ("mode={{workflow.name}}", "holds '{{'"),
    ],
)
def test_a_wrong_parameter_retries_nothing(job: Job, cluster: Cluster, tmp_path: Path, parameters: str, cause: str) -> None:
    fail(job, tmp_path)
    before = cluster.store.get(WORKFLOWS, "default", "w")
    assert job.run(retry="w", parameters=parameters) == 2
    assert cause in job.error
    assert cluster.store.get(WORKFLOWS, "default", "w") == before


def test_without_waiting_the_step_ends_at_once(job: Job, tmp_path: Path) -> None:
    fail(job, tmp_path)
    assert job.run(retry="w", wait="false") == 0
    assert job.outputs["phase"] in ("", "Running")


def test_a_workflow_that_runs_is_joined(job: Job, cluster: Cluster, tmp_path: Path) -> None:
    fail(job, tmp_path)

    def runs(workflow: dict[str, Any]) -> dict[str, Any]:
        del workflow["metadata"]["labels"]["workflows.argoproj.io/completed"]
        return {**workflow, "status": {**workflow["status"], "phase": "Running"}}

    cluster.store.change(WORKFLOWS, "default", "w", runs)
    assert job.run(retry="w", wait="false") == 0
    assert "workflow 'w' runs already: there is nothing to retry" in job.log
    assert job.outputs["attached"] == "true"


@pytest.mark.parametrize("missing", ["update workflows", "delete pods"])
def test_a_missing_right_is_named(job: Job, cluster: Cluster, host: Host, tmp_path: Path, missing: str) -> None:
    fail(job, tmp_path)
    verb, _, resource = missing.partition(" ")
    rules = (*SUBMITTER, *(one for one in CONTINUER if verb not in one.verbs))
    job.environ |= environ_for(ARGO_SERVER, cluster, host.url, job.directory, token=cluster.add_user("ci", rules))
    assert job.run(retry="w") == 3
    job.assert_missing_right(verb, resource)


def test_a_workflow_of_another_pull_request_is_not_retried(job: Job, tmp_path: Path) -> None:
    fail(job, tmp_path)
    assert job.run(retry="w", pr_number="8") == 3
    assert "was submitted for pull request '7', not for #8" in job.error


MEMOIZED = "by 'memoize' it would reuse 'a' while their caches last, and run 1 other succeeded nodes again"
PLAIN = "none of its 2 succeeded nodes has 'memoize', so that all of them would run again"


@pytest.mark.parametrize(("template", "remedy"), [({"memoize": {"key": "k"}}, MEMOIZED), ({}, PLAIN)])
def test_without_an_argo_server_the_error_says_what_a_new_submission_reuses(
    tmp_path: Path, template: dict[str, Any], remedy: str
) -> None:
    nodes = {
        name: {"id": name, "name": name, "displayName": name, "type": "Pod", "templateName": f"t-{name}", "phase": phase}
        for name, phase in (("a", "Succeeded"), ("b", "Succeeded"), ("c", "Failed"))
    }
    job = Job(tmp_path)
    with Cluster() as cluster, Host(cluster.app) as host:
        job.environ |= environ_for(KUBERNETES, cluster, host.url, tmp_path)
        assert job.run(workflow=FAILING.replace("NAME", "w"), idempotency="none", wait="false") == 0

        def failed(workflow: dict[str, Any]) -> dict[str, Any]:
            workflow["spec"]["templates"] += [{"name": "t-a", **template}]
            return {**workflow, "status": {"phase": "Failed", "nodes": nodes}}

        cluster.store.change(WORKFLOWS, "default", "w", failed)
        assert job.run(retry="w") == 2
    assert "'retry' needs the Argo Server: only it can restart workflow 'w' at its failed nodes" in job.error
    assert f"give 'argo-server', or submit the workflow again: {remedy}" in job.error
