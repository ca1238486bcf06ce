"""Which variables are input of a build. Pure.

Facts: buildx (commands/build.go, build/build.go) and BuildKit (frontend/dockerfile/builder/build.go: BUILDKIT_SYNTAX;
dockerfile2llb/convert.go: proxies, automatic platform arguments; solver/llbsolver/ops/exec.go: proxies are in no cache key).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from mlops_actions.docker_publish.dockerfile import arguments as dockerfile_arguments
from mlops_actions.docker_publish.dockerfile.bases import with_triggers
from mlops_actions.docker_publish.dockerfile.instructions import Dockerfile

EPOCH = "SOURCE_DATE_EPOCH"
_SYNTAX = "BUILDKIT_SYNTAX"
_SOURCE_POLICY = "EXPERIMENTAL_BUILDKIT_SOURCE_POLICY"
_PROXIES = frozenset({"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"})
_OF_THE_BUILDER = (b"BUILDPLATFORM", b"BUILDOS", b"BUILDARCH", b"BUILDVARIANT")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def searched_text(content: bytes, dockerfile: Dockerfile) -> bytes:
    """Return a Dockerfile's bytes, and its instructions with their lines joined: a continued line may part a name."""
    joined = "\n".join(instruction.arguments for instruction in dockerfile.instructions)
    return content + b"\n" + joined.encode("utf-8", "surrogateescape")


def unknown_argument(dockerfile: Dockerfile) -> str:
    """Name an ARG whose name is made of quotes or variables, so that it may be any variable's; empty: there is none."""
    for instruction in with_triggers(dockerfile):
        if instruction.keyword == "ARG":
            for word in dockerfile_arguments.split_words(instruction.operands, dockerfile.escape):
                name = word.partition("=")[0]
                if not _NAME.fullmatch(name):
                    return f"line {instruction.line}: which argument {name!r} is cannot be known here"
    return ""


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


def unhashed(triggers: bytes, left_out: Iterable[str] = ()) -> str:
    """Name a variable in the ONBUILD of a base image that enters a fingerprint only where the Dockerfile names it.

    `left_out` are the build arguments that this fingerprint leaves out.
    """
    lower = triggers.lower()
    by_name = [name.decode() for name in (EPOCH.encode(), *_OF_THE_BUILDER) if name in triggers]
    return next(iter([*by_name, *(name for name in left_out if name.lower().encode() in lower)]), "")


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
