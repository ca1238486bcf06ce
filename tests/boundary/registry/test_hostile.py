"""Attacks by a registry, or by a server in its place: each is carried out against the suite's client."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from mlops_actions.boundary.registry import transport
from mlops_actions.boundary.registry.answers import next_link
from mlops_actions.boundary.registry.client import BasicCredentials, RegistryClient
from mlops_actions.core.errors import Refused, Unavailable
from mlops_actions.docker_publish.tags.versions import releases
from mlops_sandbox.host import Host
from mlops_sandbox.registry import Account, Fault, Registry
from tests.standins.registry.test_distribution import OCI_MANIFEST, REPOSITORY
from tests.support.logs import LOG
from tests.support.registries import PASSWORD, USER

MANIFEST = rf"/v2/{REPOSITORY}/manifests/.*"
TAGS = rf"/v2/{REPOSITORY}/tags/list"
OTHER = "sha256:" + "0" * 64
EMPTY_INDEX = b'{"manifests": []}'


@contextmanager
def served(**options: object) -> Iterator[tuple[Registry, RegistryClient]]:
    registry = Registry(**options)  # type: ignore[arg-type]
    with Host(registry.app) as host:
        credentials = BasicCredentials(USER, PASSWORD) if options else None
        yield registry, RegistryClient(host.url.removeprefix("http://"), credentials, LOG, retries=1, backoff=0)


def answers(registry: Registry, body: bytes, *, path: str = MANIFEST, kind: str = OCI_MANIFEST, **headers: str) -> None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    registry.faults.append(Fault("GET", path, 200, {"Content-Type": kind, **named}, body=body))


def test_a_manifest_that_was_not_requested_is_refused() -> None:
    """The answer is complete and its header agrees with it, but the requested digest is another."""
    with served() as (registry, client):
        answers(registry, b"{}", Docker_Content_Digest="sha256:" + hashlib.sha256(b"{}").hexdigest())
        with pytest.raises(Unavailable, match="bytes are not those"):
            client.manifest(REPOSITORY, OTHER)


@pytest.mark.parametrize("header", ["x", "sha256:abc", "md5:" + "0" * 32, "sha256:" + "0" * 64 + "%0A::error::x"])
def test_an_invalid_digest_header_is_replaced_by_the_computed_digest(header: str) -> None:
    with served() as (registry, client):
        answers(registry, EMPTY_INDEX, Docker_Content_Digest=header)
        manifest = client.manifest(REPOSITORY, "v1")
        assert manifest is not None
        assert manifest.digest == "sha256:" + hashlib.sha256(EMPTY_INDEX).hexdigest()


def test_a_sha512_digest_is_checked_too() -> None:
    with served() as (registry, client):
        answers(registry, b"{}", Docker_Content_Digest="sha512:" + "0" * 128)
        with pytest.raises(Unavailable, match="bytes are not those"):
            client.manifest(REPOSITORY, "v1")


@pytest.mark.parametrize(
    "kind", ["text/html", "application/json", "application/vnd.docker.distribution.manifest.v1+prettyjws", ""]
)
def test_a_document_that_is_no_manifest_is_refused(kind: str) -> None:
    """A portal that answers 200 to everything, and manifests of the oldest version, which have another digest."""
    with served() as (registry, client):
        answers(registry, b"<html>", kind=kind)
        with pytest.raises(Unavailable, match="no manifest"):
            client.manifest(REPOSITORY, "ctx-1")


DESCRIPTOR = {"digest": OTHER, "size": 1}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[1]",
        b"null",
        b"<html>",
        b"[" * 200_000,
        b'{"manifests": {}}',
        b'{"manifests": [null]}',
        json.dumps({"layers": [DESCRIPTOR]}).encode(),
        json.dumps({"config": DESCRIPTOR, "layers": {}}).encode(),
        json.dumps({"config": DESCRIPTOR, "layers": [{"digest": OTHER}]}).encode(),
        json.dumps({"config": {**DESCRIPTOR, "digest": 5}, "layers": []}).encode(),
        json.dumps({"config": {**DESCRIPTOR, "size": 10**400}, "layers": []}).encode(),
        b'{"config": {"digest": "sha256:0", "size": 1e999}, "layers": []}',
    ],
    ids=lambda body: body[:60],
)
def test_what_is_no_manifest_is_refused_whatever_its_media_type_says(body: bytes) -> None:
    with served() as (registry, client):
        answers(registry, body)
        with pytest.raises(Unavailable, match="no manifest"):
            client.manifest(REPOSITORY, "v1")


def test_a_page_is_no_answer_to_a_manifest_that_was_put() -> None:
    with served() as (registry, client):
        page = {"Content-Type": "text/html"}
        registry.faults.append(Fault("PUT", MANIFEST, 200, page, body=b"<title>Sign in</title>"))
        with pytest.raises(Unavailable, match="does not show that image"):
            client.put_manifest(REPOSITORY, "v1", EMPTY_INDEX, OCI_MANIFEST)


def test_reading_an_endless_manifest_stops() -> None:
    with served() as (registry, client):
        answers(registry, b"x" * (9 << 20))
        with pytest.raises(Unavailable, match="more than a manifest may hold"):
            client.manifest(REPOSITORY, "v1")


@pytest.mark.parametrize("digest", ["../../../other/blobs/x", "sha256:" + "g" * 64, "sha256:" + "0" * 64 + "?x=y"])
def test_a_blob_s_digest_cannot_reach_another_path(digest: str) -> None:
    with served() as (registry, client):
        with pytest.raises(Unavailable, match="no digest"):
            client.blob(REPOSITORY, digest)
        assert registry.log == []


def test_invalid_tags_are_ignored() -> None:
    answered = ["9" * 5000, "1.0.0-" + "9" * 5000, "::error::x", "1.0.0\n2.0.0", "v1.2.3"]
    with served() as (registry, client):
        answers(registry, json.dumps({"tags": answered}).encode(), path=TAGS, kind="application/json")
        tags = client.tags(REPOSITORY)
    assert [version.text for version in releases(tags)] == ["1.2.3"]


def test_a_repository_without_tags_may_have_null() -> None:
    with served() as (registry, client):
        answers(registry, b'{"tags": null}', path=TAGS, kind="application/json")
        assert client.tags(REPOSITORY) == []


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"{}", b'{"tags": {}}', b'{"tags": "v1"}', b'{"tags": ["v1", 2]}', b"not json", b"[" * 100_000],
    ids=lambda body: body[:20],
)
def test_what_is_no_list_of_tags_is_refused(body: bytes) -> None:
    """Without the newer versions, an older one would become `latest`."""
    with served() as (registry, client):
        answers(registry, body, path=TAGS, kind="application/json")
        with pytest.raises(Unavailable, match="no list of tags"):
            client.tags(REPOSITORY)


def test_the_next_page_is_fetched_from_the_same_registry_only() -> None:
    with served() as (elsewhere, _), Host(elsewhere.app) as other, served() as (registry, client):
        link = f'<{other.url}/v2/{REPOSITORY}/tags/list?last=a>; rel="next"'
        answers(registry, b'{"tags": ["a"]}', path=TAGS, kind="application/json", Link=link)
        answers(registry, b'{"tags": ["b"]}', path=TAGS, kind="application/json")
        assert client.tags(REPOSITORY) == ["a", "b"]
        assert [entry.query for entry in registry.log if entry.path != "/v2/"] == ["n=1000", "last=a"]
        assert elsewhere.log == []


def test_a_page_of_tags_that_is_missing_is_no_end() -> None:
    """With a part of the tags, an older version would become `latest`."""
    with served() as (registry, client):
        link = f'</v2/{REPOSITORY}/tags/list?last=a>; rel="next"'
        answers(registry, b'{"tags": ["a"]}', path=TAGS, kind="application/json", Link=link)
        with pytest.raises(Refused, match="listing the tags"):
            client.tags(REPOSITORY)


def test_an_address_that_is_none_is_reported() -> None:
    with served() as (registry, client):
        answers(registry, b'{"tags": ["a"]}', path=TAGS, kind="application/json", Link="<http://[x/y>")
        with pytest.raises(Unavailable, match="no address"):
            client.tags(REPOSITORY)
        registry.faults.append(Fault("POST", "/v2/.*", 202, {"Location": "http://[x/y"}))
        with pytest.raises(Unavailable, match="no address"):
            client.require_push(REPOSITORY)


@pytest.mark.parametrize("headers", [{}, {"Location": ""}])
def test_an_upload_without_an_address_is_not_cancelled(headers: dict[str, str]) -> None:
    with served() as (registry, client):
        registry.faults.append(Fault("POST", "/v2/.*", 202, headers))
        client.require_push(REPOSITORY)
        assert [entry.method for entry in registry.log if entry.method == "DELETE"] == []


def test_endless_pages_are_cut_off() -> None:
    with served() as (registry, client):
        link = f'</v2/{REPOSITORY}/tags/list?last=a>; rel="next"'
        fault = Fault("GET", TAGS, 200, {"Link": link}, body=b'{"tags": ["a"]}', times=10_000)
        registry.faults.append(fault)
        with pytest.raises(Unavailable, match="without end"):
            client.tags(REPOSITORY)
        assert fault.times == 9_998


def test_pages_that_all_differ_are_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlops_actions.boundary.registry.client._MAX_PAGES", 5)
    with served() as (registry, client):
        for number in range(9):
            link = f'</v2/{REPOSITORY}/tags/list?last={number}>; rel="next"'
            answers(registry, b'{"tags": []}', path=TAGS, kind="application/json", Link=link)
        with pytest.raises(Unavailable, match="without end"):
            client.tags(REPOSITORY)
        assert len(registry.faults) - sum(fault.times for fault in registry.faults) == 5


def test_a_token_that_would_split_a_header_is_refused() -> None:
    with served(challenge="bearer", accounts={USER: Account(PASSWORD)}) as (registry, client):
        registry.faults.append(Fault("GET", "/token", 200, body=json.dumps({"token": "a\r\nX-Evil: 1"}).encode()))
        with pytest.raises(Unavailable, match="returned no token"):
            client.require_push(REPOSITORY)


def test_a_base_image_s_registry_gets_no_password_for_its_realm() -> None:
    """Whoever writes the Dockerfile chooses that registry, and the registry chooses the realm."""
    with served(challenge="bearer", accounts={USER: Account(PASSWORD)}) as (registry, client):
        anonymous = RegistryClient(client.host, None, LOG, retries=0, backoff=0)
        with pytest.raises(Refused):
            anonymous.digest_of(REPOSITORY, "v1")
        assert {entry.credentials for entry in registry.log if entry.path == "/token"} == {""}


class Endless:
    """Answers every request with this head, and then with bytes that never end, until the client hangs up."""

    def __init__(self, head: bytes) -> None:
        self._head = head
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.sent = 0

    def __enter__(self) -> Endless:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection = self._listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        with connection:
            probe = connection.recv(1 << 16).startswith(b"GET /v2/ ")
            try:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" if probe else self._head)
                while not probe:
                    connection.sendall(chunk)
                    self.sent += len(chunk)
            except OSError:
                return


CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (b"HTTP/1.1 200 OK\r\n" + CHUNKED, "more than a manifest may hold"),
        (b"HTTP/1.1 503 Busy\r\nRetry-After: 0\r\n" + CHUNKED, "failed with status 503"),
        (b"HTTP/1.1 403 No\r\n" + CHUNKED, "failed with status 403"),
        (b"HTTP/1.1 307 Moved\r\nLocation: /v2/x/manifests/y\r\n" + CHUNKED, "without end"),
    ],
)
def test_reading_an_endless_answer_stops(head: bytes, message: str) -> None:
    with Endless(head) as endless:
        client = RegistryClient(endless.host, None, LOG, retries=2, backoff=0)
        with pytest.raises((Unavailable, Refused), match=message):
            client.manifest(REPOSITORY, "v1")
        assert endless.sent < 100 << 20


def test_reading_a_dripping_answer_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    with served() as (registry, client):
        assert client.manifest(REPOSITORY, "v1") is None
        monkeypatch.setattr(transport, "LIMITS", replace(transport.LIMITS, max_seconds=0.0))
        answers(registry, os.urandom(1 << 18))
        with pytest.raises(Unavailable, match="too slowly"):
            client.manifest(REPOSITORY, "v1")


@pytest.mark.parametrize("header", ["<" * 60_000, "<a>" + "; a" * 20_000, "<a>" + " " * 60_000, '<a>; a="' * 8_000])
def test_a_hostile_link_is_read_at_once(header: str) -> None:
    began = time.process_time()
    next_link(header)
    assert time.process_time() - began < 5
