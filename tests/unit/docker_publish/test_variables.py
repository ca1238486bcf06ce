"""Which variables are input of a build."""

from __future__ import annotations

import pytest

from mlops_actions.docker_publish.reuse import variables

PROXY = "http://user:password@proxy.example:3128"


@pytest.mark.parametrize(
    ("key", "dockerfile", "is_input"),
    [
        ("HTTP_PROXY", b"FROM a\nRUN b", False),
        ("https_proxy", b"FROM a\nRUN b", False),
        ("NO_PROXY", b"FROM a", False),
        ("FTP_PROXY", b"FROM a", False),
        ("all_proxy", b"FROM a", False),
        ("HTTP_PROXY", b"FROM a\nARG HTTP_PROXY\nENV P=$HTTP_PROXY", True),
        ("HTTP_PROXY", b"FROM a\nARG http_proxy", True),
        ("MY_HTTP_PROXY", b"FROM a", True),
        ("VERSION", b"FROM a", True),
    ],
)
def test_a_proxy_is_input_only_where_the_dockerfile_names_it(key: str, dockerfile: bytes, is_input: bool) -> None:
    assert variables.input_arguments({key: PROXY}, dockerfile) == ({key: PROXY} if is_input else {})


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, ""),
        ({"BUILDKIT_SYNTAX": "docker/dockerfile:1.7"}, "docker/dockerfile:1.7"),
        ({"BUILDKIT_SYNTAX": " docker/dockerfile:1.7 --flag "}, "docker/dockerfile:1.7"),
        ({"BUILDKIT_SYNTAX": ""}, ""),
    ],
)
def test_the_frontend_of_a_build_argument_is_its_first_word(arguments: dict[str, str], expected: str) -> None:
    assert variables.frontend(arguments) == expected


@pytest.mark.parametrize("name", ["BUILDPLATFORM", "BUILDOS", "BUILDARCH", "BUILDVARIANT"])
def test_the_builder_s_platform_is_input_where_it_is_named(name: str) -> None:
    assert variables.reads_builder_platform(f"FROM --platform=${name} a".encode())
    assert not variables.reads_builder_platform(b"FROM --platform=$TARGETPLATFORM a")


@pytest.mark.parametrize(
    ("triggers", "left_out", "expected"),
    [
        (b"ARG http_proxy", ["HTTP_PROXY"], "HTTP_PROXY"),
        (b"ARG HTTPS_PROXY\nENV P=$HTTPS_PROXY", ["no_proxy", "https_proxy"], "https_proxy"),
        (b"ARG VERSION", ["HTTP_PROXY"], ""),
        (b"ARG http_proxy", [], ""),
        (b"RUN echo $SOURCE_DATE_EPOCH", [], "SOURCE_DATE_EPOCH"),
        (b"ARG BUILDARCH", [], "BUILDARCH"),
    ],
)
def test_a_base_image_s_onbuild_that_reads_what_no_fingerprint_covers_is_named(
    triggers: bytes, left_out: list[str], expected: str
) -> None:
    assert variables.unhashed(triggers, left_out) == expected
