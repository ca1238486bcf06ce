"""What the suite relies on of the OCI distribution API, checked against the sandbox and against a real registry alike."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import urljoin

import pytest
import urllib3

from tests.support.registries import Target

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
ALL_TYPES = f"{OCI_INDEX}, {OCI_MANIFEST}, application/vnd.docker.distribution.manifest.list.v2+json, {DOCKER_MANIFEST}"
REPOSITORY = "owner/repo/image"


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def code_of(response: urllib3.BaseHTTPResponse) -> str:
    code: str = response.json()["errors"][0]["code"]
    return code


def begin(target: Target, repository: str = REPOSITORY) -> str:
    response = target.call("POST", f"/v2/{repository}/blobs/uploads/")
    assert response.status == 202
    return urljoin(target.url, response.headers["Location"])


def finish(target: Target, location: str, digest: str, body: bytes = b"") -> urllib3.BaseHTTPResponse:
    separator = "&" if "?" in location else "?"
    address = f"{location}{separator}digest={digest}"
    return target.call("PUT", address, body, Content_Type="application/octet-stream")


def push_blob(target: Target, content: bytes, repository: str = REPOSITORY) -> str:
    response = finish(target, begin(target, repository), digest_of(content), content)
    assert response.status == 201
    return digest_of(content)


def image(target: Target, text: str = "image", media_type: str = OCI_MANIFEST, repository: str = REPOSITORY) -> bytes:
    """Push the blobs of a one-layer image and return its manifest."""
    config, layer = json.dumps({"made": text}).encode(), f"layer of {text}".encode()
    described = [
        {"mediaType": "application/octet-stream", "digest": push_blob(target, blob, repository), "size": len(blob)}
        for blob in (config, layer)
    ]
    manifest = {"schemaVersion": 2, "mediaType": media_type, "config": described[0], "layers": described[1:]}
    # Indented on purpose: a registry must keep the very bytes.
    return json.dumps(manifest, indent=3).encode()


def put(target: Target, content: bytes, reference: str, media_type: str = OCI_MANIFEST) -> urllib3.BaseHTTPResponse:
    return target.call("PUT", f"/v2/{REPOSITORY}/manifests/{reference}", content, Content_Type=media_type)


def get(target: Target, reference: str, method: str = "GET", accept: str = ALL_TYPES) -> urllib3.BaseHTTPResponse:
    return target.call(method, f"/v2/{REPOSITORY}/manifests/{reference}", Accept=accept)


def test_the_base_endpoint_returns_the_api_version(target: Target) -> None:
    response = target.call("GET", "/v2/")
    assert response.status == 200
    assert response.headers["Docker-Distribution-API-Version"] == "registry/2.0"


def test_a_registry_with_accounts_sends_a_challenge(guarded: Target) -> None:
    anonymous = Target(guarded.url, {}, guarded.http)
    wrong = Target(guarded.url, {"Authorization": "Basic YWxpY2U6d3Jvbmc="}, guarded.http)
    for refused in (anonymous.call("GET", "/v2/"), wrong.call("GET", "/v2/"), get(anonymous, "latest")):
        assert refused.status == 401
        assert refused.headers["WWW-Authenticate"].startswith("Basic realm=")
        assert code_of(refused) == "UNAUTHORIZED"
    assert guarded.call("GET", "/v2/").status == 200
    assert put(guarded, image(guarded), "latest").status == 201


def test_a_blob_pushed_in_one_request_can_be_pulled(target: Target) -> None:
    content = bytes(range(256)) * 1000
    digest = push_blob(target, content)
    head = target.call("HEAD", f"/v2/{REPOSITORY}/blobs/{digest}")
    assert (head.status, head.headers["Content-Length"]) == (200, str(len(content)))
    assert head.headers["Docker-Content-Digest"] == digest
    assert target.call("GET", f"/v2/{REPOSITORY}/blobs/{digest}").data == content


def test_a_blob_pushed_in_chunks_can_be_pulled(target: Target) -> None:
    location, chunks = begin(target), (b"a" * 1000, b"b" * 10, b"c")
    stands = 0
    for chunk in chunks:
        sent = f"{stands}-{stands + len(chunk) - 1}"
        headers = {"Content_Range": sent, "Content_Type": "application/octet-stream"}
        response = target.call("PATCH", location, chunk, **headers)
        stands += len(chunk)
        assert response.status == 202
        assert response.headers["Range"] == f"0-{stands - 1}"
        location = urljoin(target.url, response.headers["Location"])
    status = target.call("GET", location)
    assert (status.status, status.headers["Range"]) == (204, f"0-{stands - 1}")
    whole = b"".join(chunks)
    assert finish(target, location, digest_of(whole)).status == 201
    assert target.call("GET", f"/v2/{REPOSITORY}/blobs/{digest_of(whole)}").data == whole


def test_bytes_of_another_digest_are_refused(target: Target) -> None:
    claimed = digest_of(b"what was meant")
    response = finish(target, begin(target), claimed, b"what came")
    assert (response.status, code_of(response)) == (400, "DIGEST_INVALID")
    assert target.call("HEAD", f"/v2/{REPOSITORY}/blobs/{claimed}").status == 404


def test_an_upload_goes_on_only_at_its_whole_address(target: Target) -> None:
    location = begin(target)
    cut = location.partition("?")[0]
    assert location != cut
    for method in ("PATCH", "GET"):
        response = target.call(method, cut, b"abc" if method == "PATCH" else None)
        assert (method, response.status, code_of(response)) == (method, 404, "BLOB_UPLOAD_INVALID")
    assert finish(target, location, digest_of(b"abc"), b"abc").status == 201


def test_an_upload_can_be_cancelled(target: Target) -> None:
    location = begin(target)
    assert target.call("DELETE", location).status == 204
    after = target.call("GET", location)
    assert (after.status, code_of(after)) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_a_blob_is_mounted_from_another_repository(target: Target) -> None:
    digest = push_blob(target, b"shared", "owner/source")
    mount = target.call("POST", f"/v2/owner/other/blobs/uploads/?mount={digest}&from=owner/source")
    assert mount.status == 201
    assert target.call("GET", f"/v2/owner/other/blobs/{digest}").data == b"shared"


def test_mounting_a_missing_blob_starts_an_upload(target: Target) -> None:
    absent = digest_of(b"never pushed")
    response = target.call("POST", f"/v2/owner/other/blobs/uploads/?mount={absent}&from=owner/source")
    assert response.status == 202
    assert "/blobs/uploads/" in response.headers["Location"]


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, DOCKER_MANIFEST])
def test_a_manifest_is_kept_byte_for_byte(target: Target, media_type: str) -> None:
    content = image(target, media_type=media_type)
    response = put(target, content, "v1", media_type)
    assert response.status == 201
    assert response.headers["Docker-Content-Digest"] == digest_of(content)
    for reference in ("v1", digest_of(content)):
        manifest = get(target, reference)
        assert (manifest.status, manifest.data, manifest.headers["Content-Type"]) == (200, content, media_type)
        head = get(target, reference, "HEAD")
        assert (head.status, head.headers["Docker-Content-Digest"]) == (200, digest_of(content))
        assert (head.data, head.headers["Content-Length"]) == (b"", str(len(content)))


def test_the_same_bytes_under_another_tag_keep_their_digest(target: Target) -> None:
    content = image(target)
    assert put(target, content, "ctx-key").status == 201
    fetched = get(target, "ctx-key")
    again = put(target, fetched.data, "latest", fetched.headers["Content-Type"])
    assert (again.status, again.headers["Docker-Content-Digest"]) == (201, digest_of(content))
    assert get(target, "latest", "HEAD").headers["Docker-Content-Digest"] == digest_of(content)


def test_a_tag_can_be_moved(target: Target) -> None:
    first, second = image(target, "one"), image(target, "two")
    put(target, first, "latest")
    put(target, second, "latest")
    assert get(target, "latest").data == second
    assert get(target, digest_of(first)).data == first


def test_an_index_refers_to_manifests(target: Target) -> None:
    child = image(target)
    described = {"mediaType": OCI_MANIFEST, "digest": digest_of(child), "size": len(child)}
    document: dict[str, Any] = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [described]}
    index = json.dumps(document).encode()
    early = put(target, index, "multi", OCI_INDEX)
    assert (early.status, code_of(early)) == (400, "MANIFEST_BLOB_UNKNOWN")
    assert put(target, child, digest_of(child)).status == 201
    assert put(target, index, "multi", OCI_INDEX).status == 201
    assert get(target, "multi").headers["Content-Type"] == OCI_INDEX


def test_an_oci_manifest_is_not_found_without_its_media_type_in_accept(target: Target) -> None:
    put(target, image(target), "v1")
    for accept in ("*/*", DOCKER_MANIFEST):
        response = get(target, "v1", accept=accept)
        assert (response.status, code_of(response)) == (404, "MANIFEST_UNKNOWN")


def test_a_manifest_needs_its_blobs(target: Target) -> None:
    absent = {"mediaType": "application/octet-stream", "digest": digest_of(b"never pushed"), "size": 12}
    manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": absent, "layers": []}
    response = put(target, json.dumps(manifest).encode(), "v1")
    assert (response.status, code_of(response)) == (400, "MANIFEST_BLOB_UNKNOWN")


def test_an_invalid_manifest_is_refused(target: Target) -> None:
    response = put(target, b"not JSON", "v1")
    assert (response.status, code_of(response)) == (400, "MANIFEST_INVALID")


def test_unknown_names_have_their_error_codes(target: Target) -> None:
    push_blob(target, b"so that the repository exists")
    expected = {
        f"/v2/{REPOSITORY}/manifests/nothing": "MANIFEST_UNKNOWN",
        f"/v2/{REPOSITORY}/blobs/{digest_of(b'?')}": "BLOB_UNKNOWN",
        "/v2/nobody/nothing/tags/list": "NAME_UNKNOWN",
    }
    for address, code in expected.items():
        response = target.call("GET", address, Accept=ALL_TYPES)
        assert (response.status, code_of(response)) == (404, code)


def test_tags_are_listed_page_by_page(target: Target) -> None:
    content, pushed = image(target), [f"v{number}" for number in range(7)]
    for tag in pushed:
        put(target, content, tag)
    listed: list[str] = []
    address = f"/v2/{REPOSITORY}/tags/list?n=3"
    while address:
        page = target.call("GET", address)
        listed += page.json()["tags"]
        link = page.headers.get("Link", "")
        address = urljoin(target.url, link[link.find("<") + 1 : link.find(">")]) if link else ""
    assert sorted(listed) == pushed


def test_deleting_a_manifest_deletes_its_tags(target: Target) -> None:
    content = image(target)
    put(target, content, "v1")
    assert target.call("DELETE", f"/v2/{REPOSITORY}/manifests/{digest_of(content)}").status == 202
    assert get(target, "v1").status == 404
    assert get(target, digest_of(content)).status == 404
