"""Connections to a Kubernetes API: certificates of server and client, token files, proxies, a pod's service account."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops_actions.boundary import http
from mlops_actions.boundary.cluster import connect
from mlops_sandbox.cluster import SUBMITTER, Cluster, LocalImage, ProcessExecutor
from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.host import Host
from tests.actions.argo_submit.job import SUSPENDED, Job, read_until, resume, shell
from tests.support.cluster_certificates import Certificate, for_loopback


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return for_loopback(tmp_path_factory.mktemp("certificate"), "kubernetes")


@pytest.fixture
def secure(cluster: Cluster, certificate: Certificate, tmp_path: Path) -> Iterator[Host]:
    """The cluster behind TLS, with an authority of its own."""
    joined = tmp_path / "server.pem"
    joined.write_text(certificate.certificate.read_text() + certificate.key.read_text())
    with Host(cluster.app, certificate=joined) as host:
        yield host


def config(cluster: Cluster, url: str, **of_cluster: object) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(cluster.kubeconfig(url))
    config["clusters"][0]["cluster"] |= of_cluster
    return config


def encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


@pytest.mark.parametrize("form", ["data", "file"])
def test_a_private_authority_is_trusted(
    job: Job, cluster: Cluster, secure: Host, certificate: Certificate, form: str
) -> None:
    name, value = "certificate-authority", str(certificate.certificate)
    trust = {name: value} if form == "file" else {f"{name}-data": encoded(certificate.certificate)}
    assert job.run(workflow=shell("true"), kubeconfig=yaml.safe_dump(config(cluster, secure.url, **trust))) == 0


@pytest.mark.parametrize(
    "trust",
    [{}, {"certificate-authority-data": "another"}, {"tls-server-name": "other.test", "certificate-authority-data": ""}],
)
def test_a_server_with_an_untrusted_certificate_gets_no_token(
    job: Job,
    cluster: Cluster,
    secure: Host,
    certificate: Certificate,
    trust: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mlops_actions.boundary.cluster.transport.ATTEMPTS", 1)
    if trust.get("certificate-authority-data") == "another":
        trust = {**trust, "certificate-authority-data": encoded(for_loopback(job.directory, "another").certificate)}
    elif trust:
        trust = {**trust, "certificate-authority-data": encoded(certificate.certificate)}
    assert job.run(workflow=shell("true"), kubeconfig=yaml.safe_dump(config(cluster, secure.url, **trust))) == 4
    assert f"{secure.url} could not prove who it is" in job.error
    assert "certificate-authority-data" in job.error
    assert cluster.requests == []


def test_skipping_tls_verification_is_possible_with_a_warning(job: Job, cluster: Cluster, secure: Host) -> None:
    careless = config(cluster, secure.url, **{"insecure-skip-tls-verify": True})
    assert job.run(workflow=shell("true"), kubeconfig=yaml.safe_dump(careless)) == 0
    assert "sets insecure-skip-tls-verify: anybody on the network path can read the credentials" in job.log


class Noting(BaseHTTPRequestHandler):
    """Notes how it was asked, and has no workflow."""

    seen: list[dict[str, Any]]

    def do_GET(self) -> None:
        peer = self.connection.getpeercert() if isinstance(self.connection, ssl.SSLSocket) else None
        self.seen.append({"authorization": self.headers.get("Authorization"), "certificate": peer, "path": self.path})
        body = json.dumps({"kind": "Status", "code": 404, "reason": "NotFound", "message": 'workflows "x" not found'})
        self.send_response(404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def noting() -> Iterator[ThreadingHTTPServer]:
    handler = type("Handler", (Noting,), {"seen": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def seen(server: ThreadingHTTPServer) -> list[dict[str, Any]]:
    requests: list[dict[str, Any]] = server.RequestHandlerClass.seen  # type: ignore[attr-defined]
    return requests


@pytest.mark.parametrize("form", ["data", "file"])
def test_a_client_certificate_authenticates(
    job: Job, cluster: Cluster, certificate: Certificate, noting: ThreadingHTTPServer, form: str
) -> None:
    client = for_loopback(job.directory, "ci")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    context.load_verify_locations(client.certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    noting.socket = context.wrap_socket(noting.socket, server_side=True)
    asked = config(
        cluster,
        f"https://127.0.0.1:{noting.server_port}",
        **{"certificate-authority-data": encoded(certificate.certificate)},
    )
    user = {"client-certificate": str(client.certificate), "client-key": str(client.key)}
    if form == "data":
        user = {f"{name}-data": encoded(Path(path)) for name, path in user.items()}
    asked["users"][0]["user"] = user
    assert job.run(attach="x", kubeconfig=yaml.safe_dump(asked)) == 3
    assert [one["authorization"] for one in seen(noting)] == [None]
    assert "ci" in str(seen(noting)[0]["certificate"])
    if form == "data":
        assert f"::add-mask::{encoded(client.key)}" in job.log
    assert list(job.directory.glob("mlops-actions-*")) == []


def test_a_certificate_with_another_key_is_refused(job: Job, cluster: Cluster) -> None:
    one, other = for_loopback(job.directory, "one"), for_loopback(job.directory, "other")
    asked = config(cluster, "https://127.0.0.1:9")
    asked["users"][0]["user"] = {"client-certificate-data": encoded(one.certificate), "client-key-data": encoded(other.key)}
    assert job.run(attach="x", kubeconfig=yaml.safe_dump(asked)) == 2
    assert "cannot be used" in job.error
    assert "check its certificates and keys" in job.error


def test_a_username_and_password_authenticate(job: Job, cluster: Cluster, noting: ThreadingHTTPServer) -> None:
    asked = config(cluster, f"http://127.0.0.1:{noting.server_port}")
    asked["users"][0]["user"] = {"username": "ci", "password": "a: b"}
    assert job.run(attach="x", kubeconfig=yaml.safe_dump(asked)) == 3
    login = base64.b64encode(b"ci:a: b").decode()
    assert [one["authorization"] for one in seen(noting)] == [f"Basic {login}"]
    assert f"::add-mask::{login}" in job.log


def test_the_proxy_of_a_kubeconfig_is_used(job: Job, cluster: Cluster, noting: ThreadingHTTPServer) -> None:
    asked = config(cluster, "http://127.0.0.1:9", **{"proxy-url": f"http://127.0.0.1:{noting.server_port}"})
    assert job.run(attach="x", kubeconfig=yaml.safe_dump(asked)) == 3
    assert seen(noting)[0]["path"].startswith("http://127.0.0.1:9/apis/argoproj.io/")


@pytest.mark.parametrize(
    ("url", "environ", "proxy"),
    [
        ("https://api.test", {}, ""),
        ("https://api.test", {"HTTPS_PROXY": "http://proxy:3128"}, "http://proxy:3128"),
        ("https://api.test", {"HTTPS_PROXY": "http://a", "https_proxy": "http://b"}, "http://b"),
        ("https://api.test", {"HTTPS_PROXY": "proxy:3128"}, "http://proxy:3128"),
        ("http://api.test", {"HTTPS_PROXY": "http://proxy:3128"}, ""),
        ("https://api.test", {"HTTPS_PROXY": "http://proxy", "NO_PROXY": "api.test"}, ""),
        ("https://api.test:6443", {"HTTPS_PROXY": "http://proxy", "NO_PROXY": ".test"}, ""),
        ("https://api.test:6443", {"HTTPS_PROXY": "http://proxy", "NO_PROXY": "*.test"}, ""),
        ("https://api.test", {"HTTPS_PROXY": "http://proxy", "NO_PROXY": "pi.test"}, "http://proxy"),
        ("https://api.test", {"HTTPS_PROXY": "http://proxy", "NO_PROXY": "a, *"}, ""),
        ("https://10.1.2.3", {"HTTPS_PROXY": "http://proxy", "no_proxy": "10.0.0.0/8"}, ""),
        ("https://11.1.2.3", {"HTTPS_PROXY": "http://proxy", "no_proxy": "10.0.0.0/8,nonsense/x"}, "http://proxy"),
        ("https://[fd00::1]", {"HTTPS_PROXY": "http://proxy", "no_proxy": "fd00::/8"}, ""),
    ],
)
def test_the_proxy_of_the_environment_is_used(url: str, environ: dict[str, str], proxy: str) -> None:
    assert http.proxy_for(url, environ) == proxy


def waiting(job: Job, **inputs: str) -> Any:
    """Start a job, and return it when it waits for a workflow that somebody has to resume."""
    process = job.start(workflow=SUSPENDED, idempotency="none", **inputs)
    read_until(process, "is suspended")
    return process


def test_a_token_that_is_renewed_in_its_file_is_read_again(job: Job, cluster: Cluster, host: Host) -> None:
    first = cluster.add_user("ci", SUBMITTER)
    file = job.directory / "token"
    file.write_text(f"{first}\n")
    asked = config(cluster, host.url)
    asked["users"][0]["user"] = {"tokenFile": str(file), "token": "stale"}
    process = waiting(job, kubeconfig=yaml.safe_dump(asked))
    second = cluster.add_user("ci", SUBMITTER)
    file.write_text(second)
    cluster.access.revoke(first)
    cluster.close_watches()
    cluster.store.change(WORKFLOWS, "default", "held", resume)
    log, _ = process.communicate(timeout=60)
    assert process.returncode == 0, log
    assert f"::add-mask::{second}" in log


@pytest.mark.parametrize("text", [None, "", " \n"])
def test_a_token_file_without_a_token_is_an_error(job: Job, cluster: Cluster, host: Host, text: str | None) -> None:
    file = job.directory / "token"
    if text is not None:
        file.write_text(text)
    asked = config(cluster, host.url)
    asked["users"][0]["user"] = {"tokenFile": str(file)}
    assert job.run(attach="x", kubeconfig=yaml.safe_dump(asked)) == 2
    assert ("holds no token" if text is not None else "does not exist here") in job.error


def test_a_token_that_expires_while_the_workflow_runs_is_an_error(job: Job, cluster: Cluster) -> None:
    process = waiting(job)
    cluster.access.revoke(cluster.submitter_token)
    cluster.close_watches()
    log, _ = process.communicate(timeout=60)
    assert process.returncode == 3, log
    assert "does not accept the credentials (401)" in log
    assert "give a fresh kubeconfig" in log
    # The workflow is let be: the job did not want its end, and could not bring it about.
    assert "shutdown" not in cluster.store.get(WORKFLOWS, "default", "held")["spec"]
    assert json.loads(job.state["argo-workflow"])["state"] == "left"


def test_the_service_account_of_a_pod_is_used(
    tmp_path: Path, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounted = tmp_path / "serviceaccount"
    mounted.mkdir()
    joined = tmp_path / "server.pem"
    joined.write_text(certificate.certificate.read_text() + certificate.key.read_text())
    with (
        Cluster(ProcessExecutor({"": LocalImage()}), namespaces=["ml"]) as cluster,
        Host(cluster.app, certificate=joined) as host,
    ):
        (mounted / "token").write_text(cluster.submitter_token)
        (mounted / "namespace").write_text("ml")
        (mounted / "ca.crt").write_bytes(certificate.certificate.read_bytes())
        monkeypatch.setattr(connect, "SERVICE_ACCOUNT", mounted)
        job = Job(tmp_path)
        place = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(host.port)}
        for name, value in place.items():
            monkeypatch.setenv(name, value)
        job.environ |= place
        assert job.run(workflow=shell("true")) == 0
        assert job.outputs["workflow-namespace"] == "ml"
        assert f"::add-mask::{cluster.submitter_token}" in job.log
        for spoil in (lambda: (mounted / "ca.crt").write_text(" \n"), lambda: (mounted / "ca.crt").unlink()):
            spoil()
            assert job.run(workflow=shell("true")) == 2
            assert "this runs in a pod of a cluster, but the pod's service account cannot be used" in job.error
