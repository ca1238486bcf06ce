"""The quirks of the sandbox's registry: each does what its name says, and nothing as long as it is off."""

from __future__ import annotations

from typing import Any

import pytest
import urllib3

from mlops_sandbox.registry import Account, Quirks, Registry
from mlops_sandbox.registry.quirks import IMMUTABLE_TAGS
from tests.boundary.registry.test_client import sandbox
from tests.standins.registry.test_distribution import (
    ALL_TYPES,
    REPOSITORY,
    begin,
    code_of,
    digest_of,
    finish,
    get,
    image,
    push_blob,
    put,
)  # fmt: skip
from tests.support.registries import PASSWORD, USER

UPLOADS = f"/v2/{REPOSITORY}/blobs/uploads/"


@pytest.mark.parametrize("is_stored", [False, True])
def test_a_late_answer_comes_after_the_manifest(is_stored: bool) -> None:
    with sandbox() as (registry, target):
        registry.quirks.late_statuses = [429, 502]
        registry.quirks.late_is_stored = is_stored
        content = image(target)
        assert [put(target, content, tag).status for tag in ("one", "two", "three")] == [429, 502, 201]
        stored = {tag for tag in ("one", "two", "three") if get(target, tag).status == 200}
        assert stored == ({"one", "two", "three"} if is_stored else {"three"})


def test_a_late_401_asks_for_a_new_token() -> None:
    with sandbox(challenge="bearer", accounts={USER: Account(PASSWORD)}) as (registry, target):
        target.credentials = token_of(target.url)
        content = image(target)
        registry.quirks.late_statuses = [401]
        refused = put(target, content, "v1")
        assert (refused.status, refused.headers["WWW-Authenticate"].partition(" ")[0]) == (401, "Bearer")
        assert put(target, content, "v1").status == 401
        target.credentials = token_of(target.url)
        assert put(target, content, "v1").status == 201


def token_of(url: str) -> dict[str, str]:
    """The header with a new token that may push."""
    login = urllib3.make_headers(basic_auth=f"{USER}:{PASSWORD}")
    answer = urllib3.request("GET", f"{url}/token?scope=repository:{REPOSITORY}:pull,push", headers=login).json()
    return {"Authorization": f"Bearer {answer.get('token') or answer['access_token']}"}


def test_a_token_runs_out_after_its_requests() -> None:
    with sandbox(challenge="bearer", accounts={USER: Account(PASSWORD)}) as (registry, target):
        registry.quirks.token_requests = 2
        target.credentials = token_of(target.url)
        assert [target.call("GET", "/v2/").status for _ in range(3)] == [200, 200, 401]


@pytest.mark.parametrize(
    ("service", "status", "words"),
    [
        ("ecr", 400, "cannot be overwritten because the repository is immutable"),
        ("gar", 400, "The repository has enabled tag immutability"),
        ("harbor", 412, "configured as immutable"),
        ("acr", 405, "The operation is disallowed"),
        ("quay", 409, "tag is immutable and cannot be overwritten"),
    ],
)
def test_an_immutable_tag_does_not_move(service: str, status: int, words: str) -> None:
    with sandbox() as (registry, target):
        first, second = image(target, "one"), image(target, "two")
        registry.quirks.immutable_tags = service
        assert put(target, first, "v1").status == 201
        refused = put(target, second, "v1")
        assert (refused.status, words in refused.json()["errors"][0]["message"]) == (status, True)
        assert get(target, "v1").data == first
        assert put(target, second, digest_of(second)).status == 201
        assert put(target, first, "v1").status == (status if IMMUTABLE_TAGS[service].same_image else 201)


@pytest.mark.parametrize(
    ("form", "schemes"),
    [
        ("alone", [["Bearer"]]),
        ("basic first", [["Basic", "Bearer"]]),
        ("bearer first", [["Bearer", "Basic"]]),
        ("two headers", [["Basic"], ["Bearer"]]),
        ("unquoted", [["Bearer"]]),
    ],
)
def test_the_challenges_have_several_forms(form: Any, schemes: list[list[str]]) -> None:
    with sandbox(challenge="bearer", accounts={USER: Account(PASSWORD)}) as (registry, target):
        registry.quirks.challenge = form
        headers = target.call("POST", UPLOADS).headers.getlist("WWW-Authenticate")
        assert [[word for word in header.split() if word in ("Basic", "Bearer")] for header in headers] == schemes
        assert ('realm="' in headers[-1]) == (form != "unquoted")
        login = urllib3.make_headers(basic_auth=f"{USER}:{PASSWORD}")
        takes_password = form in ("basic first", "bearer first", "two headers")
        assert target.call("POST", UPLOADS, Authorization=login["authorization"]).status == (202 if takes_password else 401)


@pytest.mark.parametrize("form", ["path", "address", "elsewhere"])
def test_writes_are_redirected_and_reads_are_not(form: str) -> None:
    with sandbox() as (registry, target), sandbox() as (_, other):
        registry.quirks.redirect_writes = other.url if form == "elsewhere" else form
        moved = target.call("POST", f"{UPLOADS}?digest=x")
        expected = {"path": "", "address": target.url, "elsewhere": other.url}[form]
        assert (moved.status, moved.headers["Location"]) == (307, f"{expected}{UPLOADS}?digest=x&moved=1")
        assert target.call("GET", "/v2/").status == 200
        location = moved.headers["Location"].replace("digest=x&", "")
        assert target.call("POST", location).status == 202


def test_a_manifest_s_answers_have_no_digest_or_another_status() -> None:
    with sandbox() as (registry, target):
        registry.quirks.manifest_status, registry.quirks.digest_header = 202, False
        registry.quirks.media_type_suffix = "; charset=utf-8"
        answer = put(target, image(target), "v1")
        assert (answer.status, "Docker-Content-Digest" in answer.headers) == (202, False)
        assert "Docker-Content-Digest" not in get(target, "v1", "HEAD").headers
        assert get(target, "v1").headers["Content-Type"].endswith("json; charset=utf-8")


def test_a_manifest_has_no_head() -> None:
    with sandbox() as (registry, target):
        put(target, image(target), "v1")
        registry.quirks.head_status = 405
        assert (get(target, "v1", "HEAD").status, get(target, "v1").status) == (405, 200)


@pytest.mark.parametrize("form", ["address", "path"])
@pytest.mark.parametrize("has_state", [True, False])
def test_an_upload_is_named_in_several_ways(form: Any, has_state: bool) -> None:
    with sandbox() as (registry, target):
        registry.quirks.upload_location, registry.quirks.upload_state = form, has_state
        location = target.call("POST", UPLOADS).headers["Location"]
        assert (location.startswith("/v2/"), "?_state=" in location) == (form == "path", has_state)
        assert finish(target, begin(target), digest_of(b"x"), b"x").status == 201


@pytest.mark.parametrize("fields", [("token",), ("access_token",), ("token", "expires_in")])
def test_a_token_s_answer_has_only_these_fields(fields: tuple[str, ...]) -> None:
    with sandbox(challenge="bearer", accounts={USER: Account(PASSWORD)}) as (registry, target):
        registry.quirks.token_fields = fields
        assert set(urllib3.request("GET", f"{target.url}/token").json()) == set(fields)


@pytest.mark.parametrize(
    ("form", "start"),
    [("path", "</v2/"), ("address", "<http://127.0.0.1:"), ("other scheme", "<https://registry.internal:")],
)
def test_a_page_of_tags_names_the_next_one(form: Any, start: str) -> None:
    with sandbox() as (registry, target):
        content = image(target)
        for tag in ("a", "b", "c"):
            put(target, content, tag)
        registry.quirks.tags_page, registry.quirks.tags_link = 2, form
        page = target.call("GET", f"/v2/{REPOSITORY}/tags/list?n=1000")
        assert (page.json()["tags"], page.headers["Link"].startswith(start)) == (["a", "b"], True)
        rest = target.call("GET", f"/v2/{REPOSITORY}/tags/list?last=b&n=2")
        assert (rest.json()["tags"], "Link" in rest.headers) == (["c"], False)


def test_a_registry_that_shares_no_blobs_starts_an_upload() -> None:
    with sandbox() as (registry, target):
        digest = push_blob(target, b"shared", "owner/source")
        mount = f"/v2/owner/other/blobs/uploads/?mount={digest}&from=owner/source"
        registry.quirks.mounts = False
        assert target.call("POST", mount).status == 202
        registry.quirks.mounts = True
        assert target.call("POST", mount).status == 201


def test_a_lost_blob_or_child_leaves_the_tag() -> None:
    with sandbox() as (registry, target):
        content = image(target)
        put(target, content, "v1")
        for digest, path in (
            (registry.store.repositories[REPOSITORY].manifests[digest_of(content)].digest, "manifests"),
            (digest_of(b"layer of image"), "blobs"),
        ):
            registry.store.lose(REPOSITORY, digest)
            answer = target.call("GET", f"/v2/{REPOSITORY}/{path}/{digest}", Accept=ALL_TYPES)
            assert (answer.status, code_of(answer)) == (404, "MANIFEST_UNKNOWN" if path == "manifests" else "BLOB_UNKNOWN")
        assert target.call("GET", f"/v2/{REPOSITORY}/tags/list").json()["tags"] == ["v1"]


def test_all_quirks_are_off_at_first() -> None:
    """The shared tests of the sandbox's and Debian's registry hold for a registry without quirks."""
    assert Registry().quirks == Quirks()
