"""Tags that this action keeps for itself: whoever could choose one would choose what later builds reuse. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mlops_actions.core.errors import BadInput

FINGERPRINT_PREFIX = "ctx-"  # `ctx-` and 64 hexadecimal digits: the image of one fingerprint
CACHE_TAG = "buildcache"  # alone, or with `-` and a scope: the layer cache
_RESERVED = re.compile(rf"{FINGERPRINT_PREFIX}[0-9a-f]{{64}}|{CACHE_TAG}(?:-.*)?", re.DOTALL)


def is_reserved(tag: str) -> bool:
    """Tell whether a tag steers what is reused or cached, so that no image may get it by name."""
    return _RESERVED.fullmatch(tag) is not None


def without_reserved(names: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Leave reserved tags out; return the others, and a note for each that was left out. Raises BadInput where none remains.

    This is the last word on the tags of an image, wherever they come from: a branch, a git tag, a literal, an older input.
    """
    kept = tuple(name for name in names if not is_reserved(name))
    left_out = [name for name in names if is_reserved(name)]
    if left_out and not kept:
        raise BadInput(
            f"the only tag would be {left_out[0]!r}, which this action keeps for images to reuse and for its layer cache",
            "choose another name, or add the rule 'sha' to 'tags'",
        )
    return kept, tuple(f"no tag {name!r}: this action keeps that name for itself" for name in left_out)
