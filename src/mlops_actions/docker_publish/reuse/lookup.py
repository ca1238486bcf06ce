"""Find the image of this very input, if it was built and pushed before: its fingerprint is a tag in the registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mlops_actions.core.errors import ActionError
from mlops_actions.core.image_name import ImageName
from mlops_actions.core.oci import Manifest, json_object
from mlops_actions.core.provenance import PREFIX
from mlops_actions.docker_publish.build import plan
from mlops_actions.docker_publish.dockerfile import bases, instructions, paths
from mlops_actions.docker_publish.inputs import Inputs
from mlops_actions.docker_publish.ports import Registry
from mlops_actions.docker_publish.request import BuildRequest
from mlops_actions.docker_publish.reuse import fingerprint, integrity
from mlops_actions.docker_publish.reuse.fingerprint import FingerprintInputs

# When an image was really built: `created` is the commit's time, so that builds of one commit are equal.
BUILT_LABEL = f"{PREFIX}/built"

_GIT_NOTE = "every commit is built anew, since '.git' reaches the build: a line '.git' in .dockerignore lets it be reused"


@dataclass(frozen=True)
class Fingerprints:
    """The fingerprint of a build made now, and those whose images it may reuse, in order; `reason` says why none exist."""

    own: str = ""
    accepted: tuple[str, ...] = ()
    reason: str = ""
    notes: tuple[str, ...] = ()


def compute_fingerprints(
    request: BuildRequest, platform: Callable[[], str], base_digest: Callable[[str], str | None]
) -> Fingerprints:
    """Hash all that enters the build.

    `platform` returns the builder's own platform, empty where unknown; `base_digest` finds the digest of a base image.
    """
    inputs, sources, revision = request.inputs, request.sources, request.revision
    platforms = tuple(sorted(inputs.platforms or filter(None, (platform(),))))
    if not platforms:
        return Fingerprints(reason="the builder's own platform is not known; give 'platforms'")
    text = sources.dockerfile.read_text(encoding="utf-8", errors="surrogateescape")
    arguments = plan.build_arguments(inputs, request.environ)
    parsed = instructions.parse(sources.dockerfile.read_bytes())
    base_images = bases.find_base_images(parsed, arguments, platforms)
    if base_images.reasons:
        return Fingerprints(reason=base_images.reasons[0])
    if "--build-context" in (inputs.build_options or ""):
        return Fingerprints(reason="'build-options' adds a build context, whose content is not known here")
    digests: dict[str, str] = {}
    for image in (*base_images.images, *_sbom_generator(inputs)):
        digest = base_digest(image)
        if digest is None:
            return Fingerprints(reason=f"the digest of {image!r} cannot be found")
        digests[image] = digest
    sees_git = paths.sees_git(parsed)
    try:
        ignore = fingerprint.read_ignore(sources.context, sources.dockerfile, () if sees_git else (".git",))
        context = fingerprint.hash_context(sources.context, ignore)
    except (OSError, ValueError, RecursionError) as error:
        return Fingerprints(reason=f"the context cannot be read: {error}")
    hashed = FingerprintInputs(
        dockerfile=text.encode("utf-8", "surrogateescape").hex(),
        target=inputs.target or "",
        platforms=platforms,
        build_arguments=arguments,
        labels=plan.user_labels(inputs, request.environ),
        options=(
            inputs.build_options or "",
            *([f"compression={inputs.compression}"] if inputs.compression != "gzip" else []),
        ),
        bases=digests,
        secret_ids=_secret_ids(inputs),
        attestations=(inputs.provenance, inputs.sbom),
        salt=inputs.cache_salt or "",
        trust="",
    )
    scopes = fingerprint.trust_scopes(
        revision.pull_request_number, is_pull_request=revision.is_pull_request, protected=request.is_protected
    )
    keys = tuple(fingerprint.key(context, replace(hashed, trust=scope)) for scope in scopes)
    has_git = sees_git and (sources.context / ".git").exists() and not ignore.excludes(".git")
    return Fingerprints(keys[-1], keys, notes=(_GIT_NOTE,) if has_git else ())


def _secret_ids(inputs: Inputs) -> tuple[str, ...]:
    """Name the secrets and agents of the build; where an agent listens changes from run to run."""
    agents = (entry.partition("=")[0] for entry in inputs.ssh or ())
    return tuple(sorted([*(inputs.secrets or ()), *(inputs.secret_files or ()), *agents]))


def _sbom_generator(inputs: Inputs) -> tuple[str, ...]:
    """Name the image of the program that lists the image's software, where the input names one."""
    _, separator, image = inputs.sbom.partition("generator=")
    return (image,) if separator else ()


@dataclass(frozen=True)
class ReusableImage:
    """The manifest to tag again, or None and the reason, in one line.

    `source` is the repository that has it, where that is another one of the same registry. `is_damaged`: there is such an
    image, but the registry lost a part of it, which a layer cache in the registry may name too.
    """

    manifest: Manifest | None
    reason: str = ""
    source: ImageName | None = None
    is_damaged: bool = False


def find_reusable(registry: Registry, request: BuildRequest, fingerprints: Fingerprints, now: datetime) -> ReusableImage:
    """Look the fingerprints up. A registry that refuses is an error, not a miss; an image with a part missing is a miss.

    Images of other repositories count only once all their blobs could be mounted into this one.
    """
    name, max_age = request.name, request.inputs.max_age
    if not request.push or not fingerprints.accepted:
        return ReusableImage(None, fingerprints.reason)
    if request.inputs.force:
        return ReusableImage(None, "'force' is set")
    image = _find_by_fingerprint(registry, name, fingerprints=fingerprints, max_age=max_age, now=now)
    reason = image.reason
    for source in request.reuse_from if image.manifest is None else ():
        try:
            candidate = _find_by_fingerprint(registry, source, fingerprints=fingerprints, max_age=max_age, now=now)
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


def _find_by_fingerprint(
    registry: Registry, name: ImageName, fingerprints: Fingerprints, max_age: float | None, now: datetime
) -> ReusableImage:
    reason, is_damaged = "no image was built from this input before", False
    for key in fingerprints.accepted:
        manifest = registry.manifest(name.repository, fingerprint.tag(key))
        if manifest is None:
            continue
        if max_age is not None:
            built = built_at(registry, name, manifest)
            if built is None or (now - built).total_seconds() > max_age:
                reason = (
                    "the image of this input is older than 'max-age'"
                    if built
                    else "it is not known when the image was built"
                )
                continue
        if damage := integrity.find_damage(registry, name, manifest):
            reason, is_damaged = f"the image of this input is damaged: {damage}", True
            continue
        return ReusableImage(manifest)
    return ReusableImage(None, reason, is_damaged=is_damaged)


def built_at(registry: Registry, name: ImageName, manifest: Manifest) -> datetime | None:
    """Return when the image was built, from its label; None where it has none or cannot be read."""
    try:
        document = manifest.document
        if "manifests" in document:
            child = registry.manifest(name.repository, document["manifests"][0]["digest"])
            document = child.document if child else {}
        config = json_object(registry.blob(name.repository, document["config"]["digest"]))
        moment = datetime.fromisoformat(config["config"]["Labels"][BUILT_LABEL])
    except (ActionError, KeyError, IndexError, TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
