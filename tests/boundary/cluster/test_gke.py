"""GKE by Google's own libraries, against a stand-in of the token endpoint and the container API."""

from __future__ import annotations

import base64
import io
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mlops_actions.boundary.cluster import gke
from mlops_actions.boundary.google import SignIn
from mlops_actions.boundary.runner import GitHubRunner
from mlops_actions.core.errors import ActionError, BadInput, Refused
from mlops_sandbox.cluster import Cluster, LocalImage, ProcessExecutor
from mlops_sandbox.host import Host
from tests.actions.argo_submit.job import Job, shell
from tests.actions.odd_answers.answers import NO_CONTENT, ODD, OF_THE_BODY
from tests.support.cluster_certificates import Certificate, for_loopback
from tests.support.git import commit
from tests.support.google import Google
from tests.support.interceptor import Interceptor

NAME = "projects/acme/locations/europe-west1/clusters/train"
DNS = "gke-1.europe-west1.gke.goog"
BOTH: dict[str, Any] = {
    "endpoint": "203.0.113.5",
    "masterAuth": {"clusterCaCertificate": ""},  # made for each run
    "privateClusterConfig": {"privateEndpoint": "10.0.0.2", "publicEndpoint": "203.0.113.5"},
    "controlPlaneEndpointsConfig": {"dnsEndpointConfig": {"endpoint": DNS, "allowExternalTraffic": True}},
}  # fmt: skip
PRIVATE = {"privateEndpoint": "10.0.0.2", "enablePrivateEndpoint": True}
CLOSED = {**BOTH, "endpoint": "10.0.0.2", "privateClusterConfig": PRIVATE}
NO_DNS = {**CLOSED, "controlPlaneEndpointsConfig": {"dnsEndpointConfig": {"endpoint": DNS, "allowExternalTraffic": False}}}


@pytest.fixture(scope="session")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(pem, pkcs8, serialization.NoEncryption()).decode()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return for_loopback(tmp_path_factory.mktemp("certificate"), "gke")


@pytest.fixture
def google(certificate: Certificate) -> Google:
    authority = {"clusterCaCertificate": base64.b64encode(certificate.certificate.read_bytes()).decode()}
    clusters = {"train": BOTH, "closed": CLOSED, "nodns": NO_DNS}
    return Google({NAME.replace("train", name): {**one, "masterAuth": authority} for name, one in clusters.items()})


@pytest.fixture
def interceptor(google: Google) -> Interceptor:
    return Interceptor(google.app, prefix="")


@pytest.fixture
def host(interceptor: Interceptor) -> Iterator[Host]:
    with Host(interceptor) as one:
        yield one


@pytest.fixture
def key(host: Host, private_key: str) -> str:
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "acme",
            "client_email": "ci@acme.test",
            "private_key": private_key,
            "token_uri": f"{host.url}/token",
        }
    )


def connect(
    host: Host,
    key: str | None,
    tmp_path: Path,
    *,
    cluster: str = "train",
    endpoint: str = "auto",
    project: str = "",
    **environ: str,
) -> tuple[str, str]:
    """Return the server's address and the log."""
    log = io.StringIO()
    runner = GitHubRunner({"RUNNER_TEMP": str(tmp_path)}, log)
    ref = gke.ClusterRef(cluster=cluster, location="europe-west1", project=project, endpoint=endpoint)
    environ = {gke.ENDPOINT_VARIABLE: host.url, "GITHUB_WORKSPACE": str(tmp_path), **environ}
    transport, namespace = gke.connect(ref, SignIn(key or ""), environ, runner, lambda _seconds: None)
    assert namespace == "default"
    return transport.server, log.getvalue()


@pytest.mark.parametrize(
    ("cluster", "endpoint", "address"),
    [
        ("train", "auto", "203.0.113.5"),
        ("train", "public", "203.0.113.5"),
        ("train", "private", "10.0.0.2"),
        ("train", "dns", DNS),
        ("closed", "auto", DNS),
        ("nodns", "auto", "10.0.0.2"),
    ],
)
def test_the_endpoint_is_chosen(host: Host, key: str, tmp_path: Path, cluster: str, endpoint: str, address: str) -> None:
    server, _ = connect(host, key, tmp_path, cluster=cluster, endpoint=endpoint)
    assert server == f"https://{address}"


@pytest.mark.parametrize(("cluster", "endpoint"), [("closed", "public"), ("nodns", "dns")])
def test_an_endpoint_that_the_cluster_has_not(host: Host, key: str, tmp_path: Path, cluster: str, endpoint: str) -> None:
    with pytest.raises(BadInput, match=f"has no {endpoint} endpoint"):
        connect(host, key, tmp_path, cluster=cluster, endpoint=endpoint)


def test_key_and_token_are_masked(host: Host, key: str, tmp_path: Path, google: Google, private_key: str) -> None:
    _, log = connect(host, base64.b64encode(key.encode()).decode(), tmp_path)
    assert f"::add-mask::{google.tokens[0]}" in log
    assert all(f"::add-mask::{line}" in log for line in private_key.splitlines() if len(line) > 3)


def test_the_file_of_the_auth_action_is_found_though_its_path_is_the_hosts(host: Host, key: str, tmp_path: Path) -> None:
    (tmp_path / "gha-creds-0123456789abcdef.json").write_text(key)
    server, _ = connect(
        host, None, tmp_path, GOOGLE_APPLICATION_CREDENTIALS="/home/runner/work/r/r/gha-creds-0123456789abcdef.json"
    )
    assert server == "https://203.0.113.5"


def test_a_planted_credentials_file_is_not_taken(host: Host, key: str, tmp_path: Path, google: Google) -> None:
    """A pull request can hold one; it could have the job's own identity sent to an address of its choice."""
    (tmp_path / "gha-creds-planted.json").write_text(key)
    with pytest.raises(BadInput, match="does not exist here"):
        connect(host, None, tmp_path, GOOGLE_APPLICATION_CREDENTIALS="/home/runner/work/r/r/gha-creds-0123456789abcdef.json")
    assert google.tokens == []


def test_a_token_is_renewed_when_it_expires_or_is_not_accepted(host: Host, key: str, google: Google) -> None:
    from google.oauth2 import service_account

    runner = GitHubRunner({}, io.StringIO())
    info = json.loads(key)
    google.lifetime = 1  # google-auth renews what has less than some minutes left
    token = gke.Token(service_account.Credentials.from_service_account_info(info, scopes=gke.SCOPES), runner)  # type: ignore[no-untyped-call]
    assert token() != token()
    google.lifetime = 3600
    first = token()
    assert token() == first
    token.renew("Bearer an older one")  # several threads that were refused together get one
    assert token() == first
    token.renew(f"Bearer {first}")
    assert token() != first


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"cluster": "none"}, "Google knows no cluster 'none' in 'europe-west1' of the project 'acme'"),
        ({"project": "forbidden"}, "Google does not let this account see the cluster"),
    ],
)
def test_a_refusal_is_put_into_words(host: Host, key: str, tmp_path: Path, changes: dict[str, str], cause: str) -> None:
    with pytest.raises(Refused, match=cause):
        connect(host, key, tmp_path, **changes)


def test_an_account_that_google_does_not_know(host: Host, key: str, tmp_path: Path, google: Google) -> None:
    google.refuses = True
    with pytest.raises(Refused, match="Google does not accept the credentials"):
        connect(host, key, tmp_path)


@pytest.mark.parametrize(
    ("key", "cause"),
    [
        ("no json", "neither JSON nor the base64 of JSON"),
        ("{}", "is of the type '', not one of service_account"),
        ('{"type": "service_account", "private_key": "s3cret"}', "no usable credentials"),
        ('{"type": "external_account", "credential_source": {"executable": {"command": "id"}}}', "have a program run"),
    ],
)
def test_credentials_that_cannot_be_used(host: Host, tmp_path: Path, key: str, cause: str) -> None:
    with pytest.raises(BadInput, match=cause) as caught:
        connect(host, key, tmp_path)
    assert "s3cret" not in str(caught.value)


def test_the_plug_in_of_a_kubeconfig_is_replaced(tmp_path: Path, key: str, google: Google) -> None:
    with Cluster(ProcessExecutor({"": LocalImage()})) as cluster, Host(cluster.app) as api:
        config = yaml.safe_load(cluster.kubeconfig(api.url))
        config["users"][0]["user"] = {"exec": {"command": "/usr/bin/gke-gcloud-auth-plugin", "apiVersion": "v1"}}
        job = Job(tmp_path)
        assert job.run(workflow=shell("true"), kubeconfig=yaml.safe_dump(config), google_credentials=key) == 3, job.log
    # Google's token reached the cluster, which (being no GKE) does not know it, nor the one that was asked for then.
    assert "does not accept the credentials (401)" in job.error
    assert len(google.tokens) == 2


def test_a_kubeconfig_or_credentials_of_the_commit_get_nothing_of_google(tmp_path: Path, key: str, google: Google) -> None:
    """A pull request can change the server of the one, and in the other what is sent where as proof of identity."""
    job = Job(tmp_path)
    subprocess.run(["git", "init", "--quiet", str(job.workspace)], check=True)
    with Cluster(ProcessExecutor({"": LocalImage()})) as cluster, Host(cluster.app) as api:
        config = yaml.safe_load(cluster.kubeconfig(api.url))
        for user in ({"exec": {"command": "gke-gcloud-auth-plugin"}}, {"auth-provider": {"name": "gcp"}}):
            config["users"][0]["user"] = user
            commit(job.workspace, {"kubeconfig": yaml.safe_dump(config), "google.json": key}, "collect a token")
            inputs = {"workflow": shell("true"), "google_credentials": key}
            assert job.run(kubeconfig=str(job.workspace / "kubeconfig"), **inputs) == 2, job.log
            assert "chooses the server that gets a token of this job" in job.error
            written = job.workspace / job.write("gha-kubeconfig", yaml.safe_dump(config))
            assert job.run(kubeconfig=str(written), **inputs) == 3, job.log
            assert "does not accept the credentials (401)" in job.error  # it got the token, and is no GKE
            written.unlink()
        assert len(google.tokens) == 4
        job.environ["GOOGLE_APPLICATION_CREDENTIALS"] = str(job.workspace / "google.json")
        assert job.run(workflow=shell("true"), kubeconfig=yaml.safe_dump(config)) == 2, job.log
        assert "GOOGLE_APPLICATION_CREDENTIALS names the file" in job.error
    assert len(google.tokens) == 4


def test_two_clusters_are_one_too_many(tmp_path: Path) -> None:
    job = Job(tmp_path)
    assert job.run(workflow=shell("true"), gke_cluster="train", kubeconfig="kubeconfig") == 2
    assert "inputs 'gke-cluster' and 'kubeconfig' both name a cluster" in job.error


def test_the_location_is_needed(tmp_path: Path, key: str) -> None:
    job = Job(tmp_path)
    assert job.run(workflow=shell("true"), gke_cluster="train", google_credentials=key) == 2
    assert "input 'gke-cluster' needs 'gke-location'" in job.error


@pytest.mark.parametrize("route", ["GET /v1/**", "POST /token"])
def test_an_odd_answer_is_an_error_with_a_remedy(
    host: Host, interceptor: Interceptor, key: str, tmp_path: Path, route: str
) -> None:
    for name, change in {**ODD, **NO_CONTENT, **OF_THE_BODY}.items():
        if name == "as HTML":
            continue  # Google's library reads the body whatever its media type
        interceptor.arm(route, change)
        with pytest.raises(ActionError) as error:
            connect(host, key, tmp_path)
        assert error.value.remedy, name
        assert interceptor.changed, name
