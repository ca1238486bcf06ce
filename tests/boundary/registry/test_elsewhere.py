"""Behaviour in which Docker Hub, GitHub, Amazon and Google differ from distribution, as far as a stand-in can show it.

Each of these is what the service documents or was seen to answer; the services themselves cannot be reached from the tests.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mlops_actions.boundary.registry.client import BasicCredentials, RegistryClient
from mlops_actions.core.errors import Refused, Unavailable
from mlops_sandbox.host import Host
from mlops_sandbox.registry import Account, Fault, Registry
from tests.boundary.registry.test_hostile import MANIFEST, answers
from tests.standins.registry.test_distribution import OCI_MANIFEST, REPOSITORY, digest_of
from tests.support.logs import LOG
from tests.support.registries import PASSWORD, USER

CONTENT = b'{"schemaVersion": 2, "manifests": []}'
DIGEST = digest_of(CONTENT)


def client_of(url: str, *, pushes_to: str = REPOSITORY) -> RegistryClient:
    host = url.removeprefix("http://")
    return RegistryClient(host, BasicCredentials(USER, PASSWORD), LOG, retries=0, backoff=0, pushes_to=pushes_to)


@contextmanager
def hub(account: Account) -> Iterator[tuple[Registry, Registry, RegistryClient]]:
    """A registry, and another host that issues its tokens, as auth.docker.io does."""
    registry, realm = Registry(challenge="bearer", accounts={USER: account}), Registry()
    realm.access = registry.access
    with Host(realm.app) as signs, Host(registry.app) as serves:
        registry.access.realm = f"{signs.url}/token"
        yield registry, realm, client_of(serves.url)


def test_docker_hub_s_api_has_a_host_of_its_own() -> None:
    assert RegistryClient("docker.io", None, LOG).base_url == "https://registry-1.docker.io"
    assert RegistryClient("ghcr.io", None, LOG).base_url == "https://ghcr.io"


def test_a_realm_on_another_host_gets_the_password_and_the_registry_never() -> None:
    with hub(Account(PASSWORD)) as (registry, realm, client):
        client.require_push(REPOSITORY)
        assert client.manifest(REPOSITORY, "v1") is None
        assert client.tags(REPOSITORY) == []
        assert [(entry.path, entry.credentials) for entry in realm.log] == [("/token", "basic")]
        assert {entry.credentials for entry in registry.log} == {"", "bearer"}
        assert "scope=repository%3Aowner%2Frepo%2Fimage%3Apull%2Cpush" in realm.log[0].query


def test_a_read_only_access_token_reads_and_does_not_push() -> None:
    """Docker Hub silently grants less than requested, and refuses the push itself."""
    with hub(Account(PASSWORD, frozenset({"pull"}))) as (_, realm, client):
        assert client.manifest(REPOSITORY, "v1") is None
        with pytest.raises(Refused, match="401") as refused:
            client.require_push(REPOSITORY)
        assert "check 'username' and 'password'" in refused.value.remedy
        assert len(realm.log) == 2  # one more request, in case the first token has expired, and no further


def test_a_wrong_password_is_refused_by_the_realm() -> None:
    with hub(Account("another password")) as (_, _, client), pytest.raises(Refused, match="signing in"):
        client.require_push(REPOSITORY)


def test_an_expired_token_is_fetched_again() -> None:
    with hub(Account(PASSWORD)) as (registry, realm, client):
        client.require_push(REPOSITORY)
        registry.access._tokens.clear()
        client.require_push(REPOSITORY)
        assert len(realm.log) == 2


def test_docker_hub_s_pull_limit_is_reported() -> None:
    with hub(Account(PASSWORD)) as (registry, _, client):
        body = {"errors": [{"code": "TOOMANYREQUESTS", "message": "You have reached your pull rate limit."}]}
        registry.faults.append(Fault("GET", MANIFEST, 429, {"Retry-After": "0"}, body=json.dumps(body).encode(), times=9))
        with pytest.raises(Unavailable, match="pull rate limit"):
            client.manifest(REPOSITORY, "v1")


@contextmanager
def basic() -> Iterator[tuple[Registry, RegistryClient]]:
    """A registry with basic authentication, as Amazon's."""
    registry = Registry(challenge="basic", accounts={USER: Account(PASSWORD)})
    with Host(registry.app) as host:
        yield registry, client_of(host.url)


def test_amazon_s_basic_challenge_is_answered_without_using_its_realm() -> None:
    with basic() as (registry, client):
        challenge = 'Basic realm="https://123456789012.dkr.ecr.eu-west-1.amazonaws.com/",service="ecr.amazonaws.com"'
        registry.faults.append(Fault("GET", MANIFEST, 401, {"WWW-Authenticate": challenge}))
        assert client.manifest(REPOSITORY, "v1") is None
        client.require_push(REPOSITORY)
        # After the first challenge, name and password go with every request and cost no further one.
        assert [entry.status for entry in registry.log if entry.path != "/v2/"] == [401, 404, 202, 204]


def test_amazon_s_layers_are_on_another_host_that_gets_no_password() -> None:
    with basic() as (registry, client), Host((storage := Registry()).app) as elsewhere:
        client.require_push(REPOSITORY)
        storage.faults.append(Fault("GET", "/bucket/.*", 200, body=CONTENT))
        moved = {"Location": f"{elsewhere.url}/bucket/x?X-Amz-Signature=y"}
        registry.faults.append(Fault("GET", rf"/v2/{REPOSITORY}/blobs/.*", 307, moved))
        assert client.blob(REPOSITORY, DIGEST) == CONTENT
        assert [entry.credentials for entry in storage.log] == [""]


def test_an_upload_that_cannot_be_cancelled_is_left() -> None:
    with basic() as (registry, client):
        registry.faults.append(Fault("DELETE", "/v2/.*", 405))
        client.require_push(REPOSITORY)


def test_a_repository_that_must_be_created_first_is_reported() -> None:
    with basic() as (registry, client):
        body = {"errors": [{"code": "NAME_UNKNOWN", "message": "The repository with name 'x' does not exist"}]}
        registry.faults.append(Fault("POST", "/v2/.*", 404, body=json.dumps(body).encode()))
        with pytest.raises(Refused, match="does not exist") as refused:
            client.require_push(REPOSITORY)
        assert "must exist before the first push" in refused.value.remedy


def test_an_immutable_tag_is_reported() -> None:
    with basic() as (registry, client):
        message = "The image tag 'v1' already exists and cannot be overwritten because the repository is immutable."
        body = {"errors": [{"code": "TAG_INVALID", "message": message}]}
        registry.faults.append(Fault("PUT", MANIFEST, 400, body=json.dumps(body).encode()))
        with pytest.raises(Refused, match="cannot be overwritten") as refused:
            client.put_manifest(REPOSITORY, "v1", CONTENT, OCI_MANIFEST)
        assert "such as 'latest' out of 'tags'" in refused.value.remedy


def test_a_registry_that_shares_no_layers_starts_an_upload_instead() -> None:
    with basic() as (registry, client):
        upload = registry.store.start_upload("owner/other")
        upload.append(CONTENT)
        registry.store.finish_upload("owner/other", upload, DIGEST)
        address = {"Location": f"/v2/{REPOSITORY}/blobs/uploads/1"}
        registry.faults.append(Fault("POST", f"/v2/{REPOSITORY}/blobs/uploads/", 202, address))
        assert not client.mount_blob(REPOSITORY, DIGEST, "owner/other")


def test_the_digest_of_a_manifest_without_the_header_is_computed() -> None:
    """The header is optional in the specification."""
    with basic() as (registry, client):
        registry.faults.append(Fault("HEAD", MANIFEST, 200))
        answers(registry, CONTENT)
        assert client.digest_of(REPOSITORY, "v1") == DIGEST
