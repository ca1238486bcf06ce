"""What every client does alike: proxies with a login, debug lines, Retry-After, private authorities, redirects."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlops_actions.boundary.cluster import argo_server
from mlops_actions.boundary.cluster.connect import LogIns, connect
from mlops_actions.boundary.cluster.kubernetes_api import KubernetesCluster
from mlops_actions.boundary.github import GitHubTransport, Pace
from mlops_actions.boundary.github.shapes import anything
from mlops_actions.boundary.registry.client import BasicCredentials, RegistryClient
from mlops_actions.boundary.runner import GitHubRunner
from mlops_actions.boundary.wandb.server import Server
from mlops_actions.boundary.wandb.transport import GraphQL
from mlops_actions.core.errors import ActionError
from tests.boundary.http.recorder import Recorder, Reply
from tests.support.certificates import of_an_authority

LOGIN = "Basic " + base64.b64encode(b"user:pass@word").decode()
VARIABLES = ("http_proxy", "https_proxy", "no_proxy", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


def github(url: str, log: GitHubRunner) -> None:
    GitHubTransport("secret-token", url, log, pace=Pace(attempts=2)).get(
        "/repos/octo/digits", anything, token="query-secret"
    )


def registry(url: str, log: GitHubRunner) -> None:
    host = url.partition("://")[2]
    RegistryClient(host, BasicCredentials("user", "secret-token"), log, retries=1, backoff=0).tags("octo/digits")


def wandb(url: str, log: GitHubRunner) -> None:
    GraphQL(Server(url, url, "secret-token"), log, time.sleep).ask("query { viewer }", {})


def kubernetes(url: str, log: GitHubRunner) -> None:
    user = {"token": "secret-token"} if "127.0.0.1" in url or url.startswith("https") else {}
    kubeconfig = {
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    transport, namespace = connect(
        json.dumps(kubeconfig), None, os.environ, log, time.sleep, LogIns(lambda _login: pytest.fail("no login"))
    )
    KubernetesCluster(transport, namespace).create_workflow(namespace, {"metadata": {"name": "w"}}, dry_run=True)


def argo(url: str, log: GitHubRunner) -> None:
    server = argo_server.connect(argo_server.ServerLogin(url, "secret-token", ""), os.environ, log, time.sleep)
    server.get_workflow("default", "w")


CLIENTS = {client.__name__: client for client in (github, registry, wandb, kubernetes, argo)}
every_client = pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
every_client_by_http = pytest.mark.parametrize("client", [github, wandb, kubernetes, argo])
Client = Callable[[str, GitHubRunner], None]


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with Recorder() as server:
        yield server


def log_of(client: Client, url: str, *, debug: bool = True) -> str:
    """Send the client's one request and return the log. Its error is not what these tests look at."""
    out = io.StringIO()
    with contextlib.suppress(ActionError):
        client(url, GitHubRunner({"RUNNER_DEBUG": "1"} if debug else {}, out))
    return out.getvalue()


def debug_lines(log: str) -> list[str]:
    return [line.removeprefix("::debug::") for line in log.splitlines() if line.startswith("::debug::")]


def without_the_probe(lines: list[str]) -> list[str]:
    """Drop the registry client's question whether a port of this machine speaks TLS."""
    return [line for line in lines if "/v2/ " not in line]


# Proxies


@every_client
def test_a_tunnel_s_proxy_gets_its_login(client: Client, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", f"http://user:pass%40word@{recorder.address}")
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    log = log_of(client, "https://api.test")
    assert recorder.requests[0].method == "CONNECT"
    assert recorder.requests[0].target == "api.test:443"
    assert recorder.requests[0].headers["proxy-authorization"] == LOGIN
    assert "pass" not in log


@every_client_by_http
def test_a_plain_proxy_gets_its_login(client: Client, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://user:pass%40word@{recorder.address}")
    log_of(client, "http://api.test")
    assert recorder.requests[0].target.startswith("http://api.test/")
    assert recorder.requests[0].headers["proxy-authorization"] == LOGIN


@every_client
def test_this_machine_is_reached_without_a_proxy(
    client: Client, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Recorder() as origin:
        monkeypatch.setenv("http_proxy", recorder.url)
        log_of(client, origin.url)
        assert origin.requests
    assert recorder.requests == []


@every_client
def test_an_address_of_no_proxy_is_reached_without_a_proxy(
    client: Client, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", recorder.url)
    monkeypatch.setenv("no_proxy", "10.0.0.0/8, .invalid")
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    assert "no answer" in log_of(client, "https://api.invalid")
    assert recorder.requests == []


# Debug logging


@every_client
def test_debug_logging_shows_one_line_for_each_request(client: Client, recorder: Recorder) -> None:
    lines = debug_lines(log_of(client, recorder.url))
    assert len(lines) == len(recorder.requests)
    for line, request in zip(lines, recorder.requests, strict=True):
        path = request.target.partition("?")[0]
        assert re.fullmatch(rf"{request.method} {re.escape(recorder.address + path)} 404 [0-9]+ ms", line)


@every_client
def test_debug_logging_shows_a_connection_that_failed(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    lines = debug_lines(log_of(client, "http://127.0.0.1:9"))
    assert lines
    assert all(re.search(r"no answer \(.*refused\) [0-9]+ ms$", line) for line in lines)


@every_client
def test_no_secret_is_in_a_debug_line(client: Client, recorder: Recorder) -> None:
    for line in debug_lines(log_of(client, recorder.url)):
        assert "secret" not in line
        assert "?" not in line


@every_client
def test_without_debug_logging_no_request_is_shown(client: Client, recorder: Recorder) -> None:
    assert recorder.address not in log_of(client, recorder.url, debug=False)
    assert recorder.requests


# Retry-After


@every_client
def test_a_wait_of_less_than_a_second_is_waited_for(client: Client, recorder: Recorder) -> None:
    busy = Reply(429, {"Retry-After": "0.2"})
    recorder.replies = [Reply(), busy] if client is registry else [busy]
    log = log_of(client, recorder.url)
    statuses = [line.split()[-3] for line in without_the_probe(debug_lines(log))]
    assert statuses == ["429", "404"]
    assert "0.2 s" in log


# Trust


@every_client
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_private_authority_of_the_environment_is_trusted(
    client: Client, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = of_an_authority(tmp_path)
    with Recorder(files.certificate, files.key) as server:
        log_of(client, server.url)
        assert server.requests == []
        monkeypatch.setenv(variable, str(files.authority))
        log_of(client, server.url)
        assert server.requests


# Redirects


@every_client
def test_a_redirect_carries_no_credentials_to_another_origin(client: Client, recorder: Recorder) -> None:
    with Recorder() as other:
        moved = Reply(307, {"Location": f"{other.url}/elsewhere"})
        challenge = Reply(401, {"WWW-Authenticate": "Basic"})
        recorder.replies = [Reply(), challenge, moved] if client is registry else [moved]
        log_of(client, recorder.url)
        assert "authorization" in recorder.requests[-1].headers
        assert all("authorization" not in request.headers for request in other.requests)
        assert bool(other.requests) == (client is registry), "no other client follows it"
