"""What an image weighs, and how much of it the registry had before: read from manifests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlops_actions.core.errors import ActionError
from mlops_actions.docker_publish.names import ImageName
from mlops_actions.docker_publish.ports import Manifest, Registry

_INDEX_LIMIT = 32  # manifests of an index that are read


@dataclass(frozen=True)
class Weight:
    """Configurations and layers of an image, all its platforms together: bytes, and each layer's bytes by digest."""

    size: int
    layers: Mapping[str, int]
    platforms: int = 1


@dataclass(frozen=True)
class Layers:
    """How many layers an image has, how many of them are new, and their bytes; `before` is the tag it was held against."""

    count: int
    new: int
    new_size: int
    before: str = ""


def weigh(registry: Registry, name: ImageName, manifest: Manifest) -> Weight | None:
    """Add an image up, or all images of an index; None where a manifest cannot be read."""
    try:
        images = [manifest.document]
        if "manifests" in manifest.document:
            images = []
            for entry in manifest.document["manifests"][:_INDEX_LIMIT]:
                child = registry.manifest(name.repository, entry["digest"])
                if child is None:
                    return None
                images.append(child.document)
        # An attestation is a manifest of the index too, but no platform.
        attested = sum(
            "vnd.docker.reference.type" in (entry.get("annotations") or {})
            for entry in manifest.document.get("manifests") or []
        )
        layers = {str(layer["digest"]): int(layer["size"]) for image in images for layer in image["layers"]}
        configs = {str(image["config"]["digest"]): int(image["config"]["size"]) for image in images}
        return Weight(sum(configs.values()) + sum(layers.values()), layers, max(1, len(images) - attested))
    except (ActionError, KeyError, TypeError, ValueError, AttributeError):
        return None


def known_before(registry: Registry, name: ImageName, tags: Sequence[str]) -> tuple[str, Weight | None]:
    """Weigh what the first of these tags that is there stands for now, before it is moved."""
    for tag in tags:
        try:
            manifest = registry.manifest(name.repository, tag)
        except ActionError:
            return "", None
        if manifest is not None:
            return tag, weigh(registry, name, manifest)
    return "", None


def compare(now: Weight, tag: str, before: Weight | None) -> Layers:
    """Count what is new in an image since what `tag` stood for; all of it where nothing is known of that."""
    old = before.layers if before else {}
    fresh = {digest: size for digest, size in now.layers.items() if digest not in old}
    return Layers(len(now.layers), len(fresh), sum(fresh.values()), tag if before else "")
