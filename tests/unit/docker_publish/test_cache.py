"""Where layers are cached."""

from __future__ import annotations

import pytest

from mlops_actions.core.errors import BadInput
from mlops_actions.core.image_name import ImageName
from mlops_actions.docker_publish.build import cache
from mlops_actions.docker_publish.build.cache import CacheScopes
from mlops_actions.docker_publish.reuse import trust_scopes

NAME = ImageName("ghcr.io", "octo/app")
SCOPES = CacheScopes(NAME, ("protected",), "latest")
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
    chosen = cache.choose(kind, environ, SCOPES, exports=exports, pushes=True)
    assert chosen.kind == expected
    assert chosen.reason


def test_a_cache_that_is_not_available_is_an_error() -> None:
    for kind in ("gha", "registry"):
        with pytest.raises(BadInput, match="classic image store"):
            cache.choose(kind, GHA, SCOPES, exports=False, pushes=True)
    with pytest.raises(BadInput, match="no cache service"):
        cache.choose("gha", {}, SCOPES, exports=True, pushes=True)


def test_a_cache_is_written_only_with_the_right_to_push() -> None:
    for kind in ("registry", "inline"):
        arguments = cache.choose(kind, {}, SCOPES, exports=True, pushes=False).arguments
        assert not any(argument.startswith("--cache-to") for argument in arguments)
    assert cache.choose("inline", {}, CacheScopes(NAME, ("protected",)), exports=True, pushes=False).arguments == ()


PROTECTED_REF = {"is_pull_request": False, "protected": True}
OPEN_REF = {"is_pull_request": False, "protected": False}
PULL_REQUEST = {"is_pull_request": True, "protected": True}


@pytest.mark.parametrize(
    ("kind", "who", "number", "reads", "writes"),
    [
        ("registry", PROTECTED_REF, None, ["buildcache"], "buildcache"),
        ("registry", OPEN_REF, None, ["buildcache", "buildcache-open"], "buildcache-open"),
        ("registry", PULL_REQUEST, 7, ["buildcache", "buildcache-open", "buildcache-pr-7"], "buildcache-pr-7"),
        ("gha", PROTECTED_REF, None, ["octo/app-protected"], "octo/app-protected"),
        ("gha", OPEN_REF, None, ["octo/app-protected", "octo/app-open"], "octo/app-open"),
        ("gha", PULL_REQUEST, 7, ["octo/app-protected", "octo/app-open", "octo/app-pr-7"], "octo/app-pr-7"),
    ],
)
def test_a_cache_has_the_boundaries_of_images(
    kind: str, who: dict[str, bool], number: int | None, reads: list[str], writes: str
) -> None:
    scopes = CacheScopes(NAME, trust_scopes.scopes(number, **who))
    arguments = cache.choose(kind, GHA, scopes, exports=True, pushes=True).arguments
    options = [dict(part.partition("=")[::2] for part in text.split(",")) for text in arguments]
    names = [option.get("scope") or option["ref"].rpartition(":")[2] for option in options]
    assert names == [*reads, writes]
    assert [text.partition("=")[0] for text in arguments] == ["--cache-from"] * len(reads) + ["--cache-to"]


def test_each_job_of_a_matrix_has_a_cache_of_its_own() -> None:
    """Jobs for two platforms write at the same time; one cache for both would hold the layers of the later one alone."""
    scopes = CacheScopes(NAME, ("protected", "open"), platform="linux-arm64")
    tags = [reference.rpartition(":")[2] for reference in scopes.registry_references]
    assert tags == ["buildcache-linux-arm64", "buildcache-open-linux-arm64"]
    assert scopes.gha_names == ["octo/app-protected-linux-arm64", "octo/app-open-linux-arm64"]
