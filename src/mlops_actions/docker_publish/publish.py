"""Publish one image: merge, reuse or build it, and copy it to other registries. All effects go through the ports."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from mlops_actions.core.errors import Refused
from mlops_actions.core.oci import Manifest
from mlops_actions.docker_publish.build.builder import Builder
from mlops_actions.docker_publish.context_files.check import context_warnings
from mlops_actions.docker_publish.daemon_copy import RunnerDaemon
from mlops_actions.docker_publish.image_build import ImageBuild
from mlops_actions.docker_publish.image_index.merge import merge
from mlops_actions.docker_publish.ports import Ports
from mlops_actions.docker_publish.registries import read_only
from mlops_actions.docker_publish.registries.copies import OtherRegistries
from mlops_actions.docker_publish.report import PublishedImage
from mlops_actions.docker_publish.request import BuildRequest
from mlops_actions.docker_publish.reuse import build_input, fingerprint, lookup
from mlops_actions.docker_publish.reuse.base_images import BasesOfBuild
from mlops_actions.docker_publish.reuse.build_input import Fingerprints
from mlops_actions.docker_publish.reuse.lookup import ReusableImage
from mlops_actions.docker_publish.target import Target


def publish(request: BuildRequest, ports: Ports, started: datetime) -> PublishedImage:
    """Publish the image of a request. Where a token may only read, and nobody asked to push, the image is only built."""
    # Before the build: where it fails for such a file, the warning says why.
    warnings = () if request.merge else context_warnings(request)
    for warning in warnings:
        ports.runner.warning(warning, title="docker-publish: the build context")
    publication = Publication(request, ports, started)
    try:
        image = publication.publish()
    except Refused as refused:
        reason = "" if publication.target.has_accepted else read_only.why_not_pushed(request, refused)
        if not reason:
            raise
        ports.runner.warning(
            f"{reason}. The outputs 'ref' and 'digest' are empty; 'push: true' makes this a failure.",
            title="docker-publish: the image was not pushed",
        )
        notes = (*publication.target.notes, reason)
        image = Publication(replace(request, push=False, notes=notes), ports, started).publish()
    seconds = (ports.clock.now() - started).total_seconds()
    return replace(image, seconds=seconds, warnings=warnings, notes=tuple(dict.fromkeys(image.notes)))


class Publication:
    """One attempt, begun at `started`, to publish the image of a request as the request says."""

    def __init__(self, request: BuildRequest, ports: Ports, started: datetime) -> None:
        self.target = Target(request, ports)
        self._request = request
        self._ports = ports
        self._started = started
        self._builder = Builder(request.inputs, ports.docker)

    def publish(self) -> PublishedImage:
        """Make the image, and copy it where else it belongs. The image has the notes of all that was done."""
        target = self.target
        _ = target.tags  # a tag that cannot be is refused before anything is read or sent
        others = OtherRegistries(self._request)
        target.notes += others.open(target.registries)
        image = merge(target) if self._request.merge else self._reuse_or_build()
        target.has_accepted = True  # what is refused from here on, another registry refuses
        target.notes += others.copy(target.registry, image.digest, target.tags.names)
        return replace(image, notes=(*target.notes, *image.notes))

    def _reuse_or_build(self) -> PublishedImage:
        target = self.target
        fingerprints = self._fingerprints()
        target.notes += fingerprints.notes
        target.notes += BasesOfBuild(self._builder, fingerprints, target.registries.client).notes()
        reusable = lookup.find_reusable(target.registry, self._request, fingerprints=fingerprints)
        build = ImageBuild(target, self._ports, builder=self._builder, fingerprints=fingerprints, reusable=reusable)
        image = self._tag_again(reusable, reusable.manifest, fingerprints) if reusable.manifest else build.run()
        if self._request.locations.exports:
            build.export()
        return image

    def _fingerprints(self) -> Fingerprints:
        if not self._request.push or not self._request.inputs.skip_unchanged:
            return Fingerprints(reason="'skip-unchanged' is false")
        return build_input.compute_fingerprints(
            self._request, lambda: self._builder.platform, self._base_digest, now=self._started
        )

    def _base_digest(self, reference: str) -> str | None:
        return self._builder.base_digest(reference, self.target.registries.client)

    def _tag_again(self, reusable: ReusableImage, manifest: Manifest, fingerprints: Fingerprints) -> PublishedImage:
        target = self.target
        target.settle_tags(manifest.digest)
        tags = target.tags.names
        if reusable.source is not None:
            tags = (fingerprint.tag(fingerprints.own), *tags)
        target.put_tags(manifest, tags)
        target.notes.append(reusable.note)
        image = replace(target.describe(manifest), origin=reusable.origin, context_hash=fingerprints.own)
        daemon = RunnerDaemon(self._request, self._ports.docker, target.tags.names)
        return daemon.after_reuse(image.ref, (image.image_id, image.digest)).noted_in(image)
