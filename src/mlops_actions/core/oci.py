"""Manifests as registries keep them (OCI image and distribution specifications)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mlops_actions.core.json_text import parse_json
from mlops_actions.core.types import Json

IMAGE_INDEX = "application/vnd.oci.image.index.v1+json"
IMAGE_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_MANIFEST_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
MANIFEST_TYPES = (IMAGE_INDEX, IMAGE_MANIFEST, DOCKER_MANIFEST_LIST, DOCKER_MANIFEST)


@dataclass(frozen=True)
class Manifest:
    """A manifest or image index, byte for byte; `digest` is that of `content`."""

    digest: str
    media_type: str
    content: bytes

    @property
    def document(self) -> Json:
        """The parsed JSON; empty where it is no object."""
        return json_object(self.content)


def json_object(content: bytes) -> Json:
    """Parse a JSON object; return an empty one for anything else, since a registry may send anything."""
    try:
        parsed = parse_json(content)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def is_manifest(document: Json) -> bool:
    """Tell whether an object has what each image manifest or image index has (OCI image specification, 1.1)."""
    entries = [document.get("manifests")] if "manifests" in document else [document.get("layers"), [document.get("config")]]
    return all(isinstance(descriptors, list) and all(map(_is_descriptor, descriptors)) for descriptors in entries)


def _is_descriptor(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("digest"), str):
        return False
    size = value.get("size")
    return isinstance(size, int) and not isinstance(size, bool) and 0 <= size < 1 << 63
