"""Carries a publication out: sign in, reuse or build, push, tag, confirm, report. All effects go through the ports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from mlops_actions.core.context import Context
from mlops_actions.core.errors import ActionError, Refused, Unavailable
from mlops_actions.core.event import Event
from mlops_actions.core.outcome import Outcome
from mlops_actions.docker_publish import cache, credentials, fingerprint, layers, names, plan, report, reuse
from mlops_actions.docker_publish.build import build
from mlops_actions.docker_publish.builder import Builder, completed
from mlops_actions.docker_publish.cache import Cache
from mlops_actions.docker_publish.inputs import Inputs
from mlops_actions.docker_publish.plan import BuildPlan
from mlops_actions.docker_publish.ports import Manifest, Ports, Registry
from mlops_actions.docker_publish.prepare import Job, prepare, tags_of
from mlops_actions.docker_publish.report import Published
from mlops_actions.docker_publish.tags import Tags, pull_request_number


def run(inputs: Inputs, context: Context, event: Event | None, environ: Mapping[str, str], ports: Ports) -> Outcome:
    """Publish the image that the inputs describe."""
    began = ports.clock.now()
    inputs = completed(inputs, ports.docker)
    job = prepare(inputs, context, event, environ, ports)
    for secret in plan.secret_values(inputs, environ).values():
        ports.runner.mask(secret)
    builder = Builder(inputs, ports.docker)
    registry = _signed_in(job, ports)
    made_tags = tags_of(job, registry)
    job.notes.extend(made_tags.notes)

    def resolve(reference: str) -> str | None:
        return builder.base_digest(reference, job.name, registry, ports.registry)

    keys = reuse.Fingerprints(reason="'skip-unchanged' is false")
    if job.push and inputs.reuses:
        keys = reuse.fingerprints(
            inputs, job.sources, job.subject, environ, lambda: builder.platform, resolve, protected=job.is_protected
        )
    job.notes.extend(keys.notes)
    found = _find(job, registry, keys, began)
    if found.manifest is not None:
        published = _tag_again(job, ports, registry, found, made_tags, keys)
    else:
        builder.require(ports.runner)
        if job.push:
            registry.require_push(job.name.repository)
            if inputs.reuses:
                ports.runner.info(f"Building: {found.reason}.")
        cached = _cache(job, registry, exports=builder.exports_cache)
        build_plan = _plan(job, builder.name, cached, began)
        published = replace(_make(job, ports, registry, build_plan, made_tags, keys), cache=cached.kind)
    published = replace(
        published, seconds=(ports.clock.now() - began).total_seconds(), notes=tuple(dict.fromkeys(job.notes))
    )
    for note in published.notes:
        ports.runner.info(note)
    ports.runner.info(f"{published.name.at(published.digest) if published.digest else published.image_id}")
    ports.runner.summary(report.summary(published, context))
    return Outcome(
        outputs=report.outputs(published, context, legacy_digest=inputs.is_generic),
        result=report.result(published, context),
    )


def _signed_in(job: Job, ports: Ports) -> Registry:
    """Choose the credentials of the registry, for us and for the docker command line; nothing is sent yet."""
    signed = credentials.choose(job.inputs, job.name.registry, job.context.server_url)
    if job.push and signed.password is None and credentials.is_google(job.name.registry):
        signed = credentials.google(ports.google_token())
    if signed.note:
        ports.runner.notice(signed.note)
    if signed.username and signed.password:
        ports.docker.sign_in(job.name.registry, signed.username, signed.password)
    pushes_to = job.name.repository if job.push else ""
    return ports.registry(job.name.registry, signed.username, signed.password, pushes_to=pushes_to)


def _find(job: Job, registry: Registry, keys: reuse.Fingerprints, now: datetime) -> reuse.Found:
    if not job.push or not keys.accepted:
        return reuse.Found(None, keys.reason)
    if job.inputs.force:
        return reuse.Found(None, "'force' is set")
    return reuse.find(registry, job.name, keys, job.inputs.max_age, now, job.elsewhere)


def _tag_again(
    job: Job, ports: Ports, registry: Registry, found: reuse.Found, made_tags: Tags, keys: reuse.Fingerprints
) -> Published:
    assert found.manifest is not None  # noqa: S101 - the caller has looked
    tags = made_tags.names
    if found.source is not None:
        tags = (fingerprint.tag(keys.own), *tags)
    _put(job, registry, found.manifest, tags)
    whence = f" in {found.source}, whose layers it shares" if found.source else ""
    job.notes.append(f"nothing changed since this image was built{whence}: it was tagged again, not built")
    published = _published(job, registry, found.manifest, made_tags, keys, ("", None), built=False)
    if job.inputs.is_legacy and not job.inputs.builder:
        _pull(job, ports, published)
    return published


def _pull(job: Job, ports: Ports, published: Published) -> None:
    """Bring the image into the daemon: workflows of the replaced actions may run it in a later step, as after a build."""
    reference = job.name.at(published.digest)
    if problem := ports.docker.pull(reference):
        job.notes.append(f"the image could not be pulled into the runner's daemon: {problem}")
        return
    _rename(job, ports, reference, published.tags)


def _rename(job: Job, ports: Ports, reference: str, made_tags: Tags) -> None:
    """Give the image in the daemon the tags it has in the registry."""
    if problem := ports.docker.rename(reference, [job.name.tagged(tag) for tag in made_tags.names]):
        job.notes.append(f"the image could not be tagged in the runner's daemon: {problem}")


def _cache(job: Job, registry: Registry, *, exports: bool) -> Cache:
    has_latest = job.inputs.layer_cache in ("auto", "inline") and _digest(registry, job.name, "latest") is not None
    wanted = job.inputs.layer_cache
    apart = f"pr-{pull_request_number(job.subject) or 'unknown'}" if job.subject.is_pull_request else ""
    chosen = cache.choose(
        wanted, job.name, job.environ, exports=exports, pushes=job.push, has_latest=has_latest, apart=apart
    )
    job.notes.append(f"layer cache: {chosen.kind} ({chosen.reason})")
    return chosen


def _plan(job: Job, builder: str, cached: Cache, began: datetime) -> BuildPlan:
    labels = plan.labels(job.inputs, job.subject, job.context, job.environ, job.epoch)
    if job.push and job.inputs.reuses:
        labels[reuse.BUILT_LABEL] = f"{began:%Y-%m-%dT%H:%M:%S}Z"
    made = plan.plan(job.inputs, job.sources, labels, job.environ, job.epoch)
    job.notes.extend(made.notes)
    return replace(made, arguments=(*made.arguments, *cached.arguments, *([f"--builder={builder}"] if builder else [])))


def _digest(registry: Registry, name: names.ImageName, tag: str) -> str | None:
    """Return what a tag stands for; None also where that cannot be read, which is no reason to fail."""
    try:
        return registry.digest_of(name.repository, tag)
    except ActionError:
        return None


def _make(
    job: Job, ports: Ports, registry: Registry, build_plan: BuildPlan, made_tags: Tags, keys: reuse.Fingerprints
) -> Published:
    """Build, and push under one name first: the tags follow only once the image is there, each by the same bytes."""
    first = fingerprint.tag(keys.own) if keys.own and job.push else made_tags.names[0]
    references = [job.name.tagged(first)] if job.push else [job.name.tagged(tag) for tag in made_tags.names]
    progress, metadata = build(job, ports, build_plan, references)
    stages = progress.cached_by_stage
    if not job.push:
        image_id = str(metadata.get("containerimage.config.digest") or metadata.get("containerimage.digest") or "")
        size = ports.docker.image_size(references[0]) if not job.inputs.builder else None
        if job.inputs.builder:
            job.notes.append("the image stays in the cache of the BuildKit: it was neither pushed nor loaded into a daemon")
        return Published(job.name, job.subject, made_tags, "", image_id, True, False, size, 0.0, cached=stages)
    manifest = _confirmed(job, registry, str(metadata.get("containerimage.digest", "")), first)
    # Tags that move stand last: what they stand for until now is the image that this one follows.
    before = layers.known_before(registry, job.name, [tag for tag in reversed(made_tags.names) if tag != first])
    _put(job, registry, manifest, [tag for tag in made_tags.names if tag != first])
    if not job.inputs.builder:
        # Later steps of the job find the image in the daemon under its tags, as after `docker build`.
        _rename(job, ports, references[0], made_tags)
    return replace(_published(job, registry, manifest, made_tags, keys, before, built=True), cached=stages)


def _confirmed(job: Job, registry: Registry, digest: str, tag: str) -> Manifest:
    """Return the manifest that was just pushed, read back from the registry."""
    manifest = registry.manifest(job.name.repository, digest) if digest else None
    # Before Docker 23 the digest that BuildKit tells can be the configuration's: the tag knows better.
    manifest = manifest or registry.manifest(job.name.repository, tag)
    if manifest is None:
        raise Unavailable(
            f"{job.name.registry} took the image but does not show it as {job.name.tagged(tag)}",
            "run the job again; if it persists, the registry deletes or hides new images",
        )
    return manifest


def _put(job: Job, registry: Registry, manifest: Manifest, names_of_tags: Sequence[str]) -> None:
    """Tag the manifest; where that breaks off, the error says which tags were moved."""
    done: list[str] = []
    for tag in names_of_tags:
        try:
            registry.put(job.name.repository, tag, manifest.content, manifest.media_type)
        except ActionError as error:
            if isinstance(error, Refused) and _digest(registry, job.name, tag) == manifest.digest:
                continue  # a repository whose tags cannot be moved: this one need not be
            moved = f" (moved before: {', '.join(done)})" if done else " (no tag was moved)"
            raise type(error)(
                f"the image is there as {job.name.at(manifest.digest)}, but {error.cause}{moved}", error.remedy
            ) from error
        done.append(tag)


def _published(
    job: Job,
    registry: Registry,
    manifest: Manifest,
    made_tags: Tags,
    keys: reuse.Fingerprints,
    before: tuple[str, layers.Weight | None],
    *,
    built: bool,
) -> Published:
    config = manifest.document.get("config")
    weight = layers.weigh(registry, job.name, manifest)
    compared = None
    if weight is not None:
        compared = layers.compare(weight, *before) if built else layers.Layers(len(weight.layers), 0, 0)
    return Published(
        name=job.name,
        subject=job.subject,
        tags=made_tags,
        digest=manifest.digest,
        image_id=str(config.get("digest", "")) if isinstance(config, dict) else "",
        built=built,
        pushed=True,
        size=weight.size if weight else None,
        seconds=0.0,
        context_hash=keys.own,
        platforms=weight.platforms if weight else 1,
        layers=compared,
    )
