"""Passwords of Azure Container Registry, from the sandbox's GitHub, Entra and exchange."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlops_actions.boundary.registry import azure
from mlops_actions.boundary.registry.cloud_token import cloud_token
from mlops_actions.boundary.runner import GitHubRunner
from mlops_actions.core import registries
from mlops_actions.core.errors import ActionError, BadInput, Refused, Unavailable
from mlops_sandbox.host import Host
from mlops_sandbox.identity import Azure, FederatedCredential, Issuer
from mlops_sandbox.identity.azure import TENANT
from mlops_sandbox.identity.github import SUBJECT
from tests.support.logs import LOG

APPLICATION = "aaaaaaaa-0000-4000-8000-000000000001"


@dataclass
class Job:
    """Azure at an address that is the registry's too, and the environment of a job that may ask for identity tokens."""

    azure: Azure
    host: str
    environ: dict[str, str]


@pytest.fixture
def job() -> Iterator[Job]:
    issuer = Issuer()
    entra = Azure(issuer)
    entra.applications[APPLICATION] = FederatedCredential(SUBJECT)
    with Host(issuer.app) as github, Host(entra.app) as host:
        environ = {**issuer.variables(github.url), "AZURE_AUTHORITY_HOST": host.url}
        environ |= {"AZURE_CLIENT_ID": APPLICATION, "AZURE_TENANT_ID": TENANT}
        yield Job(entra, host.url.removeprefix("http://"), environ)


def test_the_job_s_identity_is_exchanged_for_a_password(job: Job) -> None:
    log = io.StringIO()
    password = azure.password(job.host, job.environ, GitHubRunner({}, log))
    assert password == job.azure.registry_passwords[-1]
    for secret in (password, job.azure.tokens[-1]):
        assert f"::add-mask::{secret}\n" in log.getvalue()


@pytest.mark.parametrize(
    ("changes", "expected", "cause"),
    [
        ({"AZURE_CLIENT_ID": ""}, BadInput, "no Azure credentials"),
        ({"AZURE_TENANT_ID": ""}, BadInput, "no Azure credentials"),
        ({"AZURE_TENANT_ID": "../x"}, BadInput, "no Azure credentials"),
        ({"AZURE_TENANT_ID": "elsewhere"}, Refused, "AADSTS90002"),
        ({"AZURE_CLIENT_ID": "unknown"}, Refused, "AADSTS700016"),
        ({"AZURE_FEDERATED_TOKEN_FILE": "/nowhere/token"}, BadInput, "holds no token"),
        ({"ACTIONS_ID_TOKEN_REQUEST_URL": ""}, BadInput, "identity token"),
        ({"AZURE_AUTHORITY_HOST": "http://127.0.0.1:1"}, Unavailable, "cannot be reached"),
    ],
)
def test_a_sign_in_that_fails_names_its_cause(
    job: Job, changes: dict[str, str], expected: type[ActionError], cause: str
) -> None:
    with pytest.raises(expected, match=cause):
        azure.password(job.host, {**job.environ, **changes}, LOG, pause=lambda _: None)


@pytest.mark.parametrize(
    ("host", "cause"),
    [
        ("myteam.azurecr.io", "no Azure credentials"),
        ("azurecr.io", "no Azure credentials"),
        ("public.ecr.aws", "no AWS credentials"),
        ("111122223333.dkr.ecr.eu-west-1.amazonaws.com", "no AWS credentials"),
        ("europe-docker.pkg.dev", "does not exist here"),
    ],
)
def test_each_cloud_s_registry_gets_that_cloud_s_password(host: str, cause: str) -> None:
    with pytest.raises(BadInput, match=cause):
        cloud_token(host, {"GOOGLE_APPLICATION_CREDENTIALS": "/nowhere/key.json"}, LOG)


def test_another_repository_s_identity_is_refused(job: Job) -> None:
    job.azure.applications[APPLICATION] = FederatedCredential("repo:other/repo:ref:refs/heads/main")
    with pytest.raises(Refused, match="AADSTS700213") as refused:
        azure.password(job.host, job.environ, LOG, pause=lambda _: None)
    assert "federated credential" in refused.value.remedy


def test_a_workload_s_own_token_file_is_used(job: Job, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("no.jwt.here")
    with pytest.raises(Refused, match="AADSTS"):
        azure.password(job.host, {**job.environ, "AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "token")}, LOG)


@pytest.mark.parametrize(
    ("host", "is_azure"),
    [
        ("myteam.azurecr.io", True),
        ("myteam-abc123.azurecr.io", True),
        ("myteam.azurecr.us", True),
        ("myteam.azurecr.cn", True),
        ("azurecr.io.evil.example", False),
        ("myteam.azurecr.io.evil.example", False),
        ("myteamazurecr.io", False),
    ],
)
def test_only_azure_s_hosts_get_such_a_password(host: str, is_azure: bool) -> None:
    assert bool(registries.known(host).token_username) is is_azure
