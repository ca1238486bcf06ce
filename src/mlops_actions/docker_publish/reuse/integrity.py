"""Whether a registry still has every part of an image: a tag stays where a clean-up has removed what it stands for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from mlops_actions.core.concurrent import gather_values
from mlops_actions.core.image_name import ImageName
from mlops_actions.core.oci import Manifest
from mlops_actions.core.types import Json
from mlops_actions.docker_publish.ports import Registry

# An image has at most 127 layers, and an index rarely more than ten images with an attestation each.
_MAX_PARTS = 2000
_AT_ONCE = 8


@dataclass(frozen=True)
class _Blob:
    """A configuration or a layer."""

    kind: str
    digest: str


def find_damage(registry: Registry, name: ImageName, manifest: Manifest) -> str:
    """Ask for each part of an image, several at once; return what is wrong in one line, empty for a whole image.

    Parts are the manifests of an image index (attestations are some of them), configurations and layers; not the layers
    with `urls`, which are kept elsewhere. A registry that refuses to answer is an error, not a damage.
    """
    images, damage = _images(registry, name, manifest)
    if damage:
        return damage
    blobs = list(dict.fromkeys(blob for image in images for blob in _blobs(image.document)))
    if len(blobs) > _MAX_PARTS:
        return f"it has {len(blobs)} parts, too many to look for"
    shares = [blobs[start::_AT_ONCE] for start in range(min(_AT_ONCE, len(blobs)))]
    missing = gather_values([partial(_first_missing, registry, name, share) for share in shares])
    return next((f"the registry lost its {blob.kind} {blob.digest}" for blob in missing if blob), "")


def _images(registry: Registry, name: ImageName, manifest: Manifest) -> tuple[list[Manifest], str]:
    """Return the image manifests of an image or of an index, and what is wrong with them."""
    entries = manifest.document.get("manifests")
    if entries is None:
        return [manifest], ""
    digests = list(dict.fromkeys(str(entry["digest"]) for entry in entries))
    if len(digests) > _MAX_PARTS:
        return [], f"it has {len(digests)} images, too many to look for"
    images: list[Manifest] = []
    for start in range(0, len(digests), _AT_ONCE):
        share = digests[start : start + _AT_ONCE]
        children = gather_values([partial(registry.manifest, name.repository, digest) for digest in share])
        for digest, child in zip(share, children, strict=True):
            if child is None:
                return [], f"the registry lost its manifest {digest}"
            if "manifests" in child.document:
                return [], f"its part {digest} is an image index again, which is not looked into"
            images.append(child)
    return images, ""


def _blobs(image: Json) -> Iterator[_Blob]:
    yield _Blob("configuration", str(image["config"]["digest"]))
    yield from (_Blob("layer", str(layer["digest"])) for layer in image["layers"] if not layer.get("urls"))


def _first_missing(registry: Registry, name: ImageName, blobs: Sequence[_Blob]) -> _Blob | None:
    return next((blob for blob in blobs if not registry.has_blob(name.repository, blob.digest)), None)
