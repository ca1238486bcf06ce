"""Whole jobs on a GKE cluster, with every kind of credentials: Google's own libraries against a stand-in."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.boundary import google
from mlops_actions.boundary.cluster import gke
from mlops_sandbox.cluster import Cluster, LocalImage, ProcessExecutor
from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.host import Host
from mlops_sandbox.identity import Issuer
from tests.actions.argo_submit.job import SUSPENDED, Job, read_until, resume, shell
from tests.support.cluster_certificates import Certificate, for_loopback
from tests.support.gke_platform import Platform, account_key

CALLER = "caller-0123456789"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return for_loopback(tmp_path_factory.mktemp("certificate"), "gke")


@pytest.fixture
def platform(certificate: Certificate, tmp_path: Path) -> Iterator[Platform]:
    with Cluster(ProcessExecutor({"": LocalImage()})) as cluster:
        made = Platform(cluster, certificate, tmp_path)
        with made.api, made.host:
            made.describe()
            yield made


@pytest.fixture
def job(platform: Platform, tmp_path: Path) -> Job:
    made = Job(tmp_path)
    # The metadata server is at a fixed address; Google's libraries take another from these.
    nowhere = {"GCE_METADATA_HOST": "127.0.0.1:9", "GCE_METADATA_IP": "127.0.0.1:9", "GCE_METADATA_TIMEOUT": "1"}
    made.environ |= {"PATH": os.environ["PATH"], "HOME": str(tmp_path), gke.ENDPOINT_VARIABLE: platform.host.url, **nowhere}
    return made


def federated(platform: Platform, directory: Path, **more: Any) -> dict[str, Any]:
    """What google-github-actions/auth writes for workload identity federation."""
    token = directory / "oidc-token"
    token.write_text(CALLER)
    return {
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/github",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{platform.host.url}/v1/token",
        "credential_source": {"file": str(token)},
        **more,
    }


def run(job: Job, **inputs: str) -> int:
    """Run the action as a process: Google's libraries read their environment when they are imported."""
    where = {"gke_cluster": "train", "gke_location": "europe-west1"}
    process = job.start(**{"workflow": shell("echo there"), **where, **inputs})
    job.log, _ = process.communicate(timeout=90)
    return process.returncode


def test_a_key_as_input(job: Job, platform: Platform) -> None:
    assert run(job, google_credentials=account_key(platform)) == 0, job.log
    assert "\nthere\n" in job.log
    [token] = platform.google.tokens
    assert f"::add-mask::{token}" in job.log


def test_a_key_in_the_file_of_the_auth_action(job: Job, platform: Platform) -> None:
    """Named by its path on the host, which is none in a container."""
    (job.workspace / "gha-creds-0123456789abcdef.json").write_text(account_key(platform))
    job.environ["GOOGLE_APPLICATION_CREDENTIALS"] = "/home/runner/work/digits/digits/gha-creds-0123456789abcdef.json"
    assert run(job) == 0, job.log


@pytest.mark.parametrize("impersonates", [False, True])
def test_workload_identity_federation(job: Job, platform: Platform, impersonates: bool) -> None:
    account = f"{platform.host.url}/v1/projects/-/serviceAccounts/ci@acme.test:generateAccessToken"
    more = {"service_account_impersonation_url": account} if impersonates else {}
    file = job.directory / "credentials.json"
    file.write_text(json.dumps(federated(platform, job.directory, **more)))
    job.environ["GOOGLE_APPLICATION_CREDENTIALS"] = str(file)
    assert run(job, gke_project="acme") == 0, job.log
    assert set(platform.google.presented) == {CALLER}
    assert len(platform.google.tokens) == (2 if impersonates else 1)
    assert CALLER not in job.log.replace(f"::add-mask::{CALLER}", "")


def test_the_metadata_server_of_a_machine_of_googles(job: Job, platform: Platform) -> None:
    address = platform.host.url.removeprefix("http://")
    job.environ |= {"GCE_METADATA_HOST": address, "GCE_METADATA_IP": address}
    assert run(job) == 0, job.log
    assert len(platform.google.tokens) == 1


def test_without_any_credentials(job: Job) -> None:
    assert run(job) == 2
    assert "there are no usable credentials for Google" in job.error
    assert "google-github-actions/auth" in job.error


@pytest.mark.parametrize("endpoint", ["auto", "private", "public"])
def test_the_endpoint_that_is_chosen_is_the_one_that_is_used(job: Job, platform: Platform, endpoint: str) -> None:
    address = platform.api.url.removeprefix("https://")
    closed = {"privateEndpoint": address, "enablePrivateEndpoint": True}
    elsewhere = {"endpoint": "127.0.0.1:9", "privateClusterConfig": closed}
    platform.describe(**(elsewhere if endpoint != "public" else {}))
    assert run(job, google_credentials=account_key(platform), gke_endpoint=endpoint) == 0, job.log


def test_the_dns_endpoint_is_trusted_by_the_systems_authorities_alone(job: Job, platform: Platform) -> None:
    """Its certificate is of the public web; ours is not, so the token must not reach it."""
    dns = {"endpoint": platform.api.url.removeprefix("https://"), "allowExternalTraffic": True}
    platform.describe(controlPlaneEndpointsConfig={"dnsEndpointConfig": dns})
    process = job.start(
        workflow=shell("true"),
        gke_cluster="train",
        gke_location="europe-west1",
        gke_endpoint="dns",
        google_credentials=account_key(platform),
    )
    assert process.stdout is not None
    job.log, _ = process.communicate(timeout=90)
    assert process.returncode == 4
    assert "could not prove who it is" in job.error
    assert platform.cluster.requests == []


def test_tokens_that_expire_while_one_waits_are_renewed(job: Job, platform: Platform) -> None:
    platform.google.lifetime = 1  # Google's library renews what has less than some minutes left: before each request
    assert run(job, google_credentials=account_key(platform), workflow=shell("sleep 2; echo there")) == 0, job.log
    assert len(platform.google.tokens) > 3
    assert "\nthere\n" in job.log


def following(job: Job, platform: Platform) -> tuple[subprocess.Popen[str], str]:
    """Start a job, and return it with its log when it waits for somebody to resume the workflow."""
    process = job.start(
        workflow=SUSPENDED,
        idempotency="none",
        gke_cluster="train",
        gke_location="europe-west1",
        google_credentials=account_key(platform),
    )
    return process, read_until(process, "is suspended")


def test_a_token_that_is_refused_before_its_time_is_replaced(job: Job, platform: Platform) -> None:
    process, log = following(job, platform)
    first = list(platform.google.tokens)
    platform.revoke()
    platform.cluster.close_watches()

    platform.cluster.store.change(WORKFLOWS, "default", "held", resume)
    rest, _ = process.communicate(timeout=90)
    assert process.returncode == 0, log + rest
    assert len(platform.google.tokens) == len(first) + 1


def test_an_account_that_is_gone_while_one_waits_is_told(job: Job, platform: Platform) -> None:
    process, log = following(job, platform)
    platform.google.refuses = True
    platform.revoke()
    platform.cluster.close_watches()
    rest, _ = process.communicate(timeout=90)
    assert process.returncode == 3, log + rest
    assert "Google does not accept the credentials" in rest


PROVIDER = "projects/1/locations/global/workloadIdentityPools/github/providers/actions"


@pytest.fixture
def issuer(job: Job, platform: Platform) -> Iterator[Issuer]:
    """A job with `id-token: write`, whose Google is the stand-in."""
    made = Issuer()
    with Host(made.app) as host:
        job.environ |= made.variables(host.url)
        job.environ |= dict.fromkeys((google.STS_VARIABLE, google.IAM_VARIABLE), platform.host.url)
        yield made


@pytest.mark.parametrize("account", ["", "ci@acme.iam.gserviceaccount.com"], ids=["no account", "an account"])
def test_the_jobs_identity_token_signs_in_without_a_key(job: Job, platform: Platform, issuer: Issuer, account: str) -> None:
    more = {"google_service_account": account} if account else {}
    assert run(job, google_identity_provider=PROVIDER, gke_project="acme", **more) == 0, job.log
    assert "\nthere\n" in job.log
    claims = issuer.verify(platform.google.presented[0], f"https://iam.googleapis.com/{PROVIDER}")
    assert claims["sub"].startswith("repo:")
    for secret in (*platform.google.presented, *platform.google.tokens, issuer.request_token):
        assert f"::add-mask::{secret}" in job.log or secret not in job.log
        assert secret not in job.log.replace(f"::add-mask::{secret}", "")
    assert platform.google.tokens[-1] in job.log


def test_without_the_right_to_an_identity_token_the_error_names_the_line(job: Job, platform: Platform) -> None:
    assert run(job, google_identity_provider=PROVIDER, gke_project="acme") == 2
    assert "id-token: write" in job.log
    assert platform.google.presented == []


def test_google_s_refusal_of_the_identity_token_is_said(job: Job, platform: Platform, issuer: Issuer) -> None:
    platform.google.refuses = True
    assert run(job, google_identity_provider=PROVIDER, gke_project="acme") == 3
    assert "The given credential is rejected." in job.log
    assert "google-identity-provider" in job.log


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"google_identity_provider": "github"}, "the full name of a provider"),
        ({"google_identity_provider": PROVIDER, "google_credentials": "{}"}, "both sign in to Google"),
        ({"google_service_account": "ci@acme.test"}, "has no meaning without 'google-identity-provider'"),
        ({"google_identity_provider": PROVIDER, "google_service_account": "x/y@z"}, "the e-mail address"),
    ],
)
def test_what_does_not_go_together_is_refused(job: Job, inputs: dict[str, str], said: str) -> None:
    assert run(job, **inputs) == 2
    assert said in job.log
