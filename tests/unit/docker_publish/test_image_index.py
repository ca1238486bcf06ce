"""An image index of images for several platforms: which images it takes, and its bytes."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from mlops_actions.core.errors import BadInput
from mlops_actions.core.image_name import ImageName
from mlops_actions.core.oci import DOCKER_MANIFEST, IMAGE_INDEX, IMAGE_MANIFEST, is_manifest
from mlops_actions.docker_publish.image_index.assemble import (
    Entry,
    Platform,
    assemble,
    check,
    image_entry,
    is_attestation,
    parse_platform,
    platform_of,
)
from mlops_actions.docker_publish.image_index.collect import parse_digests

NAME = ImageName("ghcr.io", "octo/digits")
A, B, C = (f"sha256:{digit * 64}" for digit in "abc")


def image(digest: str, platform: str, **more: Any) -> Entry:
    manifest = {"mediaType": IMAGE_MANIFEST, "digest": digest, "size": 7, **more}
    return image_entry(manifest, parse_platform(platform))


def attestation(digest: str, of: str) -> Entry:
    annotations = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": of}
    platform = {"architecture": "unknown", "os": "unknown"}
    descriptor = {"mediaType": IMAGE_MANIFEST, "digest": digest, "size": 9, "annotations": annotations, "platform": platform}
    assert is_attestation(descriptor)
    return Entry(descriptor, None)


@pytest.mark.parametrize(
    ("document", "platform"),
    [
        ({"os": "linux", "architecture": "amd64"}, "linux/amd64"),
        ({"os": "linux", "architecture": "amd64", "variant": "v1"}, "linux/amd64"),
        ({"os": "linux", "architecture": "amd64", "variant": "v3"}, "linux/amd64/v3"),
        ({"os": "linux", "architecture": "arm64", "variant": "v8"}, "linux/arm64"),
        ({"os": "linux", "architecture": "arm64"}, "linux/arm64"),
        ({"os": "linux", "architecture": "arm"}, "linux/arm/v7"),
        ({"os": "linux", "architecture": "arm", "variant": "v6"}, "linux/arm/v6"),
        ({"os": "windows", "architecture": "amd64", "os.version": "10.0.20348.1"}, "windows/amd64 10.0.20348.1"),
        ({"os": "unknown", "architecture": "unknown"}, None),
        ({"os": "linux"}, None),
        ({"os": ["linux"], "architecture": "amd64"}, None),
        ({}, None),
        (None, None),
        ("linux/amd64", None),
    ],
)
def test_a_platform_is_read_from_a_descriptor(document: object, platform: str | None) -> None:
    found = platform_of(document)
    assert (str(found) if found else None) == platform


@pytest.mark.parametrize(
    ("texts", "digests"),
    [
        ([A], (A,)),
        ([A, B], (A, B)),
        ([A, A], (A,)),
        ([f"ghcr.io/octo/digits@{A}", B], (A, B)),
        ([f"ghcr.io/octo/digits:main@{A}"], (A,)),
        ([f"GHCR.io/octo/digits@{A}"], (A,)),
        ([], ()),
    ],
)
def test_images_to_merge_are_named_by_digest(texts: list[str], digests: tuple[str, ...]) -> None:
    assert parse_digests(texts, NAME) == digests


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("latest", "no digest"),
        ("sha256:abc", "no digest"),
        (A.upper(), "no digest"),
        (f"{A}0", "no digest"),
        ("ghcr.io/octo/digits:main", "no digest"),
        (f"ghcr.io/octo/other@{A}", "ghcr.io/octo/other"),
        (f"octo/digits@{A}", "octo/digits"),  # Docker Hub
        (f"ghcr.io/octo/digits/amd64@{A}", "ghcr.io/octo/digits/amd64"),
    ],
)
def test_what_is_no_digest_of_this_image_is_refused(text: str, cause: str) -> None:
    with pytest.raises(BadInput, match=cause) as caught:
        parse_digests([text], NAME)
    assert "input 'merge'" in caught.value.cause
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("entries", "platforms"),
    [
        ([image(A, "linux/amd64"), image(B, "linux/arm64")], []),
        ([image(A, "linux/amd64"), image(B, "linux/arm64")], ["linux/arm64", "linux/amd64"]),
        ([image(A, "linux/amd64"), image(B, "linux/arm64/v8")], ["linux/amd64", "linux/arm64"]),
        ([image(A, "linux/amd64"), image(A, "linux/amd64")], []),
        ([image(A, "linux/arm/v6"), image(B, "linux/arm")], ["linux/arm/v6", "linux/arm/v7"]),
        ([image(A, "linux/amd64"), attestation(B, of=A)], ["linux/amd64"]),
        (
            [
                Entry({"digest": A}, Platform("windows", "amd64", version="1")),
                Entry({"digest": B}, Platform("windows", "amd64")),
            ],
            ["windows/amd64"],
        ),
    ],
)
def test_images_of_different_platforms_fit_together(entries: list[Entry], platforms: list[str]) -> None:
    check(entries, platforms)


@pytest.mark.parametrize(
    ("entries", "platforms", "cause"),
    [
        ([image(A, "linux/amd64"), image(B, "linux/amd64")], [], f"two images for linux/amd64: {A} and {B}"),
        ([image(A, "linux/arm64"), image(B, "linux/arm64/v8")], [], "two images for linux/arm64"),
        ([image(A, "linux/amd64")], ["linux/amd64", "linux/arm64"], "no image for linux/arm64"),
        ([image(A, "linux/amd64"), image(B, "linux/arm64")], ["linux/amd64"], "an image for linux/arm64"),
        ([image(A, "linux/arm/v6")], ["linux/arm"], "no image for linux/arm/v7 and an image for linux/arm/v6"),
        ([attestation(B, of=A)], [], "no image with a known platform"),
        ([], [], "no image with a known platform"),
    ],
)
def test_platforms_that_do_not_fit_are_refused(entries: list[Entry], platforms: list[str], cause: str) -> None:
    with pytest.raises(BadInput, match="input 'merge'") as caught:
        check(entries, platforms)
    assert cause in caught.value.cause


def test_the_index_lists_images_by_platform_and_then_their_attestations() -> None:
    arm, amd = image(A, "linux/arm64"), image(B, "linux/amd64")
    of_arm, of_amd, of_another = attestation(C, of=A), attestation("sha256:" + "d" * 64, of=B), attestation(B, of=C)
    index = assemble([arm, of_another, of_arm, amd, of_amd, arm], {"b": "2", "a": "1 <ü>"})
    assert [entry["digest"] for entry in index.document["manifests"]] == [B, A, of_amd.digest, of_arm.digest]
    assert index.document["annotations"] == {"a": "1 <ü>", "b": "2"}
    assert (index.media_type, index.document["mediaType"]) == (IMAGE_INDEX, IMAGE_INDEX)
    assert index.digest == "sha256:" + hashlib.sha256(index.content).hexdigest()
    assert is_manifest(json.loads(index.content))


def test_the_same_images_in_any_order_give_the_same_bytes() -> None:
    entries = [image(A, "linux/arm64"), image(B, "linux/amd64"), attestation(C, of=A)]
    assert assemble(entries, {}).content == assemble(entries[::-1], {}).content
    assert "annotations" not in assemble(entries, {}).document


def test_a_descriptor_keeps_what_it_says_and_takes_nothing_else() -> None:
    entry = image(
        A, "linux/arm/v7", mediaType=DOCKER_MANIFEST, annotations={"x": "y"}, urls=["https://elsewhere"], data="AA=="
    )
    assert entry.descriptor == {
        "mediaType": DOCKER_MANIFEST,
        "digest": A,
        "size": 7,
        "annotations": {"x": "y"},
        "platform": {"os": "linux", "architecture": "arm", "variant": "v7"},
    }
    assert "annotations" not in image(A, "linux/amd64", annotations="x").descriptor
