"""Publish one image: reuse or build it, push, tag, confirm. All effects go through the ports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property

from mlops_actions.core.errors import ActionError, Refused, Unavailable
from mlops_actions.core.oci import Manifest
from mlops_actions.core.types import Json
from mlops_actions.docker_publish import descriptions
from mlops_actions.docker_publish.build import cache, plan
from mlops_actions.docker_publish.build.builder import Builder
from mlops_actions.docker_publish.build.cache import CacheScopes, LayerCache
from mlops_actions.docker_publish.build.execute import build
from mlops_actions.docker_publish.build.export import export
from mlops_actions.docker_publish.build.plan import BuildPlan
from mlops_actions.docker_publish.build.pushing import FirstPush, build_and_push
from mlops_actions.docker_publish.context_files.check import context_warnings
from mlops_actions.docker_publish.daemon_copy import RunnerDaemon
from mlops_actions.docker_publish.image_index import assemble, collect
from mlops_actions.docker_publish.layers import image_size
from mlops_actions.docker_publish.layers.examine import examine, examine_local
from mlops_actions.docker_publish.layers.image_size import PreviousImage
from mlops_actions.docker_publish.ports import Ports, Registry
from mlops_actions.docker_publish.registries import read_only
from mlops_actions.docker_publish.registries.clients import RegistryClients
from mlops_actions.docker_publish.registries.copies import OtherRegistries
from mlops_actions.docker_publish.report import PublishedImage
from mlops_actions.docker_publish.request import BuildRequest
from mlops_actions.docker_publish.reuse import build_input, fingerprint, generations, lookup, origin
from mlops_actions.docker_publish.reuse.base_images import BasesOfBuild
from mlops_actions.docker_publish.reuse.build_input import Fingerprints
from mlops_actions.docker_publish.reuse.lookup import ReusableImage
from mlops_actions.docker_publish.tags.reserved import without_reserved
from mlops_actions.docker_publish.tags.scheme import Tags
from mlops_actions.docker_publish.tags.standing import settled
from mlops_actions.docker_publish.tags.tagged_images import RegistryImages


class Publication:
    """The publication of one request, begun at `started`; it collects the notes that the report shows."""

    def __init__(self, request: BuildRequest, ports: Ports, started: datetime) -> None:
        self._request = request
        self._ports = ports
        self._started = started
        self._registries = RegistryClients(request, ports)
        self._registry = self._registries.own
        self._builder = Builder(request.inputs, ports.docker)
        self._notes = list(request.notes)
        self._may_push = False  # the registry has taken something, or has said that it will

    def publish(self) -> PublishedImage:
        """Tag the image of this very input again, else build it."""
        self._notes += self._tags.notes
        for notice in self._tags.notices:
            self._ports.runner.notice(notice)
        others = OtherRegistries(self._request)
        self._notes += others.open(self._registries)
        try:
            image = self._merge() if self._request.merge else self._reuse_or_build()
            self._may_push = True  # what is refused from here on, another registry refuses
            self._notes += others.copy(self._registry, image.digest, self._tags.names)
        except Refused as refused:
            reason = "" if self._may_push else read_only.why_not_pushed(self._request, refused)
            if not reason:
                raise
            image = self._build_without_pushing(reason)
        seconds = (self._ports.clock.now() - self._started).total_seconds()
        return replace(image, seconds=seconds, notes=tuple(dict.fromkeys((*self._notes, *image.notes))))

    def _build_without_pushing(self, reason: str) -> PublishedImage:
        """Build as with `push: false`, after the registry refused the first attempt to write."""
        self._ports.runner.warning(
            f"{reason}. The outputs 'ref' and 'digest' are empty; 'push: true' makes this a failure.",
            title="docker-publish: the image was not pushed",
        )
        self._notes.append(reason)
        self._request = replace(self._request, push=False)
        self._registries = RegistryClients(self._request, self._ports)
        self._registry = self._registries.own
        for stale in ("_tags", "_fingerprints"):
            self.__dict__.pop(stale, None)
        return self._reuse_or_build()

    @cached_property
    def _warnings(self) -> tuple[str, ...]:
        """The warnings about the context, each said once."""
        warnings = context_warnings(self._request)
        for warning in warnings:
            self._ports.runner.warning(warning, title="docker-publish: the build context")
        return warnings

    @cached_property
    def _tags(self) -> Tags:
        """The tags by the tag scheme; the registry is asked for its versions only where a release needs them."""
        request, revision = self._request, self._request.revision
        if request.push and request.inputs.push_by_digest:
            return Tags(())
        if request.push and request.tag_scheme.needs_versions(revision):
            revision = replace(revision, versions=tuple(self._registry.tags(request.name.repository)))
        tags = request.tag_scheme.tags(revision, pushes=request.push)
        names, notes = without_reserved(tags.names)
        return replace(tags, names=names, notes=(*tags.notes, *notes))

    @cached_property
    def _fingerprints(self) -> Fingerprints:
        if self._request.merge:
            return Fingerprints(reason="nothing is built")
        if not self._request.push or not self._request.inputs.skip_unchanged:
            return Fingerprints(reason="'skip-unchanged' is false")
        return build_input.compute_fingerprints(
            self._request, lambda: self._builder.platform, self._base_digest, now=self._started
        )

    def _base_digest(self, reference: str) -> str | None:
        return self._builder.base_digest(reference, self._registries.client)

    def _merge(self) -> PublishedImage:
        """Make one image index of the images that other jobs pushed; they stay as they are."""
        request = self._request
        entries = collect.collect(self._registry, request.name, request.merge)
        assemble.check(entries, request.inputs.platforms or ())
        annotations = plan.labels(
            request.inputs,
            request.revision,
            context=request.context,
            environ=request.environ,
            epoch=request.source_date_epoch,
        )
        if request.source_date_epoch is None:
            # A moment that is not the commit's would give each run of the same job another digest.
            annotations.pop("org.opencontainers.image.created")
        index = assemble.assemble(entries, annotations)
        self._notes += [f"merged {entry.platform} {entry.digest}" for entry in entries if entry.platform]
        self._settle_tags(index.digest)
        self._put_tags(index, self._tags.names)
        return replace(self._published(index, previous=None), merged=True)

    # Reuse

    def _reuse_or_build(self) -> PublishedImage:
        self._notes += self._fingerprints.notes
        self._notes += BasesOfBuild(self._builder, self._fingerprints, self._registries.client).notes()
        # Before the build: where it fails for such a file, the warning says why.
        warnings = self._warnings
        reusable = lookup.find_reusable(self._registry, self._request, fingerprints=self._fingerprints)
        image = self._tag_again(reusable, reusable.manifest) if reusable.manifest else self._build(reusable)
        if self._request.locations.exports:
            self._export(reusable)
        return replace(image, warnings=warnings)

    def _export(self, reusable: ReusableImage) -> None:
        if reusable.manifest:
            self._builder.require(self._ports.runner, pushes=self._request.push)  # else it has built already
        export(self._request, self._ports, self._plan(self._choose_cache(reusable)))
        places = ", ".join(location.fields["dest"] for location in self._request.locations.exports)
        self._notes.append(f"exported to {places}")

    def _tag_again(self, reusable: ReusableImage, manifest: Manifest) -> PublishedImage:
        self._settle_tags(manifest.digest)
        tags = self._tags.names
        if reusable.source is not None:
            tags = (fingerprint.tag(self._fingerprints.own), *tags)
        self._put_tags(manifest, tags)
        self._notes.append(reusable.note)
        image = replace(self._published(manifest, previous=None), origin=reusable.origin)
        return self._daemon.after_reuse(image.ref, (image.image_id, image.digest)).noted_in(image)

    @property
    def _daemon(self) -> RunnerDaemon:
        return RunnerDaemon(self._request, self._ports.docker, self._tags.names)

    # Build

    def _build(self, reusable: ReusableImage) -> PublishedImage:
        """Build, and push with one tag first; the other tags follow once the image is in the registry."""
        request, name = self._request, self._request.name
        self._builder.require(self._ports.runner, pushes=request.push)
        self._registries.sign_in()
        if request.push:
            self._registry.require_push(name.repository)
            self._may_push = True
            if request.inputs.skip_unchanged:
                self._ports.runner.info(f"Building: {reusable.reason}.")
            if reason := BasesOfBuild(self._builder, self._fingerprints, self._registries.client).unknown_input():
                self._fingerprints = replace(self._fingerprints, own="")
                self._notes.append(f"every run builds this image anew: {reason}")
        layer_cache = self._choose_cache(reusable)
        build_plan = self._plan(layer_cache)
        if not request.push:
            references = [name.tagged(tag) for tag in self._tags.names]
            build_plan = replace(build_plan, arguments=(*build_plan.arguments, *self._daemon.options()))
            progress, metadata = build(request, self._ports, build_plan=build_plan, references=references)
            image = self._not_pushed(metadata, references[0])
        else:
            pushed = build_and_push(request, self._ports, build_plan, self._first_tags, self._registry, self._sign_in_again)
            progress = pushed.progress
            self._notes += pushed.notes
            image = self._tag_built(pushed)
        return replace(image, cached=progress.cached_by_stage, cache=layer_cache.kind)

    @property
    def _first_tags(self) -> tuple[str, ...]:
        """The tags to push with: that of the fingerprint, where there is one, then the next where it cannot be moved."""
        own = (fingerprint.tag(self._fingerprints.own),) if self._fingerprints.own else ()
        tags = self._tags
        if own:
            return (*own, *([tags.unbound] if tags.unbound else self._settled("").names[:1]))
        if tags.names:
            return (tags.unbound or tags.fallback or tags.names[0],)
        platforms = self._request.inputs.platforms or (self._builder.platform,)
        return (fingerprint.unkeyed_tag(self._request.revision.sha, platforms),)

    def _sign_in_again(self) -> Registry:
        self._registry = self._registries.sign_in_again()
        return self._registry

    def _choose_cache(self, reusable: ReusableImage) -> LayerCache:
        request = self._request
        kind = request.inputs.cache
        inline = (
            "latest"
            if kind in ("auto", "inline")
            and origin.is_of_scope(self._registry, request.name, "latest", request.trust_scopes)
            else ""
        )
        chosen = cache.choose(
            kind,
            request.environ,
            CacheScopes(request.name, request.trust_scopes, inline, self._platform_of_job),
            exports=self._builder.exports_cache,
            pushes=request.push,
        )
        if request.locations.cache_from or request.locations.cache_to:
            chosen = cache.with_own(
                chosen,
                request.locations,
                request.environ,
                exports=self._builder.exports_cache,
                is_pull_request=request.revision.is_pull_request,
            )
        if reusable.is_damaged:
            # A cache of this repository names the same layers, and a build that relies on a lost one fails.
            chosen = cache.without_images(chosen)
            self._notes.append(reusable.reason)
        self._notes.append(f"layer cache: {chosen.kind} ({chosen.reason})")
        return chosen

    @property
    def _platform_of_job(self) -> str:
        """The platforms that this job of a matrix builds for, as a part of a tag; empty where one job builds for all."""
        platforms = self._request.inputs.platforms or (self._builder.platform,)
        return "-".join(platforms).replace("/", "-") if self._request.inputs.push_by_digest else ""

    @property
    def _labels(self) -> dict[str, str]:
        request, epoch = self._request, self._request.source_date_epoch
        labels = plan.labels(request.inputs, request.revision, context=request.context, environ=request.environ, epoch=epoch)
        return labels | origin.labels(request.revision.sha, request.context.repository, request.trust_scopes[-1])

    def _plan(self, layer_cache: LayerCache) -> BuildPlan:
        request, epoch = self._request, self._request.source_date_epoch
        planned = plan.plan(request.inputs, request.sources, labels=self._labels, environ=request.environ, epoch=epoch)
        self._notes += planned.notes
        builder = [f"--builder={self._builder.name}"] if self._builder.name else []
        age = generations.option(self._fingerprints.generation)
        return replace(planned, arguments=(*planned.arguments, *layer_cache.arguments, *age, *builder))

    def _not_pushed(self, metadata: Json, reference: str) -> PublishedImage:
        size = report = None
        image_id = metadata.get("containerimage.config.digest") or metadata.get("containerimage.digest") or ""
        copy = self._daemon.after_build()
        if copy.is_loaded:
            size = self._ports.docker.image_size(reference)
            history = self._ports.docker.image_history(reference)
            report = examine_local(self._request, history) if history else None
        image = PublishedImage(
            name=self._request.name,
            revision=self._request.revision,
            tags=self._tags,
            image_id=str(image_id),
            size=size,
            labels=self._labels,
            metadata=metadata,
            layer_report=report,
        )
        return copy.noted_in(image)

    def _tag_built(self, pushed: FirstPush) -> PublishedImage:
        """Give the image that was just pushed with its first tag the others."""
        manifest = self._confirmed(pushed.digest, pushed.tag)
        self._settle_tags(manifest.digest)
        further_tags = [tag for tag in self._tags.names if tag != pushed.tag]
        # Moving tags such as `latest` are last: they stand for the image that this one replaces.
        previous = image_size.previous_image(self._registry, self._request.name, further_tags[::-1])
        self._put_tags(manifest, further_tags)
        name = self._request.name
        # Later steps of the job find the image in the daemon under its tags, as after `docker build`.
        copy = self._daemon.after_push(name.at(manifest.digest), name.tagged(pushed.tag))
        return copy.noted_in(self._published(manifest, previous, pushed.metadata))

    def _confirmed(self, digest: str, tag: str) -> Manifest:
        """Return the manifest that was just pushed, read back from the registry."""
        name = self._request.name
        manifest = self._registry.manifest(name.repository, digest) if digest else None
        # Before Docker 23, BuildKit's metadata may hold the configuration's digest instead: then the tag decides.
        manifest = manifest or self._registry.manifest(name.repository, tag)
        if manifest is None:
            raise Unavailable(
                f"{name.registry} accepted the image but does not show it as {name.tagged(tag)}",
                "run the job again; if it persists, the registry deletes or hides new images",
            )
        return manifest

    # Tag and describe

    def _digest_of(self, tag: str) -> str | None:
        """Return the digest a tag stands for; None also where it cannot be read, which is no reason to fail."""
        try:
            return self._registry.digest_of(self._request.name.repository, tag)
        except ActionError:
            return None

    def _settled(self, digest: str) -> Tags:
        """Return the tags without those that must not move to this image."""
        images = RegistryImages(self._registry, self._request.name)
        return settled(self._tags, self._request.revision, self._ports.open_history, images, digest)

    def _settle_tags(self, digest: str) -> None:
        """Leave out the tags that must not move to this image, as late as possible: a newer commit may have been faster."""
        self._tags = self._settled(digest)
        self._notes += self._tags.notes
        for notice in self._tags.notices:
            self._ports.runner.notice(notice)

    def _put_tags(self, manifest: Manifest, tags: Sequence[str]) -> None:
        """Tag the manifest; where a tag fails, the error names the tags that were moved before."""
        name = self._request.name
        moved: list[str] = []
        for tag in tags:
            try:
                self._registry.put_manifest(name.repository, tag, content=manifest.content, media_type=manifest.media_type)
            except ActionError as error:
                standing = self._digest_of(tag) if isinstance(error, Refused) else None
                if standing == manifest.digest:
                    continue  # an immutable tag that stands for this image already
                extent = f" (moved before: {', '.join(moved)})" if moved else " (no tag was moved)"
                extent += f"; the tag stands for {standing}" if standing else ""
                raise error.reworded(
                    f"the image is in the registry as {name.at(manifest.digest)}, but {error.cause}{extent}", error.remedy
                ) from error
            self._may_push = True
            moved.append(tag)

    def _published(self, manifest: Manifest, previous: PreviousImage | None, metadata: Json | None = None) -> PublishedImage:
        """Describe an image in the registry; without `previous` it was not built but reused. `metadata` is BuildKit's."""
        config = manifest.document.get("config")
        size = image_size.measure(self._registry, self._request.name, manifest)
        layer_report = examine(self._registry, self._request, manifest, previous=previous, clock=self._ports.clock)
        return PublishedImage(
            name=self._request.name,
            revision=self._request.revision,
            tags=self._tags,
            digest=manifest.digest,
            labels=layer_report.labels if layer_report else {},
            annotations=descriptions.annotations_of(manifest),
            metadata=descriptions.metadata_of(manifest, metadata or {}),
            image_id=str(config.get("digest", "")) if isinstance(config, dict) else "",
            built=previous is not None,
            pushed=True,
            size=size.size if size else None,
            context_hash=self._fingerprints.own,
            platforms=size.platforms if size else 1,
            layers=image_size.count(size, previous),
            layer_report=layer_report,
        )
