"""Measure an image, and how much of it the registry had before, from manifests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlops_actions.core.errors import ActionError
from mlops_actions.core.image_name import ImageName
from mlops_actions.core.oci import Manifest
from mlops_actions.docker_publish.ports import Registry

_MAX_MANIFESTS = 32  # manifests of an image index that are read


@dataclass(frozen=True)
class ImageSize:
    """Configurations and layers of an image, all platforms together: `size` in bytes, and each layer's bytes by digest.

    `by_platform` has the bytes of each platform's layers, where the image has several.
    """

    size: int
    layers: Mapping[str, int]
    platforms: int = 1
    by_platform: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class PreviousImage:
    """The image that a tag stood for before this publication moved it; `size` is None where it cannot be read."""

    tag: str = ""
    size: ImageSize | None = None
    manifest: Manifest | None = None


@dataclass(frozen=True)
class LayerCounts:
    """Layers of an image, and how many of them (and bytes) are new; `previous_tag` is the tag it was compared with."""

    count: int
    new: int
    new_size: int
    previous_tag: str = ""


def measure(registry: Registry, name: ImageName, manifest: Manifest) -> ImageSize | None:
    """Add up an image, or all images of an image index; None where a manifest cannot be read."""
    try:
        images = [manifest.document]
        if "manifests" in manifest.document:
            images = []
            for entry in manifest.document["manifests"][:_MAX_MANIFESTS]:
                child = registry.manifest(name.repository, entry["digest"])
                if child is None:
                    return None
                images.append(child.document)
        # An attestation is a manifest in the index too, but not a platform.
        entries = manifest.document.get("manifests") or []
        attestations = sum("vnd.docker.reference.type" in (entry.get("annotations") or {}) for entry in entries)
        layers = {str(layer["digest"]): int(layer["size"]) for image in images for layer in image["layers"]}
        configs = {str(image["config"]["digest"]): int(image["config"]["size"]) for image in images}
        sizes = {_platform(entry): _size(image) for entry, image in zip(entries, images, strict=False) if _platform(entry)}
    except (ActionError, KeyError, TypeError, ValueError, AttributeError):
        return None
    platforms = max(1, len(images) - attestations)
    return ImageSize(sum(configs.values()) + sum(layers.values()), layers, platforms, sizes if platforms > 1 else {})


def _size(image: Mapping[str, Any]) -> int:
    return sum(int(layer["size"]) for layer in image["layers"])


def _platform(entry: Mapping[str, Any]) -> str:
    """Name the platform of an entry of an index; empty for an attestation."""
    if "vnd.docker.reference.type" in (entry.get("annotations") or {}):
        return ""
    parts = entry.get("platform") or {}
    return "/".join(str(parts[name]) for name in ("os", "architecture", "variant") if parts.get(name))


def previous_image(registry: Registry, name: ImageName, tags: Sequence[str]) -> PreviousImage:
    """Measure the image that the first of these tags stands for now, before the tag is moved."""
    for tag in tags:
        try:
            manifest = registry.manifest(name.repository, tag)
        except ActionError:
            return PreviousImage()
        if manifest is not None:
            return PreviousImage(tag, measure(registry, name, manifest), manifest)
    return PreviousImage()


def count(image: ImageSize | None, previous: PreviousImage | None) -> LayerCounts | None:
    """Count the layers, and the new ones where the image was built (`previous`); None where it could not be measured."""
    if image is None:
        return None
    return unchanged(image) if previous is None else compare(image, previous)


def compare(image: ImageSize, previous: PreviousImage) -> LayerCounts:
    """Count the layers that the previous image did not have; all of them where it is unknown."""
    known = previous.size.layers if previous.size else {}
    new_layers = {digest: size for digest, size in image.layers.items() if digest not in known}
    return LayerCounts(
        count=len(image.layers),
        new=len(new_layers),
        new_size=sum(new_layers.values()),
        previous_tag=previous.tag if previous.size else "",
    )


def unchanged(image: ImageSize) -> LayerCounts:
    """Count the layers of an image that was in the registry before."""
    return LayerCounts(len(image.layers), new=0, new_size=0)
