"""The suite's registry client against a real registry and the sandbox's, and against faults of a registry."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import urllib3

from mlops_actions.boundary.registry.client import BasicCredentials, RegistryClient
from mlops_actions.boundary.registry.transport import unreachable
from mlops_actions.core.errors import Refused, Unavailable
from mlops_actions.core.oci import Manifest
from mlops_actions.core.registries import remedy_of_denial
from mlops_sandbox.host import Host
from mlops_sandbox.registry import Account, Fault, Registry
from mlops_sandbox.registry.store import Repository, StoredManifest
from tests.standins.registry.test_distribution import OCI_MANIFEST, REPOSITORY, digest_of, image, put
from tests.support.certificates import of_an_authority, self_signed
from tests.support.logs import LOG
from tests.support.registries import BASIC, KINDS, PASSWORD, USER, Target, start

MANIFEST_PATH = rf"/v2/{REPOSITORY}/manifests/.*"


def host_of(url: str) -> str:
    return url.removeprefix("http://")


def client_of(target: Target) -> RegistryClient:
    credentials = BasicCredentials(USER, PASSWORD) if target.credentials else None
    return RegistryClient(host_of(target.url), credentials, LOG, backoff=0)


@pytest.fixture(params=["none", "basic"])
def any_target(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> Iterator[Target]:
    """A registry of each kind, with and without a password."""
    with start(kind, request.param, tmp_path) as url, urllib3.PoolManager() as http:
        yield Target(url, BASIC if request.param == "basic" else {}, http)


def test_a_manifest_is_read_and_tagged_again_with_its_digest(any_target: Target) -> None:
    content = image(any_target)
    put(any_target, content, "ctx-1")
    client = client_of(any_target)
    manifest = client.manifest(REPOSITORY, "ctx-1")
    assert manifest == Manifest(digest_of(content), OCI_MANIFEST, content)
    client.put_manifest(REPOSITORY, "latest", manifest.content, manifest.media_type)
    assert client.digest_of(REPOSITORY, "latest") == digest_of(content)
    assert sorted(client.tags(REPOSITORY)) == ["ctx-1", "latest"]
    assert client.blob(REPOSITORY, manifest.document["config"]["digest"]) == b'{"made": "image"}'


def test_a_missing_manifest_is_none(any_target: Target) -> None:
    client = client_of(any_target)
    assert client.digest_of(REPOSITORY, "latest") is None
    assert client.manifest(REPOSITORY, "latest") is None
    assert client.tags(REPOSITORY) == []


def test_a_blob_is_found_without_reading_it(any_target: Target) -> None:
    content = image(any_target)
    put(any_target, content, "ctx-1")
    client = client_of(any_target)
    assert client.has_blob(REPOSITORY, json.loads(content)["config"]["digest"])
    assert not client.has_blob(REPOSITORY, digest_of(b"nobody pushed this"))


def test_the_right_to_push_is_known_before_anything_is_built(any_target: Target) -> None:
    client_of(any_target).require_push(REPOSITORY)


def test_a_wrong_password_is_refused(guarded: Target) -> None:
    client = RegistryClient(host_of(guarded.url), BasicCredentials(USER, "wrong"), LOG, backoff=0)
    with pytest.raises(Refused, match=r"401.*UNAUTHORIZED") as refused:
        client.require_push(REPOSITORY)
    assert "check 'username' and 'password'" in refused.value.remedy


def test_a_missing_password_is_reported(guarded: Target) -> None:
    with pytest.raises(Refused) as refused:
        RegistryClient(host_of(guarded.url), None, LOG, backoff=0).require_push(REPOSITORY)
    assert "give 'username' and 'password'" in refused.value.remedy
    assert "a container action does not see the login of an earlier step" in refused.value.remedy


@contextmanager
def sandbox(**options: object) -> Iterator[tuple[Registry, Target]]:
    registry = Registry(**options)  # type: ignore[arg-type]
    with Host(registry.app) as host, urllib3.PoolManager() as http:
        yield registry, Target(host.url, {}, http)


def test_one_token_per_scope_serves_all_calls() -> None:
    with sandbox(challenge="bearer", accounts={USER: Account(PASSWORD)}) as (registry, target):
        client = RegistryClient(host_of(target.url), BasicCredentials(USER, PASSWORD), LOG, backoff=0)
        client.require_push(REPOSITORY)
        client.require_push(REPOSITORY)
        client.digest_of(REPOSITORY, "latest")
        client.tags(REPOSITORY)
        assert len([entry for entry in registry.log if entry.path == "/token"]) == 2
        assert {entry.credentials for entry in registry.log if entry.path == "/token"} == {"basic"}
        assert "basic" not in {entry.credentials for entry in registry.log if entry.path != "/token"}


@pytest.mark.parametrize("status", [403, 405, 501])
@pytest.mark.parametrize("is_there", [True, False])
def test_a_blob_is_found_where_head_is_not_served(status: int, is_there: bool) -> None:
    """A storage that a registry redirects to may serve GET alone: its address is signed for one method."""
    with sandbox() as (registry, target):
        content = image(target)
        put(target, content, "ctx-1")
        digest = json.loads(content)["config"]["digest"] if is_there else digest_of(b"nobody pushed this")
        registry.faults.append(Fault("HEAD", r"/v2/.*/blobs/.*", status))
        assert RegistryClient(host_of(target.url), None, LOG, backoff=0).has_blob(REPOSITORY, digest) == is_there


def test_a_blob_that_may_not_be_read_is_refused_and_not_missing() -> None:
    with sandbox() as (registry, target):
        registry.faults += [Fault(method, r"/v2/.*/blobs/.*", 403) for method in ("HEAD", "GET")]
        with pytest.raises(Refused, match=r"looking for a layer of .* failed with status 403"):
            RegistryClient(host_of(target.url), None, LOG, backoff=0).has_blob(REPOSITORY, digest_of(b"a layer"))


def test_a_token_without_the_right_to_push_is_refused() -> None:
    accounts = {USER: Account(PASSWORD, frozenset({"pull"}))}
    with sandbox(challenge="bearer", accounts=accounts) as (registry, target):
        with pytest.raises(Refused):
            RegistryClient(host_of(target.url), BasicCredentials(USER, PASSWORD), LOG, backoff=0).require_push(REPOSITORY)
        # A challenge is answered once, so that a registry that always refuses is not asked forever.
        assert len([entry for entry in registry.log if entry.path == "/token"]) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_temporary_failure_is_tried_again(status: int) -> None:
    with sandbox() as (registry, target):
        content = image(target)
        registry.faults.append(Fault("PUT", MANIFEST_PATH, status, times=2))
        client = RegistryClient(host_of(target.url), None, LOG, retries=2, backoff=0)
        client.put_manifest(REPOSITORY, "v1", content, OCI_MANIFEST)
        assert client.digest_of(REPOSITORY, "v1") == digest_of(content)


def test_a_lasting_failure_is_reported() -> None:
    with sandbox() as (registry, target):
        registry.faults.append(Fault("HEAD", MANIFEST_PATH, 503, times=9))
        client = RegistryClient(host_of(target.url), None, LOG, retries=2, backoff=0)
        with pytest.raises(Unavailable, match="503"):
            client.digest_of(REPOSITORY, "v1")
        assert [entry.method for entry in registry.log].count("HEAD") == 3


def test_a_broken_connection_is_tried_again() -> None:
    with sandbox() as (registry, target):
        put(target, image(target), "v1")
        cut = Fault("GET", MANIFEST_PATH, 200, cut=True)
        registry.faults.append(cut)
        client = RegistryClient(host_of(target.url), None, LOG, retries=2, backoff=0)
        assert client.manifest(REPOSITORY, "v1") is not None
        cut.times = 2
        with pytest.raises(Unavailable, match="broke off"):
            client.manifest(REPOSITORY, "v1")


def test_an_unreachable_registry_is_reported() -> None:
    with sandbox() as (_, target):
        host = host_of(target.url)
    with pytest.raises(Unavailable, match=host):
        RegistryClient(host, None, LOG, retries=1, backoff=0).digest_of(REPOSITORY, "v1")


@pytest.mark.parametrize(
    ("host", "remedy"),
    [
        ("127.0.0.1:9", "give an address that the runner and its containers both reach"),
        ("localhost:9", "give an address that the runner and its containers both reach"),
        ("registry.invalid", "check the input 'registry' and the network"),
    ],
)
def test_a_registry_that_nobody_reaches_has_the_remedy_of_its_address(host: str, remedy: str) -> None:
    """A runner gives the action's container a network of its own: the job's `localhost:5000` is not there."""
    with pytest.raises(Unavailable, match="cannot be reached") as unavailable:
        RegistryClient(host, None, LOG, retries=0, backoff=0).require_push(REPOSITORY)
    assert remedy in unavailable.value.remedy


def test_a_registry_without_tls_is_told_how_to_be_allowed() -> None:
    refused = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1029)")
    error = urllib3.exceptions.SSLError(refused)
    unavailable = unreachable("https://r.internal:5000/v2/", error)
    assert "answers without TLS" in unavailable.cause
    assert "insecure-registries: r.internal:5000" in unavailable.remedy


def test_a_redirect_to_another_host_goes_without_credentials() -> None:
    accounts = {USER: Account(PASSWORD)}
    with sandbox() as (elsewhere, other), sandbox(challenge="basic", accounts=accounts) as (registry, target):
        content = image(other)
        put(other, content, "v1")
        elsewhere.log.clear()
        moved = {"Location": f"{other.url}/v2/{REPOSITORY}/manifests/v1"}
        client = RegistryClient(host_of(target.url), BasicCredentials(USER, PASSWORD), LOG, backoff=0)
        client.require_push(REPOSITORY)  # so that credentials are known and would be sent
        registry.faults.append(Fault("GET", MANIFEST_PATH, 307, moved, times=2))
        assert client.manifest(REPOSITORY, "v1") is not None
        assert [entry.credentials for entry in elsewhere.log] == [""]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_write_follows_no_redirect_to_another_host(status: int) -> None:
    accounts = {USER: Account(PASSWORD)}
    with sandbox() as (elsewhere, other), sandbox(challenge="basic", accounts=accounts) as (registry, target):
        client = RegistryClient(host_of(target.url), BasicCredentials(USER, PASSWORD), LOG, backoff=0)
        client.require_push(REPOSITORY)
        registry.faults.append(Fault("PUT", MANIFEST_PATH, status, {"Location": f"{other.url}/v2/x/manifests/v1"}))
        with pytest.raises(Refused, match=f"redirects writes to {other.url}") as refused:
            client.put_manifest(REPOSITORY, "v1", b"{}", OCI_MANIFEST)
        assert "give that host as 'registry'" in refused.value.remedy
        assert elsewhere.log == []


@pytest.mark.parametrize("form", ["path", "address"])
def test_a_write_follows_a_redirect_within_its_registry(form: str) -> None:
    with sandbox(challenge="basic", accounts={USER: Account(PASSWORD)}) as (registry, target):
        target.credentials = BASIC
        content = image(target)
        registry.quirks.redirect_writes = form
        client = RegistryClient(host_of(target.url), BasicCredentials(USER, PASSWORD), LOG, retries=0, backoff=0)
        client.require_push(REPOSITORY)
        client.put_manifest(REPOSITORY, "v1", content, OCI_MANIFEST)
        assert registry.store.digest_of_tag(REPOSITORY, "v1") == digest_of(content)


def test_a_host_that_a_registry_redirects_to_gets_no_password() -> None:
    """It may ask for a login, and name a realm of its own."""
    accounts = {USER: Account(PASSWORD)}
    with (
        sandbox(challenge="bearer", accounts=accounts) as (elsewhere, other),
        sandbox(challenge="basic", accounts=accounts) as (registry, target),
    ):
        moved = {"Location": f"{other.url}/v2/{REPOSITORY}/manifests/v1"}
        registry.faults.append(Fault("GET", MANIFEST_PATH, 307, moved, times=2))
        client = RegistryClient(host_of(target.url), BasicCredentials(USER, PASSWORD), LOG, retries=0, backoff=0)
        with pytest.raises(Refused, match=f"redirects to {other.url}, which asks for a login"):
            client.manifest(REPOSITORY, "v1")
        assert [(entry.path, entry.credentials) for entry in elsewhere.log] == [(f"/v2/{REPOSITORY}/manifests/v1", "")]


@pytest.mark.parametrize("form", ["alone", "basic first", "bearer first", "two headers", "unquoted"])
def test_a_base_image_is_read_without_a_login_whatever_the_challenge(form: Any) -> None:
    """An anonymous token opens it; the password that is offered as well does not."""
    with sandbox(challenge="bearer", anonymous_pull=True) as (registry, target):
        stored = StoredManifest(b'{"schemaVersion": 2, "config": {"digest": "x"}, "layers": []}', OCI_MANIFEST)
        registry.store.repositories[REPOSITORY] = Repository(manifests={stored.digest: stored}, tags={"v1": stored.digest})
        registry.quirks.challenge = form
        client = RegistryClient(host_of(target.url), None, LOG, retries=0, backoff=0)
        assert client.digest_of(REPOSITORY, "v1") == stored.digest


def test_an_accepted_manifest_is_stored() -> None:
    with sandbox() as (registry, target):
        content = image(target)
        registry.quirks.manifest_status = 202
        RegistryClient(host_of(target.url), None, LOG, backoff=0).put_manifest(REPOSITORY, "v1", content, OCI_MANIFEST)
        assert registry.store.digest_of_tag(REPOSITORY, "v1") == digest_of(content)


@pytest.mark.parametrize("status", [405, 501])
def test_a_registry_without_head_is_asked_for_the_manifest(status: int) -> None:
    with sandbox() as (registry, target):
        content = image(target)
        put(target, content, "v1")
        registry.quirks.head_status = status
        client = RegistryClient(host_of(target.url), None, LOG, retries=0, backoff=0)
        assert client.digest_of(REPOSITORY, "v1") == digest_of(content)
        assert client.digest_of(REPOSITORY, "v2") is None


@pytest.mark.parametrize("realm", ["http://attacker.example/token", "ftp://127.0.0.1/token", ""])
def test_a_token_realm_without_encryption_gets_no_password(realm: str) -> None:
    with sandbox() as (registry, target):
        challenge = {"WWW-Authenticate": f'Bearer realm="{realm}",service="x"'}
        registry.faults.append(Fault("POST", r"/v2/.*", 401, challenge))
        with pytest.raises(Refused, match="cannot be trusted"):
            RegistryClient(host_of(target.url), BasicCredentials(USER, PASSWORD), LOG, backoff=0).require_push(REPOSITORY)


def test_bytes_that_differ_from_the_digest_are_refused() -> None:
    with sandbox() as (registry, target):
        headers = {"Docker-Content-Digest": digest_of(b"something else"), "Content-Type": OCI_MANIFEST}
        registry.faults.append(Fault("GET", MANIFEST_PATH, 200, headers, body=json.dumps({}).encode()))
        with pytest.raises(Unavailable, match="bytes are not those"):
            RegistryClient(host_of(target.url), None, LOG, backoff=0).manifest(REPOSITORY, "v1")


def test_all_pages_of_tags_are_read() -> None:
    with sandbox() as (registry, target):
        content = image(target)
        put(target, content, "v0")
        digest = digest_of(content)
        registry.store.repositories[REPOSITORY].tags |= {f"t{number:05}": digest for number in range(2500)}
        assert len(RegistryClient(host_of(target.url), None, LOG).tags(REPOSITORY)) == 2501
        assert len(registry.log[-3:]) == 3


@pytest.mark.parametrize("kind", KINDS[-1:])
def test_a_registry_that_names_no_next_page_is_asked_for_it(target: Target) -> None:
    content, tags = image(target), [f"v{number:04}" for number in range(1001)]
    for tag in tags:
        put(target, content, tag)
    assert sorted(client_of(target).tags(REPOSITORY)) == tags


def test_a_repr_never_shows_credentials() -> None:
    assert PASSWORD not in repr(BasicCredentials(USER, PASSWORD))


def test_github_s_refusal_names_the_permission() -> None:
    assert "packages: write" in remedy_of_denial("ghcr.io", anonymous=False)


@pytest.mark.parametrize("challenge", ["none", "basic", "bearer"])
def test_a_blob_is_shared_within_a_registry(challenge: str) -> None:
    with sandbox(challenge=challenge, accounts={USER: Account(PASSWORD)}) as (registry, target):
        client = RegistryClient(host_of(target.url), BasicCredentials(USER, PASSWORD), LOG, backoff=0)
        digest = digest_of(b"a layer")
        upload = registry.store.start_upload(REPOSITORY)
        upload.append(b"a layer")
        registry.store.finish_upload(REPOSITORY, upload, digest)
        assert client.mount_blob("owner/other", digest, REPOSITORY)
        assert registry.store.blob("owner/other", digest).read_bytes() == b"a layer"
        assert not client.mount_blob("owner/other", digest_of(b"never pushed"), REPOSITORY)


def test_a_registry_on_this_machine_may_speak_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This client tries TLS, as Docker does, and does not fall back to HTTP for an untrusted certificate."""
    certificate = self_signed(tmp_path)
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(variable, raising=False)
    with Host(Registry().app, certificate=certificate) as host:
        name = host.url.removeprefix("https://")
        with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED") as refused:
            RegistryClient(name, None, LOG, retries=0, backoff=0).tags(REPOSITORY)
        assert "SSL_CERT_FILE" in refused.value.remedy
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert RegistryClient(name, None, LOG, retries=0, backoff=0).tags(REPOSITORY) == []


def test_an_upload_without_encryption_behind_a_proxy_is_told_from_another_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registry that does not know of the proxy that encrypts for it names its uploads by `http://`."""
    certificate = self_signed(tmp_path)
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    registry = Registry()
    with Host(registry.app, certificate=certificate) as host:
        client = RegistryClient(host.url.removeprefix("https://"), None, LOG, retries=0, backoff=0)
        for location, cause, remedy in (
            (host.url.replace("https", "http") + "/v2/x/uploads/1", "without encryption", "X-Forwarded-Proto: https"),
            ("http://127.0.0.1/v2/x/uploads/1", "without encryption", "X-Forwarded-Proto: https"),
            ("https://other.example/v2/x/uploads/1", "to another host", "in 'registries' instead"),
        ):
            uploads = rf"/v2/{REPOSITORY}/blobs/uploads/"
            registry.faults.append(Fault("POST", uploads, 202, {"Location": location}))
            with pytest.raises(Refused, match=cause) as refused:
                client.put_blob(REPOSITORY, "sha256:" + "0" * 64, size=1, open_source=lambda: iter([b"x"]))
            assert remedy in refused.value.remedy


AUTHORITIES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


@pytest.mark.parametrize("variable", AUTHORITIES)
def test_a_registry_of_a_private_authority_is_trusted_where_the_environment_names_it(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    made = of_an_authority(tmp_path)
    (tmp_path / "other").mkdir()
    other = of_an_authority(tmp_path / "other")
    for name in AUTHORITIES:
        monkeypatch.delenv(name, raising=False)
    with start(kind, "basic", tmp_path, made) as url:
        host = url.removeprefix("https://")

        def client() -> RegistryClient:
            return RegistryClient(host, BasicCredentials(USER, PASSWORD), LOG, retries=0, backoff=0)

        for authority in (None, other.authority):
            if authority:
                monkeypatch.setenv(variable, str(authority))
            with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED") as distrusted:
                client().require_push(REPOSITORY)
            assert "SSL_CERT_FILE" in distrusted.value.remedy
        monkeypatch.setenv(variable, str(made.authority))
        client().require_push(REPOSITORY)
        assert client().tags(REPOSITORY) == []


def test_a_blob_is_not_shared_with_a_user_who_may_not_read_it() -> None:
    accounts = {USER: Account(PASSWORD, repositories=frozenset({"owner/other"}))}
    with sandbox(challenge="bearer", accounts=accounts) as (registry, target):
        upload = registry.store.start_upload(REPOSITORY)
        upload.append(b"a layer")
        registry.store.finish_upload(REPOSITORY, upload, digest_of(b"a layer"))
        client = RegistryClient(host_of(target.url), BasicCredentials(USER, PASSWORD), LOG, backoff=0)
        assert not client.mount_blob("owner/other", digest_of(b"a layer"), REPOSITORY)
