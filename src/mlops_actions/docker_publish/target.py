"""The repository that an image is pushed to: which tags the image gets there, and what the registry has of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

from mlops_actions.core.errors import ActionError, Refused, Unavailable
from mlops_actions.core.oci import Manifest
from mlops_actions.core.types import Json
from mlops_actions.docker_publish import descriptions
from mlops_actions.docker_publish.layers import image_size
from mlops_actions.docker_publish.layers.examine import examine
from mlops_actions.docker_publish.layers.image_size import PreviousImage
from mlops_actions.docker_publish.ports import Ports, Registry
from mlops_actions.docker_publish.registries.clients import RegistryClients
from mlops_actions.docker_publish.report import PublishedImage
from mlops_actions.docker_publish.request import BuildRequest
from mlops_actions.docker_publish.tags.reserved import without_reserved
from mlops_actions.docker_publish.tags.scheme import Tags
from mlops_actions.docker_publish.tags.standing import settled
from mlops_actions.docker_publish.tags.tagged_images import RegistryImages


class Target:
    """The repository of one request. It collects the `notes` that the report shows.

    `has_accepted` tells whether the registry has taken something, or has said that it will.
    """

    def __init__(self, request: BuildRequest, ports: Ports) -> None:
        self.request = request
        self.registries = RegistryClients(request, ports)
        self.notes = list(request.notes)
        self.has_accepted = False
        self._ports = ports

    @property
    def registry(self) -> Registry:
        """The client of the repository's registry."""
        return self.registries.own

    @cached_property
    def tags(self) -> Tags:
        """The tags by the tag scheme; the registry is asked for its versions only where a release needs them."""
        request, revision = self.request, self.request.revision
        if request.push and request.inputs.push_by_digest:
            return Tags(())
        if request.push and request.tag_scheme.needs_versions(revision):
            revision = replace(revision, versions=tuple(self.registry.tags(request.name.repository)))
        tags = request.tag_scheme.tags(revision, pushes=request.push)
        names, notes = without_reserved(tags.names)
        tags = replace(tags, names=names, notes=(*tags.notes, *notes))
        self._say(tags)
        return tags

    def require_push(self) -> None:
        """Raise Refused unless pushing is allowed, before anything is built."""
        self.registry.require_push(self.request.name.repository)
        self.has_accepted = True

    def settled_tags(self, digest: str) -> Tags:
        """Return the tags without those that must not move to an image; `digest` is empty for one that is not there yet."""
        images = RegistryImages(self.registry, self.request.name)
        return settled(self.tags, self.request.revision, self._ports.open_history, images, digest)

    def settle_tags(self, digest: str) -> None:
        """Leave out the tags that must not move to this image, as late as possible: a newer commit may have been faster."""
        self.tags = self.settled_tags(digest)
        self._say(self.tags)

    def _say(self, tags: Tags) -> None:
        self.notes += tags.notes
        for notice in tags.notices:
            self._ports.runner.notice(notice)

    def put_tags(self, manifest: Manifest, tags: Sequence[str]) -> None:
        """Tag the manifest; where a tag fails, the error names the tags that were moved before."""
        name = self.request.name
        moved: list[str] = []
        for tag in tags:
            try:
                self.registry.put_manifest(name.repository, tag, content=manifest.content, media_type=manifest.media_type)
            except ActionError as error:
                standing = self._digest_of(tag) if isinstance(error, Refused) else None
                if standing == manifest.digest:
                    continue  # an immutable tag that stands for this image already
                extent = f" (moved before: {', '.join(moved)})" if moved else " (no tag was moved)"
                extent += f"; the tag stands for {standing}" if standing else ""
                raise error.reworded(
                    f"the image is in the registry as {name.at(manifest.digest)}, but {error.cause}{extent}", error.remedy
                ) from error
            self.has_accepted = True
            moved.append(tag)

    def _digest_of(self, tag: str) -> str | None:
        """Return the digest a tag stands for; None also where it cannot be read, which is no reason to fail."""
        try:
            return self.registry.digest_of(self.request.name.repository, tag)
        except ActionError:
            return None

    def confirmed(self, digest: str, tag: str) -> Manifest:
        """Return the manifest that was just pushed, read back from the registry."""
        name = self.request.name
        manifest = self.registry.manifest(name.repository, digest) if digest else None
        # Before Docker 23, BuildKit's metadata may hold the configuration's digest instead: then the tag decides.
        manifest = manifest or self.registry.manifest(name.repository, tag)
        if manifest is None:
            raise Unavailable(
                f"{name.registry} accepted the image but does not show it as {name.tagged(tag)}",
                "run the job again; if it persists, the registry deletes or hides new images",
            )
        return manifest

    def describe(
        self, manifest: Manifest, previous: PreviousImage | None = None, metadata: Json | None = None
    ) -> PublishedImage:
        """Describe an image in the registry; without `previous` it was not built but reused. `metadata` is BuildKit's."""
        config = manifest.document.get("config")
        size = image_size.measure(self.registry, self.request.name, manifest)
        layer_report = examine(self.registry, self.request, manifest, previous=previous, clock=self._ports.clock)
        if layer_report and size:
            layer_report = replace(layer_report, sizes=size.by_platform)
        return PublishedImage(
            name=self.request.name,
            revision=self.request.revision,
            tags=self.tags,
            digest=manifest.digest,
            labels=descriptions.within_room(layer_report.labels) if layer_report else {},
            annotations=descriptions.annotations_of(manifest),
            metadata=descriptions.metadata_of(manifest, metadata or {}),
            image_id=str(config.get("digest", "")) if isinstance(config, dict) else "",
            built=previous is not None,
            pushed=True,
            size=size.size if size else None,
            platforms=size.platforms if size else 1,
            layers=image_size.count(size, previous),
            layer_report=layer_report,
        )
