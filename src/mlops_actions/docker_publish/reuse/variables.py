"""Which variables are input of a build. Pure.

Facts: buildx (commands/build.go, build/build.go) and BuildKit (frontend/dockerfile/builder/build.go: BUILDKIT_SYNTAX;
dockerfile2llb/convert.go: proxies, automatic platform arguments; solver/llbsolver/ops/exec.go: proxies are in no cache key).
"""

from __future__ import annotations

from collections.abc import Mapping

EPOCH = "SOURCE_DATE_EPOCH"
_SYNTAX = "BUILDKIT_SYNTAX"
_SOURCE_POLICY = "EXPERIMENTAL_BUILDKIT_SOURCE_POLICY"
_PROXIES = frozenset({"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"})
_OF_THE_BUILDER = (b"BUILDPLATFORM", b"BUILDOS", b"BUILDARCH", b"BUILDVARIANT")


def frontend(arguments: Mapping[str, str]) -> str:
    """Return the image that BUILDKIT_SYNTAX names to read the Dockerfile, whatever the Dockerfile says; empty: none."""
    return next(iter(arguments.get(_SYNTAX, "").split()), "")


def input_arguments(arguments: Mapping[str, str], dockerfile: bytes) -> dict[str, str]:
    """Return the build arguments that are input.

    A proxy is only a way to fetch, unless the Dockerfile names it: BuildKit reuses layers across proxies too. It may hold a
    password, and differs from machine to machine.
    """
    text = dockerfile.lower()
    return {key: value for key, value in arguments.items() if key.lower() not in _PROXIES or key.lower().encode() in text}


def reads_epoch(dockerfile: bytes) -> bool:
    """Tell whether a build may read the commit's time, which differs at each commit."""
    return EPOCH.encode() in dockerfile


def reads_builder_platform(dockerfile: bytes) -> bool:
    """Tell whether a build may read on which platform it runs, which differs from builder to builder."""
    return any(name in dockerfile for name in _OF_THE_BUILDER)


def unknown_input(environ: Mapping[str, str]) -> str:
    """Name the input that a variable of the builder adds and that is not known here; empty: none."""
    if environ.get(_SOURCE_POLICY):
        return f"{_SOURCE_POLICY} replaces sources of the build"
    return ""
