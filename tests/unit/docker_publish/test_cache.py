"""Where layers are cached."""

from __future__ import annotations

import pytest

from mlops_actions.core.errors import BadInput
from mlops_actions.core.image_name import ImageName
from mlops_actions.docker_publish.build import cache

NAME = ImageName("ghcr.io", "octo/app")
GHA = {"ACTIONS_RUNTIME_TOKEN": "t", "ACTIONS_RESULTS_URL": "https://results.example/"}


@pytest.mark.parametrize(
    ("kind", "environ", "exports", "expected"),
    [
        ("auto", GHA, True, "gha"), ("auto", GHA, False, "inline"), ("auto", {}, True, "registry"),
        ("auto", {}, False, "inline"), ("gha", GHA, True, "gha"), ("registry", {}, True, "registry"),
        ("inline", {}, False, "inline"), ("none", GHA, True, "none"),
    ],
)  # fmt: skip
def test_the_cache_is_chosen_by_builder_and_runner(kind: str, environ: dict[str, str], exports: bool, expected: str) -> None:
    chosen = cache.choose(kind, NAME, environ, exports=exports, pushes=True, has_latest=True)
    assert chosen.kind == expected
    assert chosen.reason


def test_a_cache_that_is_not_available_is_an_error() -> None:
    for kind in ("gha", "registry"):
        with pytest.raises(BadInput, match="classic image store"):
            cache.choose(kind, NAME, GHA, exports=False, pushes=True, has_latest=True)
    with pytest.raises(BadInput, match="no cache service"):
        cache.choose("gha", NAME, {}, exports=True, pushes=True, has_latest=True)


def test_a_cache_is_written_only_with_the_right_to_push() -> None:
    for kind in ("registry", "inline"):
        arguments = cache.choose(kind, NAME, {}, exports=True, pushes=False, has_latest=True).arguments
        assert not any(argument.startswith("--cache-to") for argument in arguments)
    assert cache.choose("inline", NAME, {}, exports=True, pushes=False, has_latest=False).arguments == ()
