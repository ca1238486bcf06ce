"""Read the values of docker-publish's inputs that no other action has. Pure; each raises ValueError."""

from __future__ import annotations

import re

from mlops_actions.core.parsers import boolean, items, pairs

COMPRESSIONS = ("gzip", "zstd")
CACHES = ("auto", "gha", "registry", "inline", "none")


def pair_items(value: str) -> dict[str, str | None]:
    """Read `KEY=VALUE` or bare `KEY`, separated by lines or commas, as the replaced action's `buildargs`.

    The bare ones come first: below an entry with a value they would be taken for a further line of it.
    """
    values = pairs("\n".join(items(value)))
    return dict(sorted(values.items(), key=lambda entry: entry[1] is not None))


def negated(value: str) -> bool:
    """Read a boolean that means the opposite."""
    return not boolean(value)


def cache(value: str) -> str:
    """Read where layers are cached; with `true` the replaced actions reused the image itself, which is `inline`."""
    kind = {"true": "inline", "false": "none"}.get(value.strip().lower(), value.strip().lower())
    if kind not in CACHES:
        raise ValueError(f"must be one of {', '.join(CACHES)}, not {value!r}")
    return kind


def provenance(value: str) -> str:
    """Read which provenance BuildKit attests."""
    attestation = value.strip()
    if attestation not in ("true", "false", "mode=min", "mode=max"):
        raise ValueError(f"must be true, false, mode=min or mode=max, not {value!r}")
    return attestation


def sbom(value: str) -> str:
    """Read `true`, `false`, or the image of the program that makes the list."""
    attestation = value.strip()
    is_generator = re.fullmatch(r"generator=[a-z0-9][\w./:@-]*", attestation, re.ASCII)
    if attestation not in ("true", "false") and not is_generator:
        raise ValueError(f"must be true, false or generator=IMAGE, not {value!r}")
    return attestation


def ref(value: str) -> str:
    """Read a full ref, or a branch's bare name."""
    ref = value.strip()
    if re.search(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{", ref):
        raise ValueError(f"must be a branch or a full ref such as refs/tags/v1, not {value!r}")
    return ref if ref.startswith("refs/") else f"refs/heads/{ref}"
