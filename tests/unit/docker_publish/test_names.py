"""Image names: the user's text → registry and repository."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_actions.core import registries
from mlops_actions.core.errors import BadInput
from mlops_actions.docker_publish.names import resolve, resolve_below_repository, resolve_with_tag

REPOSITORY = "Octo-Org/Hello.World"

MODERN = [
    # image, registry, full name
    ("app", None, "ghcr.io/octo-org/hello.world/app"),
    ("App", None, "ghcr.io/octo-org/hello.world/app"),
    ("octo/app", None, "ghcr.io/octo/app"),
    ("ghcr.io/octo/app", None, "ghcr.io/octo/app"),
    ("GHCR.IO/Octo/App", None, "ghcr.io/octo/app"),
    ("https://ghcr.io/octo/app", None, "ghcr.io/octo/app"),
    ("octo/team/app", None, "ghcr.io/octo/team/app"),
    ("octo/app", "ghcr.io", "ghcr.io/octo/app"),
    ("octo/app", "https://Quay.io/", "quay.io/octo/app"),
    ("app", "localhost:5000", "localhost:5000/app"),
    ("localhost:5000/my/app", None, "localhost:5000/my/app"),
    ("localhost/app", None, "localhost/app"),
    ("127.0.0.1:5000/my/app", None, "127.0.0.1:5000/my/app"),
    ("[::1]:5000/my/app", None, "[::1]:5000/my/app"),
    ("my/app", "[::1]:5000", "[::1]:5000/my/app"),
    ("app", "europe-docker.pkg.dev/project/repo", "europe-docker.pkg.dev/project/repo/app"),
    ("project/repo/app", "europe-docker.pkg.dev/project/repo", "europe-docker.pkg.dev/project/repo/app"),
    ("app", "ghcr.io/octo", "ghcr.io/octo/app"),
    ("octo/app", "docker.io", "docker.io/octo/app"),
    ("octo/app", "https://index.docker.io/v1/", "docker.io/octo/app"),
    ("docker.io/octo/app", None, "docker.io/octo/app"),
    ("docker.pkg.github.com/octo/repo/app", None, "ghcr.io/octo/repo/app"),
    ("my app", None, "ghcr.io/octo-org/hello.world/my-app"),
    ("octo/my..app", None, "ghcr.io/octo/my-app"),
    ("octo/_app_", None, "ghcr.io/octo/app"),
    ("octo/a__b--c", None, "ghcr.io/octo/a__b--c"),
    ("octo/a.-b", None, "ghcr.io/octo/a-b"),
    ("octo//app", None, "ghcr.io/octo/app"),
    (".hidden/app", None, "ghcr.io/hidden/app"),
    ("octo/app\n--push", None, "ghcr.io/octo/app---push"),
]


@pytest.mark.parametrize(("image", "registry", "expected"), MODERN)
def test_an_image_is_named_by_image_and_registry(image: str, registry: str | None, expected: str) -> None:
    assert str(resolve(image, registry, REPOSITORY).name) == expected


@pytest.mark.parametrize(
    ("image_name", "expected"),
    [
        ("app", "ghcr.io/octo-org/hello.world/app"),
        ("MyContainer", "ghcr.io/octo-org/hello.world/mycontainer"),
        ("team/app", "ghcr.io/octo-org/hello.world/team/app"),
    ],
)
def test_image_name_is_named_below_the_repository(image_name: str, expected: str) -> None:
    resolved = resolve_below_repository(image_name, None, REPOSITORY)
    assert str(resolved.name) == expected
    assert "docker.pkg.github.com is closed" in resolved.notes[0]


def test_image_name_goes_to_another_registry_where_one_is_given() -> None:
    assert (
        str(resolve_below_repository("app", "localhost:5000", REPOSITORY).name) == "localhost:5000/octo-org/hello.world/app"
    )


LEGACY = [
    # name, registry, full name, tag
    ("owner/app", None, "docker.io/owner/app", ""),
    ("Owner/App", None, "docker.io/owner/app", ""),
    ("owner/app:v1", None, "docker.io/owner/app", "v1"),
    ("app", None, "docker.io/library/app", ""),
    ("owner/app", "registry.example:5000", "registry.example:5000/owner/app", ""),
    ("registry.example:5000/owner/app", "registry.example:5000", "registry.example:5000/owner/app", ""),
    ("registry.example:5000/owner/app:x", None, "registry.example:5000/owner/app", "x"),
    ("localhost:5000/my/repository", None, "localhost:5000/my/repository", ""),
    ("owner/app", "https://GHCR.io", "ghcr.io/owner/app", ""),
    ("project/app", "gcr.io", "gcr.io/project/app", ""),
    ("owner/repo/app", "docker.pkg.github.com", "ghcr.io/owner/repo/app", ""),
]


@pytest.mark.parametrize(("name", "registry", "expected", "tag"), LEGACY)
def test_name_is_named_as_publish_docker_did(name: str, registry: str | None, expected: str, tag: str) -> None:
    resolved = resolve_with_tag(name, registry)
    assert (str(resolved.name), resolved.tag) == (expected, tag)


@pytest.mark.parametrize(
    ("image", "registry", "reason"),
    [
        ("octo/app:v1", None, "holds a tag"),
        ("octo/app@sha256:" + "0" * 64, None, "holds a tag or digest"),
        ("quay.io/octo/app", "ghcr.io", "names the registry 'quay.io'"),
        ("app", "docker.io", "belongs to an account"),
        ("octo/---", None, "no valid image name"),
        ("octo/" + "x" * 300, None, "no valid image name"),
        ("app", "not a host", "is not a host"),
        ("app", "-x.example", "is not a host"),
        ("app", "host:port", "is not a host"),
        ("app", "user:password@host.example", "is not a host"),
    ],
)
def test_an_invalid_name_is_an_error(image: str, registry: str | None, reason: str) -> None:
    with pytest.raises(BadInput, match=reason) as error:
        resolve(image, registry, REPOSITORY)
    assert error.value.remedy


def test_changes_to_a_name_are_noted() -> None:
    assert resolve("octo/My App", None, REPOSITORY).notes == ("the name 'octo/My App' was made valid: octo/my-app",)
    assert resolve("octo/app", None, REPOSITORY).notes == ()


def test_a_name_makes_references() -> None:
    name = resolve("octo/app", None, REPOSITORY).name
    assert name.tagged("v1") == "ghcr.io/octo/app:v1"
    assert name.at("sha256:00") == "ghcr.io/octo/app@sha256:00"


@given(st.text(min_size=1))
def test_any_text_yields_a_valid_name_or_an_error(image: str) -> None:
    import re

    try:
        name = resolve(image, None, REPOSITORY).name
    except BadInput:
        return
    component = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
    assert re.fullmatch(rf"{component}(?:/{component})*", name.repository, re.ASCII)
    assert not name.registry.startswith("-")


@pytest.mark.parametrize(
    ("server", "registry", "image", "name"),
    [
        ("https://github.com", None, "app", "ghcr.io/octo-org/hello.world/app"),
        ("", None, "app", "ghcr.io/octo-org/hello.world/app"),
        ("https://ghe.example", None, "app", "containers.ghe.example/octo-org/hello.world/app"),
        ("https://ghe.example", None, "team/app", "containers.ghe.example/team/app"),
        ("https://ghe.example:8443", None, "app", "containers.ghe.example/octo-org/hello.world/app"),
        ("https://team.ghe.com", None, "app", "containers.team.ghe.com/octo-org/hello.world/app"),
        ("https://ghe.example", "ghcr.io", "app", "ghcr.io/octo-org/hello.world/app"),
        ("https://ghe.example", "docker.ghe.example", "o/r/app", "docker.ghe.example/o/r/app"),
        ("https://ghe.example", None, "docker.io/o/app", "docker.io/o/app"),
        ("http://127.0.0.1:8080", None, "app", "ghcr.io/octo-org/hello.world/app"),
        ("http://localhost:8080", None, "app", "ghcr.io/octo-org/hello.world/app"),
    ],
)
def test_a_bare_name_is_in_the_registry_of_the_job_s_github(
    server: str, registry: str | None, image: str, name: str
) -> None:
    github = registries.registry_of_github(server)
    assert str(resolve(image, registry, REPOSITORY, github).name) == name
