"""What the sandbox's registry does beyond what the real one of Debian does: tokens, faults, and the newer specification."""

from __future__ import annotations

import pytest
import urllib3

from mlops_sandbox.registry import Account, Fault
from tests.boundary.registry.test_client import sandbox
from tests.standins.registry.test_distribution import REPOSITORY, begin, code_of, digest_of, finish, image, put

UPLOADS = f"/v2/{REPOSITORY}/blobs/uploads/"


def test_a_chunk_out_of_order_is_refused() -> None:
    with sandbox() as (_, target):
        location = begin(target)
        response = target.call("PATCH", location, b"abc", Content_Range="5-7")
        assert (response.status, code_of(response)) == (416, "RANGE_INVALID")
        assert target.call("PATCH", location, b"abc", Content_Range="0-2").status == 202
        assert finish(target, location, digest_of(b"abc")).status == 201


def test_a_blob_can_be_pushed_by_one_request() -> None:
    with sandbox() as (_, target):
        assert target.call("POST", f"{UPLOADS}?digest={digest_of(b'abc')}", b"abc").status == 201
        assert target.call("GET", f"/v2/{REPOSITORY}/blobs/{digest_of(b'abc')}").data == b"abc"


def test_a_tag_can_be_deleted_alone() -> None:
    with sandbox() as (_, target):
        content = image(target)
        put(target, content, "one")
        put(target, content, "two")
        assert target.call("DELETE", f"/v2/{REPOSITORY}/manifests/one").status == 202
        assert target.call("GET", f"/v2/{REPOSITORY}/tags/list").json()["tags"] == ["two"]


@pytest.mark.parametrize("name", ["UPPER/case", "a..b", "-a", "a/" + "b" * 300])
def test_an_invalid_name_is_refused(name: str) -> None:
    with sandbox() as (_, target):
        response = target.call("GET", f"/v2/{name}/tags/list")
        assert (response.status, code_of(response)) == (400, "NAME_INVALID")


def token(target_url: str, query: str, credentials: str | None = None) -> tuple[int, str]:
    headers = urllib3.make_headers(basic_auth=credentials) if credentials else {}
    response = urllib3.request("GET", f"{target_url}/token?service=x&{query}", headers=headers)
    return response.status, response.json().get("token", "")


def test_a_token_grants_only_the_actions_of_the_account() -> None:
    accounts = {"reader": Account("pw", frozenset({"pull"})), "owner": Account("pw", repositories=frozenset({REPOSITORY}))}
    with sandbox(challenge="bearer", accounts=accounts) as (_, target):
        challenge = target.call("GET", f"/v2/{REPOSITORY}/tags/list").headers["WWW-Authenticate"]
        assert f'realm="{target.url}/token"' in challenge
        assert f'scope="repository:{REPOSITORY}:pull"' in challenge
        for account, repository, expected in (
            ("reader", REPOSITORY, 401), ("owner", REPOSITORY, 202), ("owner", "owner/other", 401),
        ):  # fmt: skip
            status, granted = token(target.url, f"scope=repository:{repository}:pull,push", f"{account}:pw")
            assert status == 200
            address = f"/v2/{repository}/blobs/uploads/"
            assert target.call("POST", address, Authorization=f"Bearer {granted}").status == expected
        assert token(target.url, "scope=repository:x:pull", "reader:wrong")[0] == 401
        form = f"grant_type=password&username=owner&password=pw&scope=repository:{REPOSITORY}:pull"
        assert urllib3.request("POST", f"{target.url}/token", body=form).json()["token"]


def test_anyone_may_pull_with_anonymous_pull() -> None:
    with sandbox(challenge="basic", accounts={"owner": Account("pw")}, anonymous_pull=True) as (_, target):
        assert target.call("GET", f"/v2/{REPOSITORY}/tags/list").status == 404
        assert target.call("POST", UPLOADS).status == 401


def test_a_blob_is_not_mounted_without_permission_to_read_it() -> None:
    accounts = {"one": Account("pw", repositories=frozenset({"owner/one"})), "two": Account("pw")}
    with sandbox(challenge="basic", accounts=accounts) as (_, target):
        target.credentials = urllib3.make_headers(basic_auth="two:pw")
        digest = digest_of(b"private")
        assert target.call("POST", f"/v2/owner/two/blobs/uploads/?digest={digest}", b"private").status == 201
        target.credentials = urllib3.make_headers(basic_auth="one:pw")
        response = target.call("POST", f"/v2/owner/one/blobs/uploads/?mount={digest}&from=owner/two")
        assert response.status == 202


def test_a_fault_applies_as_often_as_its_times_say() -> None:
    with sandbox() as (registry, target):
        registry.faults.append(Fault("GET", "/v2/", 503, {"Retry-After": "1"}, b"busy", times=2))
        answers = [target.call("GET", "/v2/") for _ in range(3)]
        assert [answer.status for answer in answers] == [503, 503, 200]
        assert (answers[0].headers["Retry-After"], answers[0].data) == ("1", b"busy")
        assert [entry.status for entry in registry.log] == [503, 503, 200]


def test_a_fault_cuts_the_connection() -> None:
    with sandbox() as (registry, target):
        registry.faults.append(Fault("GET", "/v2/", 200, cut=True))
        with pytest.raises(urllib3.exceptions.HTTPError):
            target.call("GET", "/v2/")
