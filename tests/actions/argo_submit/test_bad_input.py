"""Mistakes are reported before a workflow is submitted, with their line and a remedy."""

from __future__ import annotations

import base64
import socket
from pathlib import Path

import pytest
import yaml

from mlops_sandbox.cluster import Cluster, rule
from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.host import Host
from tests.actions.argo_submit.bad_cases import CASES, FILE, PARAMETERS, Bad, edited
from tests.actions.argo_submit.job import Job, shell
from tests.actions.argo_submit.name_cases import CASES as NAME_CASES

FULL = {
    "workflows": "create get list watch patch",
    "pods": "get list watch",
    "pods/log": "get",
}


def nothing_submitted(cluster: Cluster) -> bool:
    return cluster.store.items(WORKFLOWS)[0] == []


@pytest.mark.parametrize(
    ("inputs", "cause", "remedy"),
    [
        (
            {},
            "exactly one of 'workflow', 'from', 'attach', 'retry', 'resume', 'stop' and 'terminate' must be given",
            "give 'workflow'",
        ),
        ({"workflow": "a.yaml", "attach": "b"}, "given: 'workflow' and 'attach'", "give 'workflow'"),
        ({"from_": "template/x"}, "input 'from' must be one of workflowtemplate/NAME", "correct 'from'"),
        ({"attach": "Not A Name"}, "input 'attach' must be a Kubernetes name", "correct 'attach'"),
        ({"workflow": "x", "timeout": "soon"}, "input 'timeout' must be a duration", "correct 'timeout'"),
        ({"workflow": "x", "wait": "yes"}, "input 'wait' must be true or false", "correct 'wait'"),
        ({"workflow": "x", "name": "a", "generate_name": "b-"}, "'name' and 'generate-name' exclude", "give one of them"),
        ({"workflow": "x", "entrypoint": "a", "workflow_entrypoint": "b"}, "differ: 'a' and 'b'", "give one of them"),
        ({"workflow": "x", "sha": "abc123"}, "input 'sha' must be a full commit SHA", "correct 'sha'"),
        ({"workflow": "x", "logs": "some"}, "input 'logs' must be one of all, failed, none", "correct 'logs'"),
        ({"workflow": "nowhere/*.yaml"}, "input 'workflow' names no file in the workspace", "actions/checkout"),
        ({"workflow": "../secret.yaml"}, "leads out of the workspace", "give a path inside of it"),
        ({"workflow": "/etc/passwd"}, "leads out of the workspace", "give a path inside of it"),
        ({"workflow": "link.yaml"}, "leads out of the workspace", "give a path inside of it"),
        ({"workflow": "*.yaml"}, "leads out of the workspace", "give a path inside of it"),
        ({"workflow": "binary"}, "'binary' cannot be read", "give a readable text in UTF-8"),
        ({"workflow": "kind: Workflow\na: ["}, "workflow:2: not valid YAML", "correct the YAML at this line"),
        ({"workflow": shell("true"), "parameters": "lr=1"}, "declares no parameter 'lr'", "unknown-parameters: drop"),
        ({"workflow": shell("true"), "parameters": "[1]"}, "input 'parameters' must be a YAML or JSON mapping", "correct"),
        ({"workflow": shell("true"), "parameter_file": "none.yaml"}, "'parameter-file' names no file", "relative to the"),
        ({"workflow": shell("true"), "parameter_file": "list.yml"}, "file 'list.yml' must be a", "correct the file"),
    ],
)
def test_wrong_inputs_are_refused_with_cause_and_remedy(
    job: Job, cluster: Cluster, inputs: dict[str, str], cause: str, remedy: str
) -> None:
    outside = job.directory / "outside.yaml"
    outside.write_text(shell("true"))
    (job.workspace / "link.yaml").symlink_to(outside)
    (job.workspace / "binary").write_bytes(b"\xff\xfe\x00")
    job.write("list.yml", "- a\n")
    assert job.run(**inputs) == 2
    assert cause in job.error.splitlines()[0]
    assert remedy in job.error.splitlines()[1]
    assert nothing_submitted(cluster)


@pytest.mark.parametrize("bad", [*CASES, *NAME_CASES], ids=lambda bad: bad.name)
def test_a_mistake_is_reported_with_cause_remedy_and_line(job: Job, cluster: Cluster, bad: Bad) -> None:
    job.write(FILE, bad.manifest)
    for path, text in bad.files.items():
        job.write(path, text)
    assert job.run(workflow=FILE, **bad.inputs) == 2
    cause, remedy = job.error.splitlines()
    assert bad.cause in cause
    assert bad.remedy in remedy
    annotated = [line for line in job.log.splitlines() if f"file={FILE}," in line]
    assert [f"line={bad.line}::" in line for line in annotated] == ([True] if bad.line else [])
    assert nothing_submitted(cluster)


def test_inline_templates_without_end_are_refused(job: Job, cluster: Cluster) -> None:
    step = "{name: a, template: main}"
    for _ in range(100):
        step = f"{{name: a, inline: {{steps: [[{step}]]}}}}"
    text = edited("container: {image: x, command: [echo]}", f"steps: [[{step}]]")
    assert job.run(workflow=text, **PARAMETERS) == 2
    assert "nested too deeply" in job.error
    assert nothing_submitted(cluster)


def test_at_least_sixty_different_mistakes_are_tested() -> None:
    assert len({bad.name for bad in CASES}) >= 60


def test_a_mistake_in_a_file_is_annotated_at_its_line(job: Job, cluster: Cluster) -> None:
    job.write("ci/wf.yaml", shell("true").replace("entrypoint: main", "entrypoint: mian"))
    assert job.run(workflow="ci/wf.yaml") == 2
    assert "file=ci/wf.yaml,line=5::" in job.log
    assert "'entrypoint' names no template: 'mian'" in job.error
    assert nothing_submitted(cluster)


def test_several_documents_are_named_with_their_places(job: Job) -> None:
    job.write("a.yaml", shell("true"))
    job.write("b.yaml", shell("false"))
    assert job.run(workflow="*.yaml") == 2
    assert "only one can be run: Workflow at a.yaml:1, Workflow at b.yaml:1" in job.error


def test_the_servers_refusal_of_a_workflow_is_bad_input(job: Job, cluster: Cluster) -> None:
    cluster.faults.refuse(1, 422, "Invalid", "spec.templates: Too many: 300: must have at most 200 items")
    assert job.run(workflow=shell("true")) == 2
    assert "the cluster does not accept this (422): spec.templates: Too many" in job.error


def test_a_missing_namespace_is_an_error(job: Job) -> None:
    assert job.run(workflow=shell("true"), namespace="nowhere") == 3
    assert 'namespaces "nowhere" not found' in job.error


@pytest.mark.parametrize("source", ["workflowtemplate/none", "clusterworkflowtemplate/none", "cronworkflow/none"])
def test_a_missing_template_is_an_error(job: Job, source: str) -> None:
    assert job.run(from_=source) == 3
    assert '"none" not found' in job.error


def test_attaching_to_a_missing_workflow_is_an_error(job: Job) -> None:
    assert job.run(attach="none") == 3
    assert 'workflows.argoproj.io "none" not found' in job.error


def test_a_missing_kubeconfig_is_an_error(job: Job) -> None:
    del job.environ["KUBECONFIG"]
    assert job.run(workflow=shell("true")) == 2
    assert job.error.startswith("no kubeconfig: ")


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("{", "is not valid YAML"),
        ("just words", "is not a kubeconfig"),
        ("clusters: []\nusers: []\n", "has no current context"),
        ("clusters: []\ncontexts: [{name: a, context: {cluster: c}}]\ncurrent-context: a\n", "names the cluster 'c'"),
        (
            "clusters: [{name: c, cluster: {}}]\ncontexts: [{name: a, context: {cluster: c}}]\ncurrent-context: a\n",
            "has no server address",
        ),
        (
            "clusters: [{name: c, cluster: {server: 'https://x', certificate-authority-data: '***'}}]\n"
            "contexts: [{name: a, context: {cluster: c}}]\ncurrent-context: a\n",
            "cannot be used",
        ),
        (
            "clusters: [{name: c, cluster: {server: 'https://x', certificate-authority: ca.crt}}]\n"
            "contexts: [{name: a, context: {cluster: c}}]\ncurrent-context: a\n",
            "refers to a file that does not exist",
        ),
        (
            "clusters: [{name: c, cluster: {server: 'http://example.test'}}]\nusers: [{name: u, user: {token: secret}}]\n"
            "contexts: [{name: a, context: {cluster: c, user: u}}]\ncurrent-context: a\n",
            "in plain text",
        ),
        (
            "clusters: [{name: c, cluster: {server: 'https://x'}}]\nusers: [{name: u, user: {exec: {command: touch}}}]\n"
            "contexts: [{name: a, context: {cluster: c, user: u}}]\ncurrent-context: a\n",
            "runs a program for its token ('touch')",
        ),
    ],
)
def test_an_unusable_kubeconfig_is_an_error(job: Job, text: str, cause: str) -> None:
    path = job.directory / "bad"
    path.write_text(text)
    assert job.run(workflow=shell("true"), kubeconfig=str(path)) == 2
    assert cause in job.error
    assert job.error.count("\n") == 1


def test_a_kubeconfig_file_that_does_not_exist_is_an_error(job: Job) -> None:
    assert job.run(workflow=shell("true"), kubeconfig="/no/such/file") == 2
    assert "input 'kubeconfig' names a file that does not exist" in job.error
    job.environ["KUBECONFIG"] = "/no/such/file:/nor/this"
    assert job.run(workflow=shell("true")) == 2
    assert "KUBECONFIG names a file that does not exist" in job.error


@pytest.mark.parametrize("form", ["path", "yaml", "base64"])
def test_a_kubeconfig_is_accepted_in_every_form_and_its_token_is_masked(job: Job, form: str, cluster: Cluster) -> None:
    path = Path(job.environ.pop("KUBECONFIG"))
    text = path.read_text()
    given = {"path": str(path), "yaml": text, "base64": base64.b64encode(text.encode()).decode()}[form]
    assert job.run(workflow=shell("true"), kubeconfig=given) == 0
    assert f"::add-mask::{cluster.submitter_token}" in job.log


def test_files_that_a_kubeconfig_refers_to_are_found_beside_it(job: Job, cluster: Cluster, host: Host) -> None:
    directory = job.directory / "kube"
    directory.mkdir()
    config = yaml.safe_load(cluster.kubeconfig(host.url))
    config["users"][0]["user"] = {"tokenFile": "token"}
    (directory / "token").write_text(cluster.submitter_token)
    (directory / "config").write_text(yaml.safe_dump(config))
    assert job.run(workflow=shell("true"), kubeconfig=str(directory / "config")) == 0
    assert f"::add-mask::{cluster.submitter_token}" in job.log


def test_a_context_can_be_chosen(job: Job, cluster: Cluster, host: Host) -> None:
    config = yaml.safe_load(cluster.kubeconfig(host.url))
    config["current-context"] = "other"
    text = yaml.safe_dump(config)
    assert job.run(workflow=shell("true"), kubeconfig=text) == 2
    assert "has no context 'other'" in job.error
    assert job.run(workflow=shell("true"), kubeconfig=text, kube_context="sandbox") == 0


def test_an_unreachable_cluster_is_an_error(job: Job, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlops_actions.boundary.cluster.transport.ATTEMPTS", 2)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        assert job.run(workflow=shell("true"), kubeconfig=cluster.kubeconfig(url)) == 4
    assert f"the cluster at {url} cannot be reached: " in job.error
    assert "refused" in job.error
    assert "in an action's container, 'localhost' is the container itself" in job.error


def test_an_answer_that_is_not_kubernetes_is_an_error(job: Job, cluster: Cluster, host: Host) -> None:
    kubeconfig = cluster.kubeconfig(f"{host.url}/healthz?")
    assert job.run(attach="x", kubeconfig=kubeconfig) in (3, 4)


def test_a_server_that_keeps_failing_is_an_error(job: Job, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlops_actions.boundary.cluster.transport.ATTEMPTS", 2)
    cluster.faults.refuse(1000, 503, "ServiceUnavailable", "etcd is gone", retry_after=0)
    assert job.run(workflow=shell("true")) == 4
    assert "answered 503" in job.error
    assert "etcd is gone" in job.error


def test_a_rejected_token_is_an_error(job: Job, cluster: Cluster) -> None:
    cluster.access.revoke(cluster.submitter_token)
    assert job.run(workflow=shell("true")) == 3
    assert "does not accept the credentials (401)" in job.error


@pytest.mark.parametrize(
    ("resource", "verb", "code"),
    [
        ("workflows", "create", 3),
        ("workflows", "get", 3),
        ("workflows", "watch", 0),
        ("pods", "watch", 0),
        ("pods/log", "get", 0),
    ],
)
def test_a_missing_right_is_named_and_its_rule_printed(
    job: Job, cluster: Cluster, host: Host, resource: str, verb: str, code: int
) -> None:
    verbs = {**FULL, resource: FULL[resource].replace(verb, "")}
    token = cluster.add_user("ci", [rule(name, text) for name, text in verbs.items()])
    text = shell("sleep 3") if (resource, verb) == ("workflows", "watch") else shell("true")
    assert job.run(workflow=text, kubeconfig=cluster.kubeconfig(host.url, token=token)) == code
    job.assert_missing_right(verb, resource)


def test_an_unknown_parameter_can_be_dropped_with_a_warning(job: Job) -> None:
    assert job.run(workflow=shell("true"), parameters="lr=1", unknown_parameters="drop") == 0
    assert "::warning::the workflow does not declare these parameters, so they are left out: lr" in job.log


def test_parameters_come_from_a_file_and_the_input_wins(job: Job) -> None:
    job.write("p.yaml", "lr: 3e-4\nepochs: 7\n")
    text = shell("echo {{workflow.parameters.lr}}/{{workflow.parameters.epochs}}", parameters="{name: lr}, {name: epochs}")
    assert job.run(workflow=text, parameter_file="p.yaml", parameters="epochs=9") == 0
    assert "\n3e-4/9\n" in job.log
