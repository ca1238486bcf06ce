"""What registries and the proxies before them do with HTTP: each case is one that other clients met; sources are named."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib

import pytest

from mlops_actions.boundary import http
from mlops_actions.boundary.registry.client import BasicCredentials, RegistryClient
from mlops_actions.core.errors import ActionError, Refused, Unavailable
from mlops_sandbox.registry.specification import OCI_MANIFEST
from tests.support.logs import LOG
from tests.support.raw_server import RawServer, serving_bytes
from tests.support.registries import PASSWORD, USER

REPOSITORY = "octo/digits"
PATH = f"/v2/{REPOSITORY}"
ZEROS = "sha256:" + "0" * 64
CONTENT = json.dumps({"schemaVersion": 2, "config": {"digest": ZEROS, "size": 1}, "layers": []}).encode()
DIGEST = "sha256:" + hashlib.sha256(CONTENT).hexdigest()
KIND = f"Content-Type: {OCI_MANIFEST}\r\n".encode()
MANIFEST = f"GET {PATH}/manifests/v1"


def answer(status: str, headers: str = "", body: bytes = b"") -> bytes:
    """Return an answer of HTTP/1.1 with its length."""
    lines = f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return lines.encode() + body


def chunked(*chunks: bytes) -> bytes:
    return b"".join(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n" for chunk in (*chunks, b""))


def client_of(server: RawServer, *, credentials: bool = False, retries: int = 0) -> RegistryClient:
    login = BasicCredentials(USER, PASSWORD) if credentials else None
    return RegistryClient(server.host, login, LOG, retries=retries, backoff=0)


def has_login(head: str) -> bool:
    return "\nauthorization:" in head.lower().replace("\r", "")


# Bodies

ENCODED = KIND + b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        answer("200 OK", KIND.decode(), CONTENT),
        # A server of HTTP/1.0: the end of the connection ends the body
        b"HTTP/1.0 200 OK\r\n" + KIND + b"\r\n" + CONTENT,
        b"HTTP/1.1 200 OK\r\n" + KIND + b"Connection: close\r\n\r\n" + CONTENT,
        # Chunks, as behind Cloudflare, which takes the length away (https://github.com/cloudflare/cloudflared/issues/500)
        b"HTTP/1.1 200 OK\r\n" + KIND + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(CONTENT[:7], CONTENT[7:]),
        b"HTTP/1.1 200 OK\r\n" + KIND + b"Transfer-Encoding: Chunked\r\n\r\n" + chunked(*(bytes([b]) for b in CONTENT)),
        # Compressed although nobody asked for it (https://github.com/oras-project/oras-go/pull/1177)
        b"HTTP/1.1 200 OK\r\n" + ENCODED + gzip.compress(CONTENT),
        b"HTTP/1.1 200 OK\r\n" + ENCODED.replace(b"gzip", b"x-gzip") + gzip.compress(CONTENT),
        b"HTTP/1.1 200 OK\r\n" + ENCODED.replace(b"gzip", b"deflate") + zlib.compress(CONTENT),
        # Headers in other letters, a media type in other letters, and an empty reason
        b"HTTP/1.1 200 \r\ncontent-type: " + OCI_MANIFEST.encode() + b" ; charset=utf-8\r\n\r\n" + CONTENT,
        answer("200 OK", f"{KIND.decode()}Docker-Content-Digest: {DIGEST}\r\n", CONTENT),
        # No digest, an empty one, and one that is none
        answer("200 OK", f"{KIND.decode()}Docker-Content-Digest:\r\n", CONTENT),
        answer("200 OK", f'{KIND.decode()}Docker-Content-Digest: "{DIGEST}"\r\n', CONTENT),
    ],
    ids=range(12),
)
def test_a_manifest_is_read_in_every_form_of_http(raw: bytes) -> None:
    with serving_bytes({MANIFEST: [raw]}) as server:
        manifest = client_of(server).manifest(REPOSITORY, "v1")
    assert manifest is not None
    assert (manifest.digest, manifest.content, manifest.media_type) == (DIGEST, CONTENT, OCI_MANIFEST)


@pytest.mark.parametrize(
    ("raw", "cause"),
    [
        # A mirror that names a coding it has undone (https://github.com/docker-archive/docker-registry/issues/369)
        (b"HTTP/1.1 200 OK\r\n" + ENCODED + CONTENT, "broke off"),
        (b"HTTP/1.1 200 OK\r\n" + ENCODED + gzip.compress(CONTENT)[:-12], "."),
        # Shorter than its length, and chunks without an end
        (answer("200 OK", KIND.decode(), CONTENT)[:-5], "broke off"),
        (b"HTTP/1.1 200 OK\r\n" + KIND + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(CONTENT)[:-5], "broke off"),
        (b"HTTP/1.1 200 OK\r\n" + KIND + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "broke off"),
        # Other bytes than the header says
        (answer("200 OK", f"{KIND.decode()}Docker-Content-Digest: {ZEROS}\r\n", CONTENT), "bytes are not those"),
        (answer("200 OK", "Content-Type: text/html\r\n", b"<title>Sign in</title>"), "which is no manifest"),
        (answer("204 No Content"), "failed with status 204"),
        (b"", "cannot be reached"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "cannot be reached"),
    ],
    ids=range(10),
)
def test_an_answer_that_cannot_be_read_is_no_manifest(raw: bytes, cause: str) -> None:
    with serving_bytes({MANIFEST: [raw]}) as server, pytest.raises(ActionError, match=cause):
        client_of(server).manifest(REPOSITORY, "v1")


def test_an_answer_that_breaks_off_is_asked_for_once_more() -> None:
    whole = answer("200 OK", KIND.decode(), CONTENT)
    with serving_bytes({MANIFEST: [whole[:-5], whole]}) as server:
        manifest = client_of(server).manifest(REPOSITORY, "v1")
        assert manifest is not None
        assert manifest.digest == DIGEST
        assert len([head for head in server.requests if "/manifests/" in head]) == 2


# Challenges

TOKEN = answer("200 OK", "Content-Type: application/json\r\n", b'{"token": "t0ken"}')
REALM = 'realm="http://HOST/token",service="s"'


@pytest.mark.parametrize(
    ("challenges", "scheme"),
    [
        ([f"Bearer {REALM}"], "Bearer"),
        ([f"bearer {REALM}"], "Bearer"),
        (['Basic realm="r"'], "Basic"),
        (["Basic"], "Basic"),
        (['BASIC realm="r", charset="UTF-8"'], "Basic"),
        ([f'Basic realm="r", Bearer {REALM}'], "Bearer"),
        ([f'Bearer {REALM}, Basic realm="r"'], "Bearer"),
        ([f"Basic, Bearer {REALM}"], "Bearer"),
        (['Basic realm="r"', f"Bearer {REALM}"], "Bearer"),
        ([f"Bearer {REALM}", 'Basic realm="r"'], "Bearer"),
        (["Bearer realm=http://HOST/token,service=s"], "Bearer"),
        (["Bearer realm=http://HOST/token"], "Bearer"),
        ([f"Negotiate, Bearer {REALM}"], "Bearer"),
        (["Negotiate", 'Basic realm="r"'], "Basic"),
        # Bare names of schemes, as some proxies list them: a token without a realm cannot be asked for
        (["Basic, Bearer"], "Basic"),
        (["Bearer, Basic"], "Basic"),
        (["Bearer", "Basic"], "Basic"),
    ],
)
def test_a_challenge_is_answered_in_every_form(challenges: list[str], scheme: str) -> None:
    refused = answer("401 Unauthorized", "".join(f"WWW-Authenticate: {text}\r\n" for text in challenges))
    begun = answer("202 Accepted")
    with serving_bytes({f"POST {PATH}/blobs/uploads/": [refused, begun], "GET /token": [TOKEN]}) as server:
        client_of(server, credentials=True).require_push(REPOSITORY)
        assert f"authorization: {scheme.lower()} " in server.requests[-1].lower()


@pytest.mark.parametrize("challenge", ["Bearer", 'Bearer realm=""', 'Bearer realm="http://attacker.example/t"'])
def test_a_token_that_nobody_can_be_asked_for_is_reported(challenge: str) -> None:
    refused = answer("401 Unauthorized", f"WWW-Authenticate: {challenge}\r\n")
    with serving_bytes({"POST ": [refused]}) as server, pytest.raises(Refused, match="cannot be trusted"):
        client_of(server, credentials=True).require_push(REPOSITORY)


# Redirects and locations

UPLOADS = f"POST {PATH}/blobs/uploads/"


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"])
@pytest.mark.parametrize("query", ["", "?state=a%2Fb&_x=1"])
@pytest.mark.parametrize("form", ["{path}", "http://HOST{path}", "//HOST{path}", "moved/here/"])
def test_an_upload_follows_a_redirect_within_its_registry(status: str, query: str, form: str) -> None:
    """As containerd met them (https://github.com/containerd/containerd/issues/11949), with the method kept."""
    target = f"{PATH}/blobs/uploads/moved/here/"
    location = form.format(path=target) + query
    answers = {f"POST {target}": [answer("202 Accepted")], UPLOADS: [answer(status, f"Location: {location}\r\n")]}
    with serving_bytes(answers) as server:
        client_of(server, credentials=True).require_push(REPOSITORY)
        assert server.requests[-1].startswith(f"POST {target}{query} ")


@pytest.mark.parametrize(
    "location", ["http://127.0.0.2:9/v2/x", "//127.0.0.2:9/v2/x", "http://user:word@127.0.0.2:9/", "http://127.0.0.1:9/v2/"]
)
@pytest.mark.parametrize("status", ["307 Temporary Redirect", "308 Permanent Redirect"])
def test_an_upload_goes_to_no_other_host(status: str, location: str) -> None:
    with serving_bytes({UPLOADS: [answer(status, f"Location: {location}\r\n")]}) as server:
        with pytest.raises(Refused, match="redirects writes to"):
            client_of(server, credentials=True).require_push(REPOSITORY)
        assert len([head for head in server.requests if head.startswith("POST ")]) == 1


@pytest.mark.parametrize(
    ("location", "cancelled"),
    [
        (f"{PATH}/blobs/uploads/5f?state=a%3D%3D", f"{PATH}/blobs/uploads/5f?state=a%3D%3D"),
        (f"http://HOST{PATH}/blobs/uploads/5f", f"{PATH}/blobs/uploads/5f"),
        ("5f", f"{PATH}/blobs/uploads/5f"),
        ("", ""),
        ("http://127.0.0.2:9/uploads/5f", ""),
        ("https://storage.example/5f?signature=x", ""),
    ],
)
def test_an_upload_that_was_begun_is_cancelled_where_the_registry_itself_keeps_it(location: str, cancelled: str) -> None:
    begun = answer("202 Accepted", f"Location: {location}\r\n" if location else "")
    with serving_bytes({UPLOADS: [begun], "DELETE ": [answer("204 No Content")]}) as server:
        client_of(server).require_push(REPOSITORY)
        deleted = [head.split(" ")[1] for head in server.requests if head.startswith("DELETE ")]
    assert deleted == ([cancelled] if cancelled else [])


def test_an_upload_that_cannot_be_cancelled_is_no_failure() -> None:
    begun = answer("202 Accepted", f"Location: {PATH}/blobs/uploads/5f\r\n")
    with serving_bytes({UPLOADS: [begun], "DELETE ": [b""]}) as server:
        client_of(server).require_push(REPOSITORY)


def test_a_blob_in_a_storage_elsewhere_is_read_without_the_login() -> None:
    """A storage refuses a second Authorization beside its signature (https://github.com/containerd/containerd/issues/10374)."""
    content = b'{"os": "linux"}'
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    refused = answer("401 Unauthorized", 'WWW-Authenticate: Basic realm="r"\r\n')
    with serving_bytes({"GET /signed": [answer("200 OK", "", content)]}) as storage:
        moved = answer("307 Temporary Redirect", f"Location: http://{storage.host}/signed?X-Amz-Signature=y\r\n")
        with serving_bytes({f"GET {PATH}/blobs/": [refused, moved]}) as server:
            assert client_of(server, credentials=True).blob(REPOSITORY, digest) == content
            assert has_login(server.requests[-1])
        assert [has_login(head) for head in storage.requests] == [False]


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("https://registry.example/v2/", "https://registry.example:443/x", True),
        ("https://Registry.Example/v2/", "https://registry.example/x", True),
        ("http://registry.example:80/", "http://registry.example/", True),
        ("https://[::1]:443/", "https://[::1]/", True),
        ("http://registry.example:8080/", "http://registry.example/", False),
        ("https://registry.example:80/", "https://registry.example/", False),
        ("http://registry.example/", "https://registry.example/", False),
        ("https://registry.example/", "https://registry.example.evil/", False),
        ("https://registry.example/", "https://registry.example@evil/", False),
        # A router that takes the port away (https://github.com/openshift/origin/issues/11337): another server listens there
        ("http://registry.example:5000/", "http://registry.example/v2/", False),
    ],
)
def test_the_port_of_the_scheme_is_no_other_origin(one: str, other: str, is_same: bool) -> None:
    assert http.same_origin(one, other) is is_same


# Pages

NEXT = f"{PATH}/tags/list?n=1&last=a"


@pytest.mark.parametrize(
    "links",
    [
        [f'<{NEXT}>; rel="next"'],
        [f"<{NEXT}>; rel=next"],
        [f"<{NEXT}>;rel=next"],
        [f"<{NEXT}>"],
        [f'<{NEXT}>; title="x, y"; rel="next"'],
        [f'<{NEXT}>; REL="Next last"'],
        ["<list?n=1&last=a>; rel=next"],
        ["<?n=1&last=a>; rel=next"],
        [f"<http://HOST{NEXT}>; rel=next"],
        [f"<https://internal.example{NEXT}>; rel=next"],  # behind a gateway: the path counts, that host is never asked
        [f'<{PATH}/tags/list>; rel="first", <{NEXT}>; rel="next"'],
        [f'<{PATH}/tags/list>; rel="prev"', f'<{NEXT}>; rel="next"'],
    ],
)
def test_the_next_page_is_found_in_every_form_of_a_link(links: list[str]) -> None:
    first = answer("200 OK", "".join(f"Link: {link}\r\n" for link in links), b'{"tags": ["a"]}')
    answers = {f"GET {NEXT}": [answer("200 OK", "", b'{"tags": ["b"]}')], f"GET {PATH}/tags/list": [first]}
    with serving_bytes(answers) as server:
        assert client_of(server, credentials=True).tags(REPOSITORY) == ["a", "b"]


@pytest.mark.parametrize("link", ["", "<>", "no link", f'<{NEXT}>; rel="prev"', f"<{NEXT}>; rel=first", f'<{NEXT}>; rel=""'])
def test_what_names_no_next_page_ends_the_list(link: str) -> None:
    first = answer("200 OK", f"Link: {link}\r\n", b'{"tags": ["a"]}')
    with serving_bytes({f"GET {PATH}/tags/list": [first]}) as server:
        assert client_of(server).tags(REPOSITORY) == ["a"]


# Refusals

JSON = "Content-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (
            "400 Bad Request",
            b'{"errors": [{"code": "TAG_INVALID", "message": "immutable"}]}',
            Refused,
            "TAG_INVALID immutable",
        ),
        ("403 Forbidden", b'{"errors": [{"message": "no"}]}', Refused, "status 403: no"),
        ("403 Forbidden", b'{"errors": [{"status": 403, "message": "Forbidden by Xray"}]}', Refused, "Forbidden by Xray"),
        ("403 Forbidden", b'{"error": "insufficient_scope", "message": "x"}', Refused, "insufficient_scope x"),
        ("401 Unauthorized", b'{"details": "incorrect username or password"}', Refused, "incorrect username or password"),
        ("400 Bad Request", b'{"error": "invalid_scope", "error_description": "bad"}', Refused, "invalid_scope bad"),
        ("403 Forbidden", b"<html>", Refused, r"status 403\n"),
        ("403 Forbidden", b'{"errors": {}}', Refused, r"status 403\n"),
        ("403 Forbidden", b'{"errors": [[]], "message": {"a": 1}}', Refused, r"status 403\n"),
        ("507 Insufficient Storage", b"", Unavailable, "status 507"),
        ("503 Service Unavailable", b"", Unavailable, "status 503"),
        ("429 Too Many Requests", b'{"errors": [{"code": "TOOMANYREQUESTS"}]}', Unavailable, "TOOMANYREQUESTS"),
    ],
)
def test_a_refusal_is_told_in_the_registry_s_words(status: str, body: bytes, error: type[ActionError], words: str) -> None:
    with serving_bytes({"PUT ": [answer(status, JSON, body)]}) as server, pytest.raises(error, match=words) as raised:
        client_of(server).put_manifest(REPOSITORY, "v1", CONTENT, OCI_MANIFEST)
    assert raised.value.remedy


def test_a_registry_without_room_has_its_own_remedy() -> None:
    with serving_bytes({"PUT ": [answer("507 Insufficient Storage")]}) as server, pytest.raises(Unavailable) as raised:
        client_of(server).put_manifest(REPOSITORY, "v1", CONTENT, OCI_MANIFEST)
    assert "delete old images" in raised.value.remedy


@pytest.mark.parametrize("retry_after", ["0", "", "-1", "soon", "Wed, 21 Oct 2015 07:28:00 GMT", "1e3"])
def test_a_wait_that_makes_no_sense_is_no_wait(retry_after: str) -> None:
    busy = answer("429 Too Many Requests", f"Retry-After: {retry_after}\r\n")
    with serving_bytes({"PUT ": [busy, answer("201 Created")]}) as server:
        client_of(server, retries=1).put_manifest(REPOSITORY, "v1", CONTENT, OCI_MANIFEST)
