"""What an image says of itself, for the outputs: labels, annotations, and BuildKit's metadata. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping

from mlops_actions.core.oci import Manifest
from mlops_actions.core.types import Json

_MAX_METADATA = 64_000  # characters of an output; all outputs of a job have room for a million
_MAX_LABELS = 32_000  # characters; they are in two outputs, and a base image can have any number of them


def annotations_of(manifest: Manifest) -> dict[str, str]:
    """Return the annotations of a manifest or an image index; what is no text is left out."""
    annotations = manifest.document.get("annotations")
    if not isinstance(annotations, dict):
        return {}
    return within_room({key: value for key, value in annotations.items() if isinstance(value, str)})


def within_room(texts: Mapping[str, str]) -> dict[str, str]:
    """Return labels or annotations, without the largest where an output has no room for all."""
    kept = dict(texts)
    sizes = {key: len(json.dumps([key, value])) for key, value in kept.items()}
    total = sum(sizes.values())
    for key in sorted(sizes, key=lambda key: -sizes[key]):
        if total <= _MAX_LABELS:
            break
        total -= sizes[key]
        del kept[key]
    return kept


def metadata_of(manifest: Manifest, built: Json) -> Json:
    """Return BuildKit's metadata of a build (`built`), with the registry's digest, by the names that BuildKit uses.

    The largest entries, such as a provenance document, are left out where an output has no room for them.
    """
    config = manifest.document.get("config")
    described: Json = {
        **built,
        "containerimage.digest": manifest.digest,
        "containerimage.descriptor": {
            "mediaType": manifest.media_type,
            "digest": manifest.digest,
            "size": len(manifest.content),
        },
    }
    if isinstance(config, dict):
        described["containerimage.config.digest"] = config.get("digest")
    sizes = {key: len(json.dumps(value)) for key, value in described.items()}
    while sum(sizes.values()) > _MAX_METADATA:
        largest = max(sizes, key=lambda key: sizes[key])
        del sizes[largest], described[largest]
    return described


def lines(texts: Mapping[str, str]) -> str:
    """Write `KEY=VALUE` lines as the inputs take them: a value of several lines, or with a quote, in double quotes."""
    return "\n".join(_line(key, value) for key, value in texts.items())


def _line(key: str, value: str) -> str:
    pair = f"{key}={value}"
    if value.splitlines() in ([value], []) and not key.startswith(('"', "#")) and value != "=":
        return pair
    return '"' + pair.replace('"', '""') + '"'
