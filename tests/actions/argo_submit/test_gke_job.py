"""Whole jobs on a GKE cluster, with every kind of credentials: Google's own libraries against a stand-in."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.boundary.cluster import gke
from mlops_sandbox.cluster import Cluster, LocalImage, ProcessExecutor
from mlops_sandbox.cluster.resources import WORKFLOWS
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
