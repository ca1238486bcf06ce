"""Properties of the Argo Server alone: address, token, trust, refusals. Other modules test both APIs."""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from mlops_actions.boundary.cluster import argo_server
from mlops_sandbox.cluster import Cluster, rule
from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.host import Host
from tests.actions.argo_submit.apis import ARGO_SERVER, environ_for
from tests.actions.argo_submit.job import Job, manifest, read_until, shell
from tests.support.cluster_certificates import for_loopback
from tests.support.logs import LOG

FULL = {"workflows": "create get list watch patch", "pods": "get list watch", "pods/log": "get"}


@pytest.fixture
def api() -> str:
    return ARGO_SERVER


def server(url: str, token: str) -> argo_server.ArgoServer:
    return argo_server.connect(argo_server.ServerLogin(url, token, ""), {}, LOG, lambda _seconds: None)


@pytest.mark.parametrize(
    ("inputs", "cause", "remedy"),
    [
        ({"argo_token": "x"}, "input 'argo-token' has no meaning without 'argo-server'", "add 'argo-server'"),
        ({"argo_server": "argo.test:2746"}, "input 'argo-server' must be an http(s) address", "correct 'argo-server'"),
        ({"argo_server": "https://u:p@argo.test"}, "input 'argo-server' must be an http(s) address", "correct"),
        (
            {"argo_server": "https://argo.test", "kubeconfig": "x"},
            "'argo-server' cannot be combined with 'kubeconfig'",
            "give one",
        ),
        (
            {"argo_server": "https://argo.test", "kube_context": "x"},
            "'argo-server' cannot be combined with 'kube-context'",
            "give one",
        ),
        (
            {"argo_server": "https://argo.test", "gke_cluster": "c", "gke_location": "l", "gke_endpoint": "dns"},
            "'argo-server' cannot be combined with 'gke-cluster' and 'gke-location' and 'gke-endpoint'",
            "give one",
        ),
        (
            {"argo_server": "https://argo.test", "google_credentials": "{}"},
            "cannot be combined with 'google-credentials'",
            "give one",
        ),
        ({"argo_server": "http://argo.test", "argo_token": "x"}, "would be sent in plain text", "give an https address"),
        ({"argo_server": "https://argo.test", "argo_token": "a b c"}, "input 'argo-token' cannot be read", "correct"),
        ({"argo_server": "https://argo.test", "argo_ca": "words"}, "'argo-ca' must be a certificate in PEM", "correct"),
        (
            {"argo_server": "https://argo.test", "argo_ca": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"},
            "input 'argo-ca' cannot be used",
            "give its certificate in PEM",
        ),
    ],
)
def test_wrong_inputs_are_refused_with_cause_and_remedy(
    tmp_path: Path, inputs: dict[str, str], cause: str, remedy: str
) -> None:
    job = Job(tmp_path)
    assert job.run(workflow=shell("true"), **inputs) == 2
    assert cause in job.error.splitlines()[0]
    assert remedy in job.error.splitlines()[1]


@pytest.mark.parametrize("form", ["Bearer {}", "  {}\n"])
def test_a_token_is_accepted_with_and_without_bearer(job: Job, cluster: Cluster, form: str) -> None:
    job.environ["INPUT_ARGO-TOKEN"] = form.format(cluster.submitter_token)
    assert job.run(workflow=shell("true")) == 0
    assert f"::add-mask::{cluster.submitter_token}\n" in job.log
    assert cluster.submitter_token not in job.log.replace(f"::add-mask::{cluster.submitter_token}", "").replace(
        f"::add-mask::Bearer {cluster.submitter_token}", ""
    )


def test_the_representation_of_a_login_does_not_show_its_token() -> None:
    assert "s3cret" not in repr(argo_server.ServerLogin("https://argo.test", "Bearer s3cret", ""))


def test_links_lead_to_the_servers_user_interface(job: Job, host: Host) -> None:
    assert job.run(workflow=shell("true")) == 0
    assert job.outputs["workflow-url"] == f"{host.url}/workflows/default/{job.outputs['workflow-name']}"


def test_logs_are_shown_without_reading_pods(job: Job, cluster: Cluster) -> None:
    assert job.run(workflow=shell("echo first; sleep 2; echo last")) == 0
    assert "\nfirst\nlast\n" in job.log
    assert {plural for _, plural in cluster.requests} == {"workflows", "pods"}  # the server's own, for the log
    assert not any(verb == "get" and plural == "pods" for verb, plural in cluster.requests)


def test_the_namespace_is_the_one_that_the_server_manages(job: Job) -> None:
    with Cluster(namespaces=["ml"]) as cluster, Host(cluster.argo_server) as host:
        job.environ |= environ_for(ARGO_SERVER, cluster, host.url, job.directory)
        assert job.run(workflow=shell("true"), wait="false") == 0
        assert job.outputs["workflow-namespace"] == "ml"


def test_the_servers_validation_names_the_mistake(job: Job, cluster: Cluster) -> None:
    cluster.faults.refuse(1, 422, "Invalid", "spec.templates: Too many: 300: must have at most 200 items")
    assert job.run(workflow=shell("true"), namespace="default") == 2
    assert "the Argo Server does not accept this (400): spec.templates: Too many" in job.error


@pytest.mark.parametrize(
    ("resource", "verb", "code"),
    [
        ("workflows", "create", 3),
        ("workflows", "get", 3),
        ("workflows", "watch", 0),  # then the workflow is read now and then
        ("pods", "watch", 0),
        ("pods", "list", 0),
    ],
)
def test_a_missing_right_is_named_and_its_rule_printed(
    job: Job, cluster: Cluster, host: Host, resource: str, verb: str, code: int
) -> None:
    verbs = {**FULL, resource: FULL[resource].replace(verb, "")}
    token = cluster.add_user("ci", [rule(name, text) for name, text in verbs.items()])
    job.environ |= environ_for(ARGO_SERVER, cluster, host.url, job.directory, token=token)
    assert job.run(workflow=shell("sleep 3")) == code
    job.assert_missing_right(verb, resource)


def test_a_rejected_token_is_an_error(job: Job) -> None:
    job.environ["INPUT_ARGO-TOKEN"] = "nonsense"
    assert job.run(workflow=shell("true")) == 3
    cause, remedy = job.error.splitlines()
    assert "does not accept the credentials (401)" in cause
    assert "give a fresh 'argo-token'" in remedy


def test_stopping_a_workflow_that_has_ended_is_no_error(cluster: Cluster, host: Host) -> None:
    over = {"metadata": {"name": "over"}, "spec": {}, "status": {"phase": "Succeeded"}}
    cluster.store.create(WORKFLOWS, "default", over)
    server(host.url, cluster.submitter_token).shut_down("default", "over", "Stop")
    server(host.url, cluster.submitter_token).shut_down("default", "over", "Terminate", urgent=True)
    assert "shutdown" not in cluster.store.get(WORKFLOWS, "default", "over")["spec"]


def test_a_failed_stop_is_repeated(cluster: Cluster, host: Host) -> None:
    running = {"metadata": {"name": "on"}, "spec": {}, "status": {"phase": "Running"}}
    cluster.store.create(WORKFLOWS, "default", running)
    cluster.faults.refuse(3, 503, "ServiceUnavailable", "the API server is away")
    server(host.url, cluster.submitter_token).shut_down("default", "on", "Stop")
    assert cluster.store.get(WORKFLOWS, "default", "on")["spec"]["shutdown"] == "Stop"


def test_a_followed_log_ends_with_its_node_and_is_read_again_to_its_end(job: Job, cluster: Cluster) -> None:
    """The server's own stream would go on until the workflow has ended, which here takes a while longer."""
    text = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: long}
spec:
  entrypoint: main
  templates:
  - name: main
    dag: {tasks: [{name: short, template: short}, {name: wait, template: wait}]}
  - {name: short, container: {image: x, command: [sh, -c, "echo first; sleep 2; echo last"]}}
  - {name: wait, suspend: {}}
"""
    process = job.start(workflow=text, idempotency="none")
    log = read_until(process, "last\n")  # while the workflow goes on
    assert re.findall(r"(first|last)$", log, re.MULTILINE) == ["first", "last"]

    def resume(workflow: dict[str, Any]) -> dict[str, Any]:
        nodes = workflow["status"]["nodes"].values()
        next(node for node in nodes if node["type"] == "Suspend")["phase"] = "Succeeded"
        return workflow

    cluster.store.change(WORKFLOWS, "default", "long", resume)
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_private_authority_and_a_path_before_the_api_are_supported(job: Job, cluster: Cluster) -> None:
    certificate = for_loopback(job.directory, "argo")
    joined = job.directory / "argo.pem"
    joined.write_text(certificate.certificate.read_text() + certificate.key.read_text())
    authority = certificate.certificate.read_text()
    with Host(Starlette(routes=[Mount("/argo", cluster.argo_server)]), certificate=joined) as host:
        job.environ |= environ_for(ARGO_SERVER, cluster, f"{host.url}/argo/", job.directory)
        for given in (authority, base64.b64encode(authority.encode()).decode()):
            assert job.run(workflow=shell("echo there"), argo_ca=given) == 0
        assert job.outputs["workflow-url"].startswith(f"{host.url}/argo/workflows/default/")


def test_a_server_with_an_untrusted_certificate_gets_no_token(job: Job, cluster: Cluster) -> None:
    certificate = for_loopback(job.directory, "argo")
    joined = job.directory / "argo.pem"
    joined.write_text(certificate.certificate.read_text() + certificate.key.read_text())
    other = for_loopback(job.directory, "other").certificate.read_text()
    with Host(cluster.argo_server, certificate=joined) as host:
        job.environ |= environ_for(ARGO_SERVER, cluster, host.url, job.directory)
        for authority in ("", other):
            assert job.run(workflow=shell("true"), argo_ca=authority) == 4
            assert "could not prove who it is" in job.error
            assert "'argo-ca'" in job.error
    assert cluster.requests == []


class Asked:
    """An application that notes the credentials it is sent."""

    def __init__(self, answer: Response) -> None:
        self.seen: list[str] = []

        async def respond(request: Request) -> Response:
            self.seen.append(request.headers.get("authorization", ""))
            return answer

        self.app = Starlette(routes=[Route("/{path:path}", respond, methods=["GET", "POST", "PUT"])])


@pytest.fixture
def other() -> Iterator[tuple[Asked, Host]]:
    asked = Asked(HTMLResponse("<h1>Log in</h1>"))
    with Host(asked.app) as host:
        yield asked, host


def run_against(job: Job, cluster: Cluster, app: ASGIApp) -> int:
    with Host(app) as host:
        job.environ |= environ_for(ARGO_SERVER, cluster, host.url, job.directory)
        return job.run(workflow=shell("true"))


def test_a_redirect_is_not_followed_with_the_token(job: Job, cluster: Cluster, other: tuple[Asked, Host]) -> None:
    asked, elsewhere = other
    redirecting = Asked(RedirectResponse(f"{elsewhere.url}/login", 302))
    assert run_against(job, cluster, redirecting.app) == 3
    assert f"redirects this request (302 to GET /api/v1/info): it sends one on to '{elsewhere.url}/login'" in job.error
    assert asked.seen == []


def test_an_answer_that_is_not_an_argo_servers_is_an_error(job: Job, cluster: Cluster, other: tuple[Asked, Host]) -> None:
    assert run_against(job, cluster, other[0].app) == 4
    assert "what answers GET /api/v1/info at " in job.error
    assert "is no Argo Server: it sent a web page" in job.error


def test_no_authorization_header_is_sent_without_a_token(job: Job, cluster: Cluster, other: tuple[Asked, Host]) -> None:
    job.environ["INPUT_ARGO-SERVER"] = other[1].url
    del job.environ["INPUT_ARGO-TOKEN"]
    assert job.run(workflow=shell("true")) == 4
    assert set(other[0].seen) == {""}


def test_the_pods_that_the_record_implies_are_watched(cluster: Cluster, host: Host) -> None:
    def node(name: str, phase: str, **more: object) -> dict[str, object]:
        return {"name": name, "displayName": name, "type": "Pod", "templateName": "t", "phase": phase, **more}

    nodes = {
        "w-1": node("w.a", "Running"),
        "w-2": node("w.b", "Pending"),
        "w-3": node("w.c", "Succeeded", memoizationStatus={"hit": True}),
        "w-4": node("w.d", "Failed", templateRef={"name": "n", "template": "other"}),
        "w-5": {"name": "w.d.x", "displayName": "x", "type": "Container", "boundaryID": "w-4", "phase": "Failed"},
    }
    status = {"phase": "Running", "nodes": nodes}
    cluster.store.create(WORKFLOWS, "default", {"metadata": {"name": "w"}, "spec": {}, "status": status})
    argo = server(host.url, cluster.submitter_token)
    watch = argo.watch_pods("default", "w", "", 300)
    received: list[tuple[str, list[str]]] = []

    def read() -> None:
        for event in watch:
            containers = event.object["status"]["containerStatuses"]
            received.append((event.object["metadata"]["name"], [one["name"] for one in containers]))

    def wait_for(count: int) -> None:
        deadline = time.monotonic() + 100
        while len(received) < count and time.monotonic() < deadline:
            time.sleep(0.01)

    reader = threading.Thread(target=read)
    reader.start()
    argo.get_workflow("default", "w")
    argo.get_workflow("default", "w")
    wait_for(3)  # a reader that comes later sees the last state of a pod alone
    cluster.store.change(
        WORKFLOWS,
        "default",
        "w",
        lambda one: {**one, "status": {**status, "nodes": {**nodes, "w-2": node("w.b", "Running")}}},
    )
    argo.get_workflow("default", "w")
    wait_for(4)
    watch.close()
    reader.join(10)
    names = {one.partition("-")[2].rpartition("-")[0] for one, _ in received}
    assert names == {"t", "other"}
    assert [containers for _, containers in received] == [["main"], [], ["x"], ["main"]]


def test_cancelling_is_quick_before_the_first_log_line(job: Job, cluster: Cluster) -> None:
    process = job.start(workflow=manifest("sleep", "600"))
    assert process.stdout is not None
    for line in process.stdout:
        if "▶" in line:
            break
    process.terminate()
    output = process.communicate(timeout=7.5)
    assert process.returncode == 143, output
    [workflow] = cluster.store.items(WORKFLOWS)[0]
    assert workflow["spec"]["shutdown"] == "Stop"
    assert json.loads(job.state["argo-workflow"])["state"] == "cancelled"
