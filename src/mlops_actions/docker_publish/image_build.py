"""Build the image of a request and push it, or build it only; and export its files."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path

from mlops_actions.core.types import Json
from mlops_actions.docker_publish.build import cache, plan
from mlops_actions.docker_publish.build.builder import Builder
from mlops_actions.docker_publish.build.cache import CacheScopes, LayerCache
from mlops_actions.docker_publish.build.execute import build
from mlops_actions.docker_publish.build.export import export
from mlops_actions.docker_publish.build.plan import BuildPlan
from mlops_actions.docker_publish.build.pushing import FirstPush, build_and_push
from mlops_actions.docker_publish.daemon_copy import RunnerDaemon
from mlops_actions.docker_publish.layers import image_size
from mlops_actions.docker_publish.layers.examine import examine_local
from mlops_actions.docker_publish.ports import Ports
from mlops_actions.docker_publish.report import PublishedImage
from mlops_actions.docker_publish.reuse import fingerprint, generations, origin
from mlops_actions.docker_publish.reuse.base_images import BasesOfBuild
from mlops_actions.docker_publish.reuse.build_input import Fingerprints
from mlops_actions.docker_publish.reuse.lookup import ReusableImage
from mlops_actions.docker_publish.target import Target


class ImageBuild:
    """One build for a target, on a builder; `fingerprints` are those of its input, `reusable` says why it is needed."""

    def __init__(
        self, target: Target, ports: Ports, *, builder: Builder, fingerprints: Fingerprints, reusable: ReusableImage
    ) -> None:
        self._target = target
        self._request = target.request
        self._ports = ports
        self._builder = builder
        self._fingerprints = fingerprints
        self._reusable = reusable

    def run(self) -> PublishedImage:
        """Build, and push with one tag first; the other tags follow once the image is in the registry."""
        self._builder.require(self._ports.runner, pushes=self._request.push)
        if self._speaks_http:
            self._builder.require_plain_http(self._request.name.registry)
        self._target.registries.sign_in()
        image = self._push() if self._request.push else self._keep()
        for location in self._request.locations.cache_to:
            if location.kind == "local":
                self._ports.workspace.hand_over(Path(location.fields["dest"]))
        return image

    def export(self) -> None:
        """Export the files that the input `outputs` names; where the image was reused, the builder has built nothing yet."""
        if self._reusable.manifest:
            self._builder.require(self._ports.runner, pushes=self._request.push)
        export(self._request, self._ports, self._plan(self._choose_cache()))
        places = ", ".join(location.fields["dest"] for location in self._request.locations.exports)
        self._target.notes.append(f"exported to {places}")

    # An image that is pushed

    def _push(self) -> PublishedImage:
        request, target = self._request, self._target
        target.require_push()
        if request.inputs.skip_unchanged:
            self._ports.runner.info(f"Building: {self._reusable.reason}.")
        if reason := BasesOfBuild(self._builder, self._fingerprints, target.registries.client).unknown_input():
            self._fingerprints = replace(self._fingerprints, own="")
            target.notes.append(f"every run builds this image anew: {reason}")
        layer_cache = self._choose_cache()
        sign_in_again = target.registries.sign_in_again
        pushed = build_and_push(
            request, self._ports, self._plan(layer_cache), self._first_tags, target.registry, sign_in_again
        )
        target.notes += pushed.notes
        image = self._tag(pushed)
        return replace(
            image,
            cached=pushed.progress.cached_by_stage,
            cache=layer_cache.kind,
            context_hash=self._fingerprints.own,
        )

    @property
    def _first_tags(self) -> tuple[str, ...]:
        """The tags to push with: that of the fingerprint, where there is one, then the next where it cannot be moved."""
        own = (fingerprint.tag(self._fingerprints.own),) if self._fingerprints.own else ()
        tags = self._target.tags
        if own:
            return (*own, *([tags.unbound] if tags.unbound else self._target.settled_tags("").names[:1]))
        if tags.names:
            return (tags.unbound or tags.fallback or self._target.settled_tags("").names[0],)
        platforms = self._request.inputs.platforms or (self._builder.platform,)
        return (fingerprint.unkeyed_tag(self._request.revision.sha, platforms),)

    def _tag(self, pushed: FirstPush) -> PublishedImage:
        """Give the image that was just pushed with its first tag the others."""
        target, name = self._target, self._request.name
        manifest = target.confirmed(pushed.digest, pushed.tag)
        target.settle_tags(manifest.digest)
        further_tags = [tag for tag in target.tags.names if tag != pushed.tag]
        # Moving tags such as `latest` are last: they stand for the image that this one replaces.
        previous = image_size.previous_image(target.registry, name, further_tags[::-1])
        target.put_tags(manifest, further_tags)
        # Later steps of the job find the image in the daemon under its tags, as after `docker build`.
        daemon = RunnerDaemon(self._request, self._ports.docker, target.tags.names)
        copy = daemon.after_push(name.at(manifest.digest), name.tagged(pushed.tag))
        return copy.noted_in(target.describe(manifest, previous, pushed.metadata))

    # An image that is not pushed

    def _keep(self) -> PublishedImage:
        request = self._request
        layer_cache = self._choose_cache()
        daemon = RunnerDaemon(request, self._ports.docker, self._target.tags.names)
        build_plan = self._plan(layer_cache)
        build_plan = replace(build_plan, arguments=(*build_plan.arguments, *daemon.options()))
        references = [request.name.tagged(tag) for tag in self._target.tags.names]
        progress, metadata = build(request, self._ports, build_plan=build_plan, references=references)
        image = self._describe_kept(metadata)
        copy = daemon.after_build()
        if copy.is_loaded:
            history = self._ports.docker.image_history(references[0])
            size = self._ports.docker.image_size(references[0])
            image = replace(image, size=size, layer_report=examine_local(request, history) if history else None)
        return copy.noted_in(replace(image, cached=progress.cached_by_stage, cache=layer_cache.kind))

    def _describe_kept(self, metadata: Json) -> PublishedImage:
        image_id = metadata.get("containerimage.config.digest") or metadata.get("containerimage.digest") or ""
        return PublishedImage(
            name=self._request.name,
            revision=self._request.revision,
            tags=self._target.tags,
            image_id=str(image_id),
            labels=self._labels,
            metadata=metadata,
        )

    # The command line

    def _choose_cache(self) -> LayerCache:
        request = self._request
        kind = request.inputs.cache
        reads_image = kind in ("auto", "inline") and origin.is_of_scope(
            self._target.registry, request.name, "latest", request.trust_scopes
        )
        chosen = cache.choose(
            kind,
            request.environ,
            CacheScopes(request.name, request.trust_scopes, "latest" if reads_image else "", self._platform_of_job),
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
        if self._reusable.is_damaged:
            # A cache of this repository names the same layers, and a build that relies on a lost one fails.
            chosen = cache.without_images(chosen)
            self._target.notes.append(self._reusable.reason)
        self._target.notes.append(f"layer cache: {chosen.kind} ({chosen.reason})")
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
        self._target.notes += planned.notes
        builder = [f"--builder={self._builder.name}"] if self._builder.name else []
        age = generations.option(self._fingerprints.generation)
        planned = replace(planned, arguments=(*planned.arguments, *layer_cache.arguments, *age, *builder))
        # The runner's daemon has a setting of its own for this; a BuildKit elsewhere takes it with the build.
        return planned.in_plain_http(request.name.registry) if self._builder.name and self._speaks_http else planned

    @cached_property
    def _speaks_http(self) -> bool:
        """Whether the image is pushed in plain HTTP, as `insecure-registries` allows."""
        request = self._request
        is_allowed = request.name.registry in (request.inputs.insecure_registries or ())
        return request.push and is_allowed and self._target.registry.speaks_http
