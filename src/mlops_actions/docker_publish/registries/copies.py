"""Copy a published image, byte for byte, to the other registries that the inputs name.

What a registry has already is not sent again, so that the copy of an unchanged image costs one question a layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

from mlops_actions.core.concurrent import gather
from mlops_actions.core.errors import ActionError, Refused, Unavailable
from mlops_actions.core.image_name import ImageName
from mlops_actions.core.oci import Manifest
from mlops_actions.docker_publish.inputs import Inputs
from mlops_actions.docker_publish.ports import Registry
from mlops_actions.docker_publish.registries.clients import RegistryClients
from mlops_actions.docker_publish.registries.table import RegistryEntry
from mlops_actions.docker_publish.request import BuildRequest
from mlops_actions.docker_publish.size_text import size_text

_AT_ONCE = 4  # layers; each is a stream from one registry to the other
_REMEDY = "the image is complete in the other registries; correct the cause, and run the job again"


def targets(inputs: Inputs, own: ImageName) -> tuple[ImageName, ...]:
    """Return where else the image is pushed: under the same path, or the one that the entry of `registries` names."""
    names = (ImageName(entry.host, entry.repository or own.repository) for entry in pushing(inputs))
    return tuple(name for name in names if name != own)


def pushing(inputs: Inputs) -> list[RegistryEntry]:
    """Return the entries that the image is pushed to; without secrets, only `push: true` makes it a failure."""
    must_push = bool(inputs.push)
    return [entry for entry in inputs.registries or () if entry.pushes and (must_push or not entry.has_empty_password)]


class OtherRegistries:
    """The registries that a published image is copied to; there are none where the request does not push."""

    def __init__(self, request: BuildRequest) -> None:
        self._source = request.name
        self._targets = targets(request.inputs, request.name) if request.push else ()
        without = [entry for entry in request.inputs.registries or () if entry.pushes] if request.push else []
        self._left_out = [entry.host for entry in without if entry not in pushing(request.inputs)]
        self._clients: dict[ImageName, Registry] = {}

    def open(self, clients: RegistryClients) -> list[str]:
        """Sign in, and raise Refused unless each may be pushed to: before anything is built. Return notes."""
        self._clients = {target: clients.target(target) for target in self._targets}
        for target, client in self._clients.items():
            client.require_push(target.repository)
        return [f"not pushed to {host}: its password in 'registries' is empty" for host in self._left_out]

    def copy(self, registry: Registry, digest: str, tags: Sequence[str]) -> list[str]:
        """Copy an image with its tags, so that it has one digest everywhere; return a note for each registry.

        `digest` is empty where nothing was pushed: then nothing is copied.
        """
        notes: list[str] = []
        if not digest or not self._clients:
            return notes
        manifest = registry.manifest(self._source.repository, digest)
        if manifest is None:
            raise Unavailable(
                f"{self._source.at(digest)} was there a moment ago and is gone, so it could not be copied to "
                f"{', '.join(map(str, self._clients))}",
                "run the job again; if it persists, a clean-up deletes new images",
            )
        for target, client in self._clients.items():
            copier = ImageCopier(registry, self._source, client, target)
            try:
                copier.copy(manifest, tags)
            except ActionError as error:
                source = self._source.at(manifest.digest)
                cause = f"the image is in its registry as {source}, but it could not be copied to {target}: {error.cause}"
                raise error.reworded(cause, f"{error.remedy}; {_REMEDY}") from error
            sent = f"{size_text(copier.copied_bytes)} sent" if copier.copied_bytes else "every layer was there"
            notes.append(f"also pushed to {target.at(manifest.digest)} ({sent})")
        return notes


class ImageCopier:
    """Copies images of `source` in `registry` to `target` in `other`; raises Refused and Unavailable."""

    def __init__(self, registry: Registry, source: ImageName, other: Registry, target: ImageName) -> None:
        self._registry = registry
        self._source = source
        self._other = other
        self._target = target
        self.copied_bytes = 0

    def copy(self, manifest: Manifest, tags: Sequence[str]) -> None:
        """Copy an image with all that it refers to, then set the tags; without tags it is known by its digest alone."""
        self._copy_content(manifest)
        for reference in tags or (manifest.digest,):
            self._put(manifest, reference)
        stored = self._other.digest_of(self._target.repository, (tags or (manifest.digest,))[0])
        if stored != manifest.digest:
            raise Refused(
                f"{self._target.registry} took the image and shows {stored or 'nothing'} instead of {manifest.digest}",
                "push to a registry that keeps manifests as they are",
            )

    def _put(self, manifest: Manifest, reference: str) -> None:
        try:
            self._other.put_manifest(
                self._target.repository, reference, content=manifest.content, media_type=manifest.media_type
            )
        except Refused:
            # An immutable tag that stands for this image already.
            if self._other.digest_of(self._target.repository, reference) != manifest.digest:
                raise

    def _copy_content(self, manifest: Manifest) -> None:
        for digest in dict.fromkeys(str(entry["digest"]) for entry in manifest.document.get("manifests") or []):
            child = self._registry.manifest(self._source.repository, digest)
            if child is None:
                raise Refused(
                    f"{self._source.at(digest)}, a part of the image, is not in its registry", "build the image again"
                )
            self._copy_content(child)
            self._put(child, child.digest)
        sizes = {str(blob["digest"]): int(blob["size"]) for blob in _blobs(manifest)}
        for group in _groups(list(sizes), _AT_ONCE):
            for result in gather({digest: partial(self._copy_blob, digest, sizes[digest]) for digest in group}).values():
                if isinstance(result, ActionError):
                    raise result

    def _copy_blob(self, digest: str, size: int) -> None:
        source, target = self._source, self._target
        if self._other.has_blob(target.repository, digest):
            return
        if source.registry == target.registry and self._other.mount_blob(target.repository, digest, source.repository):
            return
        self._other.put_blob(target.repository, digest, size, lambda: self._registry.stream_blob(source.repository, digest))
        self.copied_bytes += size


def _blobs(manifest: Manifest) -> Iterator[dict[str, Any]]:
    """Yield configuration and layers; layers with `urls` are kept elsewhere."""
    document = manifest.document
    if "config" in document:
        yield document["config"]
    yield from (layer for layer in document.get("layers") or [] if not layer.get("urls"))


def _groups(items: Sequence[str], size: int) -> Iterator[list[str]]:
    rest = iter(items)
    while group := list(islice(rest, size)):
        yield group
