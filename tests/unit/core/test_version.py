"""Semantic versions: which texts are versions, and in which order they stand."""

from __future__ import annotations

import itertools

import pytest

from mlops_actions.core.version import SemanticVersion


def test_versions_order_as_semver_org_says() -> None:
    ordered = [
        "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
        "1.0.0", "1.0.1", "1.2.0", "1.10.0", "2.0.0",
    ]  # fmt: skip
    parsed = [version for version in map(SemanticVersion.parse, ordered) if version is not None]
    assert len(parsed) == len(ordered)
    assert all(older < newer for older, newer in itertools.pairwise(parsed))


@pytest.mark.parametrize("text", ["9" * 5000 + ".0.0", "1.0.0-" + "9" * 5000, "1.0.0-" + "a." * 5000])
def test_a_version_of_thousands_of_digits_is_none(text: str) -> None:
    assert SemanticVersion.parse(text) is None


@pytest.mark.parametrize("text", ["1.2.3", "1.2.3-rc.1", "1.2.3+build.5", "1.2.3-rc.1+build.5"])
def test_a_version_is_written_as_it_was_read(text: str) -> None:
    assert str(SemanticVersion.parse(text)) == str(SemanticVersion.parse(f"v{text}")) == text


def test_build_metadata_does_not_take_part_in_comparisons() -> None:
    plain, built = SemanticVersion.parse("1.2.3"), SemanticVersion.parse("1.2.3+build")
    assert plain is not None
    assert built is not None
    assert plain == built
    assert not plain < built
    assert not built < plain


@pytest.mark.parametrize("text", ["1.2", "1.2.3.4", "01.2.3", "1.2.3-", "1.2.3 ", "1.2.3\n", "1.2.3-a..b", "vv1.2.3", ""])
def test_any_other_text_is_not_a_version(text: str) -> None:
    assert SemanticVersion.parse(text) is None
