"""Image names as Docker reads them."""

from __future__ import annotations

import pytest

from mlops_actions.core.image_name import ImageName, parse_reference


@pytest.mark.parametrize(
    ("name", "registry", "repository"),
    [
        ("ghcr.io/acme/digits", "ghcr.io", "acme/digits"),
        ("127.0.0.1:5000/digits", "127.0.0.1:5000", "digits"),
        ("localhost/digits", "localhost", "digits"),
        ("acme/digits", "docker.io", "acme/digits"),
        ("digits", "docker.io", "library/digits"),
    ],
)
def test_a_name_is_split_into_registry_and_repository(name: str, registry: str, repository: str) -> None:
    assert parse_reference(name).name == ImageName(registry, repository)
