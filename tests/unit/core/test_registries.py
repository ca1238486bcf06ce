"""The table of registries, and image names read by it."""

from __future__ import annotations

import pytest

from mlops_actions.core import registries
from mlops_actions.core.image_name import ImageName, parse_reference
from mlops_actions.core.registries import BareName


@pytest.mark.parametrize(
    ("host", "canonical"),
    [
        ("docker.io", "docker.io"),
        ("index.docker.io", "docker.io"),
        ("registry-1.docker.io", "docker.io"),
        ("docker.pkg.github.com", "ghcr.io"),
        ("europe-docker.pkg.dev", "europe-docker.pkg.dev"),
        ("registry.example:5000", "registry.example:5000"),
    ],
)
def test_an_alias_means_its_registry(host: str, canonical: str) -> None:
    assert registries.canonical(host) == canonical


def test_a_registry_without_an_entry_is_like_any_other() -> None:
    entry = registries.known("registry.example")
    assert (entry.host, entry.bare_name, entry.token_username) == ("registry.example", BareName.AS_GIVEN, "")
    assert registries.api_host("registry.example") == "registry.example"


@pytest.mark.parametrize("host", ["eu.gcr.io", "europe-docker.pkg.dev"])
def test_an_end_of_a_host_has_its_registry_s_rules(host: str) -> None:
    assert registries.known(host).token_username == "oauth2accesstoken"


@pytest.mark.parametrize(
    ("text", "name", "version"),
    [
        ("debian", "docker.io/library/debian", "latest"),
        ("debian:12", "docker.io/library/debian", "12"),
        ("octo/app", "docker.io/octo/app", "latest"),
        ("localhost:5000/app", "localhost:5000/app", "latest"),
        ("ghcr.io/octo/app:1@sha256:00", "ghcr.io/octo/app", "sha256:00"),
        ("index.docker.io/octo/app:1", "docker.io/octo/app", "1"),
    ],
)
def test_a_reference_is_read_as_docker_reads_it(text: str, name: str, version: str) -> None:
    reference = parse_reference(text)
    assert (str(reference.name), reference.version) == (name, version)


@pytest.mark.parametrize(
    ("name", "familiar"),
    [
        (ImageName("docker.io", "library/debian"), "debian"),
        (ImageName("docker.io", "octo/app"), "octo/app"),
        (ImageName("ghcr.io", "library/app"), "ghcr.io/library/app"),
    ],
)
def test_docker_s_tools_leave_docker_hub_out_of_names(name: ImageName, familiar: str) -> None:
    assert name.familiar == familiar


@pytest.mark.parametrize(
    ("host", "anonymous", "remedy"),
    [
        ("ghcr.io", True, "permissions: packages: write"),
        (
            "registry.example",
            True,
            "give 'username' and 'password' of registry.example; a container action does not see",
        ),
        ("registry.example", False, "what this user may push"),
    ],
)
def test_a_denial_has_the_registry_s_remedy(host: str, anonymous: bool, remedy: str) -> None:
    assert remedy in registries.remedy_of_denial(host, anonymous=anonymous)
