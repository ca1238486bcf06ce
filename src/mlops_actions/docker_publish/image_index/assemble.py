"""Write an image index from descriptors (OCI image specification, image-index.md and descriptor.md). Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlops_actions.core.errors import BadInput
from mlops_actions.core.oci import IMAGE_INDEX, Manifest
from mlops_actions.core.types import Json

# How containerd's platforms package writes the variants that it takes for the same.
_NORMAL_VARIANTS = {("arm64", "v8"): "", ("arm64", "8"): "", ("amd64", "v1"): "", ("arm", ""): "v7"}
_DESCRIPTOR: tuple[str, ...] = ("mediaType", "digest", "size")
_ATTESTATION = "vnd.docker.reference.type"  # the annotation by which BuildKit marks an attestation in an index
_ATTESTED = "vnd.docker.reference.digest"


@dataclass(frozen=True)
class Platform:
    """What an image runs on; `version` is Windows' own, for which several images of one architecture exist."""

    system: str
    architecture: str
    variant: str = ""
    version: str = ""

    def __str__(self) -> str:
        parts = (self.system, self.architecture, self.variant)
        return "/".join(filter(None, parts)) + (f" {self.version}" if self.version else "")


def platform_of(document: object) -> Platform | None:
    """Read the `platform` of a descriptor, or an image's configuration; None where it names no real platform."""
    if not isinstance(document, dict):
        return None
    fields = [document.get(name) for name in ("os", "architecture", "variant", "os.version")]
    system, architecture, variant, version = (value if isinstance(value, str) else "" for value in fields)
    if not system or not architecture or "unknown" in (system, architecture):
        return None
    return _normal(Platform(system, architecture, variant, version))


def parse_platform(text: str) -> Platform:
    """Read `os/architecture` or `os/architecture/variant`."""
    system, _, rest = text.partition("/")
    architecture, _, variant = rest.partition("/")
    return _normal(Platform(system, architecture, variant))


def _normal(platform: Platform) -> Platform:
    variant = _NORMAL_VARIANTS.get((platform.architecture, platform.variant), platform.variant)
    return Platform(platform.system, platform.architecture, variant, platform.version)


@dataclass(frozen=True)
class Entry:
    """One manifest of the index: its descriptor, and its platform; an attestation has none."""

    descriptor: Json
    platform: Platform | None

    @property
    def digest(self) -> str:
        """The manifest's digest."""
        return str(self.descriptor["digest"])


def image_entry(manifest: Json, platform: Platform) -> Entry:
    """Describe an image; `manifest` has its mediaType, digest and size."""
    described = {"os": platform.system, "architecture": platform.architecture}
    described |= {"variant": platform.variant} if platform.variant else {}
    described |= {"os.version": platform.version} if platform.version else {}
    fields: Json = {name: manifest[name] for name in _DESCRIPTOR if name in manifest}
    if isinstance(manifest.get("annotations"), dict):
        fields["annotations"] = manifest["annotations"]
    return Entry({**fields, "platform": described}, platform)


def is_attestation(descriptor: Json) -> bool:
    """Tell whether a manifest in an index is BuildKit's attestation of another one."""
    annotations = descriptor.get("annotations")
    return isinstance(annotations, dict) and _ATTESTATION in annotations


def check(entries: Sequence[Entry], platforms: Sequence[str]) -> None:
    """Raise BadInput where a platform comes twice, or the platforms are not those that the input `platforms` names."""
    digests: dict[Platform, str] = {}
    for entry in entries:
        if entry.platform is None:
            continue
        if digests.setdefault(entry.platform, entry.digest) != entry.digest:
            raise BadInput(
                f"input 'merge' has two images for {entry.platform}: {digests[entry.platform]} and {entry.digest}",
                "let each job of the matrix build for a platform of its own, and name each digest once",
            )
    if not digests:
        raise BadInput("input 'merge' has no image with a known platform", "name the digests of images, one a line")
    expected = {parse_platform(text) for text in platforms}
    found = {Platform(platform.system, platform.architecture, platform.variant) for platform in digests}
    if expected and expected != found:
        missing = ", ".join(sorted(str(platform) for platform in expected - found))
        surplus = ", ".join(sorted(str(platform) for platform in found - expected))
        parts = [f"no image for {missing}"] if missing else []
        parts += [f"an image for {surplus}, which 'platforms' does not name"] if surplus else []
        raise BadInput(
            f"input 'merge' has {' and '.join(parts)}",
            "see whether each job that builds has pushed its image, then correct 'merge' or 'platforms'",
        )


def assemble(entries: Sequence[Entry], annotations: Mapping[str, str]) -> Manifest:
    """Write the index: images by platform, then the attestations of these images; the same entries give the same bytes."""
    by_platform = {entry.platform: entry for entry in entries if entry.platform is not None}
    images = [by_platform[platform] for platform in sorted(by_platform, key=str)]
    order = {entry.digest: number for number, entry in enumerate(images)}
    attestations = {entry.digest: entry for entry in entries if entry.platform is None and _attested(entry) in order}
    followers = sorted(attestations.values(), key=lambda entry: (order[_attested(entry)], entry.digest))
    document: Json = {
        "schemaVersion": 2,
        "mediaType": IMAGE_INDEX,
        "manifests": [entry.descriptor for entry in (*images, *followers)],
    }
    if annotations:
        document["annotations"] = dict(sorted(annotations.items()))
    content = json.dumps(document, indent=2, ensure_ascii=False).encode()
    return Manifest(f"sha256:{hashlib.sha256(content).hexdigest()}", IMAGE_INDEX, content)


def _attested(entry: Entry) -> str:
    annotations = entry.descriptor.get("annotations") or {}
    return str(annotations.get(_ATTESTED, ""))
