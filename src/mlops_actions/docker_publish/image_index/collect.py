"""Find the images that the input `merge` names, in the registry."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mlops_actions.core.errors import BadInput
from mlops_actions.core.image_name import ImageName, parse_reference
from mlops_actions.core.oci import Manifest, json_object
from mlops_actions.core.types import Json
from mlops_actions.docker_publish.image_index.assemble import (
    Entry,
    Platform,
    image_entry,
    is_attestation,
    platform_of,
)
from mlops_actions.docker_publish.ports import Registry

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_REMEDY = "give the output 'digest' or 'ref' of each job that builds, one a line"


def parse_digests(texts: Sequence[str], name: ImageName) -> tuple[str, ...]:
    """Read `sha256:…` or `registry/name@sha256:…` of this very image, each once; raises BadInput."""
    digests: dict[str, None] = {}
    for text in texts:
        image, _, digest = text.rpartition("@")
        if not _DIGEST.fullmatch(digest):
            raise BadInput(f"input 'merge' has {text!r}, which is no digest", _REMEDY)
        if image and parse_reference(image).name != name:
            raise BadInput(
                f"input 'merge' names {image!r}, but the index is pushed to {str(name)!r}",
                "let the jobs that build and the one that merges have the same 'image': a registry keeps an index and its "
                "images in one repository",
            )
        digests[digest] = None
    return tuple(digests)


def collect(registry: Registry, name: ImageName, digests: Sequence[str]) -> list[Entry]:
    """Read the images, and all images and attestations of an index among them; raises BadInput for what is not there."""
    entries: list[Entry] = []
    for digest in digests:
        manifest = _manifest(registry, name, digest)
        children = manifest.document.get("manifests")
        if children is None:
            entries.append(_image(registry, name, described=_descriptor(manifest), manifest=manifest))
        else:
            entries += [_child(registry, name, child) for child in children]
    return entries


def _manifest(registry: Registry, name: ImageName, digest: str) -> Manifest:
    manifest = registry.manifest(name.repository, digest)
    if manifest is None:
        raise BadInput(
            f"input 'merge' names {digest}, which is not in {name}",
            "see whether the job that builds pushed it (its output 'pushed'), and to this very image",
        )
    return manifest


def _descriptor(manifest: Manifest) -> Json:
    return {"mediaType": manifest.media_type, "digest": manifest.digest, "size": len(manifest.content)}


def _child(registry: Registry, name: ImageName, child: Json) -> Entry:
    if is_attestation(child):
        return Entry(child, None)
    platform = platform_of(child.get("platform"))
    if platform is not None:
        return image_entry(child, platform)
    return _image(registry, name, described=child, manifest=_manifest(registry, name, str(child["digest"])))


def _image(registry: Registry, name: ImageName, *, described: Json, manifest: Manifest) -> Entry:
    """Describe an image by its configuration, which names its platform."""
    return image_entry(described, _configured_platform(registry, name, manifest))


def _configured_platform(registry: Registry, name: ImageName, manifest: Manifest) -> Platform:
    config = manifest.document.get("config") or {}
    platform = platform_of(json_object(registry.blob(name.repository, str(config.get("digest", "")))))
    if platform is None:
        raise BadInput(
            f"input 'merge' names {manifest.digest}, whose configuration does not say its platform",
            "name images only: neither an artifact nor an attestation has a platform",
        )
    return platform
