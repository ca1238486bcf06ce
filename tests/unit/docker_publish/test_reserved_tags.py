"""Tags that this action keeps for itself."""

from __future__ import annotations

import pytest

from mlops_actions.core.errors import BadInput
from mlops_actions.docker_publish.tags.reserved import is_reserved, without_reserved

FINGERPRINT = "ctx-" + "0a" * 32


@pytest.mark.parametrize(
    ("tag", "reserved"),
    [
        (FINGERPRINT, True),
        ("ctx-" + "0" * 63, False),
        ("ctx-" + "0" * 65, False),
        ("ctx-" + "A" * 64, False),
        ("ctx-refactor", False),
        ("my-" + FINGERPRINT, False),
        ("buildcache", True),
        ("buildcache-open", True),
        ("buildcache-pr-7", True),
        ("buildcache-", True),
        ("buildcaches", False),
        ("my-buildcache", False),
        ("latest", False),
    ],
)
def test_a_tag_that_steers_reuse_or_cache_is_reserved(tag: str, reserved: bool) -> None:
    assert is_reserved(tag) == reserved


def test_reserved_tags_are_left_out_and_named() -> None:
    names, notes = without_reserved(["abc", "buildcache", FINGERPRINT])
    assert names == ("abc",)
    assert [name in note for name, note in zip(("'buildcache'", FINGERPRINT), notes, strict=True)] == [True, True]
    assert without_reserved(["abc"]) == (("abc",), ())


def test_a_reserved_tag_alone_is_bad_input() -> None:
    with pytest.raises(BadInput, match="the only tag would be 'buildcache-open'") as error:
        without_reserved(["buildcache-open"])
    assert "'sha'" in error.value.remedy
