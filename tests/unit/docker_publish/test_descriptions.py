"""What an image says of itself, as outputs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_actions.core.oci import IMAGE_INDEX, IMAGE_MANIFEST, Manifest
from mlops_actions.docker_publish.descriptions import annotations_of, lines, metadata_of, within_room
from mlops_actions.docker_publish.key_values import key_values

DIGEST = "sha256:" + "a" * 64
CONFIG = "sha256:" + "c" * 64


def manifest(**fields: Any) -> Manifest:
    return Manifest(DIGEST, IMAGE_MANIFEST, json.dumps(fields).encode())


@pytest.mark.parametrize(
    ("texts", "written"),
    [
        ({}, ""),
        ({"a": "1", "b": ""}, "a=1\nb="),
        ({"title": "digits, a = b"}, "title=digits, a = b"),
        ({"notes": "one\ntwo"}, '"notes=one\ntwo"'),
        ({"notes": 'one\nsay "two"'}, '"notes=one\nsay ""two"""'),
        ({"quoted": '"'}, 'quoted="'),
        ({"#key": "x"}, '"#key=x"'),
        ({"equals": "="}, '"equals=="'),
    ],
)
def test_pairs_are_written_as_the_inputs_take_them(texts: dict[str, str], written: str) -> None:
    assert lines(texts) == written
    assert key_values(written) == texts


@given(
    st.dictionaries(
        st.from_regex(r"[#a-z][a-z0-9./-]{0,12}", fullmatch=True),
        st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], include_characters="\n"), max_size=30).map(
            str.strip
        ),
        max_size=4,
    )
)
def test_what_is_written_can_be_given_as_an_input(texts: dict[str, str]) -> None:
    assert {key: (value or "").splitlines() for key, value in key_values(lines(texts)).items()} == {
        key: value.splitlines() for key, value in texts.items()
    }


@pytest.mark.parametrize(
    ("fields", "annotations"),
    [
        ({}, {}),
        ({"annotations": {"a": "b"}}, {"a": "b"}),
        ({"annotations": {"a": "b", "c": 1, "d": None}}, {"a": "b"}),
        ({"annotations": ["a"]}, {}),
        ({"annotations": None}, {}),
    ],
)
def test_annotations_are_texts(fields: dict[str, Any], annotations: dict[str, str]) -> None:
    assert annotations_of(manifest(**fields)) == annotations


def test_metadata_has_the_registry_s_digest() -> None:
    image = manifest(config={"digest": CONFIG})
    described = {"mediaType": IMAGE_MANIFEST, "digest": DIGEST, "size": len(image.content)}
    expected = {
        "containerimage.digest": DIGEST,
        "containerimage.descriptor": described,
        "containerimage.config.digest": CONFIG,
    }
    assert metadata_of(image, {}) == expected
    built = {"image.name": "a:1", "containerimage.digest": "sha256:other"}
    assert metadata_of(image, built) == {"image.name": "a:1", **expected}
    index = Manifest(DIGEST, IMAGE_INDEX, b'{"manifests": []}')
    assert metadata_of(index, {}).keys() == {"containerimage.digest", "containerimage.descriptor"}


def test_metadata_leaves_out_what_an_output_has_no_room_for() -> None:
    metadata = metadata_of(manifest(), {"buildx.build.provenance": "x" * 70_000, "image.name": "a:1"})
    assert metadata.keys() == {"image.name", "containerimage.digest", "containerimage.descriptor"}


def test_the_largest_labels_are_left_out_where_an_output_has_no_room() -> None:
    texts = {"a": "1", "large": "x" * 40_000, "b": "2", "other": "y" * 20_000}
    assert within_room(texts) == {"a": "1", "b": "2", "other": "y" * 20_000}
    assert annotations_of(manifest(annotations=texts)) == within_room(texts)
    assert within_room({str(number): "x" for number in range(10_000)})
