"""The platforms that an image is built for. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mlops_actions.core.errors import BadInput
from mlops_actions.core.parsers import items

_DEFAULT = "DOCKER_DEFAULT_PLATFORM"


def is_platform(text: str) -> bool:
    """Tell whether a text is a platform, such as `linux/arm64` or `linux/arm/v7`."""
    return re.fullmatch(r"[a-z0-9_]+(/[a-z0-9_.]+){1,2}", text) is not None


def default(environ: Mapping[str, str]) -> tuple[str, ...] | None:
    """Return the platforms that the docker command line takes where none is given; None: the builder's own."""
    platforms = tuple(items(environ.get(_DEFAULT) or ""))
    for platform in platforms:
        if not is_platform(platform):
            raise BadInput(
                f"the variable {_DEFAULT} has {platform!r}, which is no platform",
                "write it as in 'linux/amd64', or give 'platforms'",
            )
    return platforms or None
