"""Find the image of this very input, if it was built and pushed before: its fingerprint is a tag in the registry."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mlops_actions.core.errors import ActionError
from mlops_actions.core.image_name import ImageName
from mlops_actions.core.oci import Manifest
from mlops_actions.docker_publish.build import plan
from mlops_actions.docker_publish.ports import Registry
from mlops_actions.docker_publish.request import BuildRequest
from mlops_actions.docker_publish.reuse import fingerprint, integrity
from mlops_actions.docker_publish.reuse.build_input import Fingerprints
from mlops_actions.docker_publish.reuse.origin import Origin, read_origin


@dataclass(frozen=True)
class ReusableImage:
    """The manifest to tag again, or None and the reason, in one line.

    `source` is the repository that has it, where that is another one of the same registry. `is_damaged`: there is such an
    image, but the registry lost a part of it, which a layer cache in the registry may name too. `origin` is the build that
    made the image.
    """

    manifest: Manifest | None
    reason: str = ""
    source: ImageName | None = None
    is_damaged: bool = False
    origin: Origin | None = None

    @property
    def note(self) -> str:
        """Say which image is tagged again."""
        built = f" for commit {self.origin.sha[:12]}" if self.origin and self.origin.sha else ""
        where = f" in {self.source}, whose layers it shares" if self.source else ""
        return f"nothing changed since this image was built{built}{where}: it was tagged again, not built"


def find_reusable(registry: Registry, request: BuildRequest, fingerprints: Fingerprints) -> ReusableImage:
    """Look the fingerprints up. A registry that refuses is an error, not a miss; an image with a part missing is a miss.

    Images of other repositories count only once all their blobs could be mounted into this one.
    """
    name = request.name
    if not request.push or not fingerprints.accepted:
        return ReusableImage(None, fingerprints.reason)
    if reason := plan.why_without_cache(request.inputs):
        return ReusableImage(None, reason)
    image = _find_by_fingerprint(registry, name, fingerprints)
    reason = image.reason
    for source in request.reuse_from if image.manifest is None else ():
        try:
            candidate = _find_by_fingerprint(registry, source, fingerprints)
            if candidate.manifest is None:
                reason = f"{reason}; in {source.repository}, {candidate.reason}" if candidate.is_damaged else reason
                continue
            if copy_image(registry, candidate.manifest, source=source, target=name):
                return replace(candidate, source=source)
            reason = f"{reason}; the registry does not share the layers of {source.repository}, or lost some"
        except ActionError as error:
            reason = f"{reason}; {source.repository} cannot be read: {error.cause}"
    return replace(image, reason=reason)


def copy_image(registry: Registry, manifest: Manifest, *, source: ImageName, target: ImageName) -> bool:
    """Mount all blobs of an image of `source`, and put the manifests of its platforms.

    False where the registry does not share blobs.
    """
    document = manifest.document
    try:
        platform_digests = [str(entry["digest"]) for entry in document.get("manifests") or []]
        # Layers with `urls` are kept elsewhere.
        blobs = [document.get("config"), *(layer for layer in document.get("layers") or [] if not layer.get("urls"))]
        digests = dict.fromkeys(str(blob["digest"]) for blob in blobs if blob)
    except (AttributeError, KeyError, TypeError):
        return False  # not a manifest by the specification
    for digest in platform_digests:
        child = registry.manifest(source.repository, digest)
        if child is None or "manifests" in child.document:
            return False
        if not copy_image(registry, child, source=source, target=target):
            return False
        registry.put_manifest(target.repository, child.digest, content=child.content, media_type=child.media_type)
    return all(registry.mount_blob(target.repository, digest, source.repository) for digest in digests)


def _find_by_fingerprint(registry: Registry, name: ImageName, fingerprints: Fingerprints) -> ReusableImage:
    reason, is_damaged = "no image was built from this input before", False
    if fingerprints.generation:
        reason = "no image was built from this input within 'max-age'"
    for key in fingerprints.accepted:
        manifest = registry.manifest(name.repository, fingerprint.tag(key))
        if manifest is None:
            continue
        if damage := integrity.find_damage(registry, name, manifest):
            reason, is_damaged = f"the image of this input is damaged: {damage}", True
            continue
        return ReusableImage(manifest, origin=read_origin(registry, name, manifest))
    return ReusableImage(None, reason, is_damaged=is_damaged)
