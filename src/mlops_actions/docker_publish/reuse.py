"""Whether this very input was built and pushed before: its fingerprint, looked up in the registry as a tag."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mlops_actions.core.errors import ActionError
from mlops_actions.core.provenance import PREFIX
from mlops_actions.docker_publish import bases, dockerfile, fingerprint, plan
from mlops_actions.docker_publish.fingerprint import Ingredients
from mlops_actions.docker_publish.inputs import Inputs
from mlops_actions.docker_publish.names import ImageName
from mlops_actions.docker_publish.plan import Sources
from mlops_actions.docker_publish.ports import Manifest, Registry
from mlops_actions.docker_publish.tags import Subject, pull_request_number

# When an image was really built: `created` is the commit's time, so that builds of one commit are alike.
BUILT_LABEL = f"{PREFIX}/built"

_GIT_NOTE = "every commit is built anew, since '.git' reaches the build: a line '.git' in .dockerignore lets it be reused"

ResolveBase = Callable[[str], str | None]


@dataclass(frozen=True)
class Fingerprints:
    """The key a build made now is kept under, and those it may be taken from, in order; `reason` why there are none."""

    own: str = ""
    accepted: tuple[str, ...] = ()
    reason: str = ""
    notes: tuple[str, ...] = ()


def fingerprints(
    inputs: Inputs,
    sources: Sources,
    subject: Subject,
    environ: Mapping[str, str],
    platform: Callable[[], str],
    resolve: ResolveBase,
    *,
    protected: bool = False,
) -> Fingerprints:
    """Hash all that enters the build; `platform` says the builder's own, empty where unknown, and `resolve` finds digests.

    `protected` says that the repository's rules guard the ref; see `fingerprint.vouchers`.
    """
    platforms = tuple(sorted(inputs.platforms or filter(None, (platform(),))))
    if not platforms:
        return Fingerprints(reason="the builder's own platform is not known; give 'platforms'")
    text = sources.dockerfile.read_text(encoding="utf-8", errors="surrogateescape")
    arguments = plan.build_arguments(inputs, environ)
    parsed = dockerfile.parse(text)
    found = bases.find(parsed, arguments)
    if found.reasons:
        return Fingerprints(reason=found.reasons[0])
    if "--build-context" in (inputs.build_options or ""):
        return Fingerprints(reason="'build-options' brings another context, whose content is not known here")
    digests: dict[str, str] = {}
    for image in (*found.images, *_generator(inputs)):
        digest = resolve(image)
        if digest is None:
            return Fingerprints(reason=f"the digest of {image!r} cannot be found out")
        digests[image] = digest
    sees_git = bases.sees_git(parsed)
    try:
        ignore = fingerprint.read_ignore(sources.context, sources.dockerfile, () if sees_git else (".git",))
        context = fingerprint.hash_context(sources.context, ignore)
    except (OSError, ValueError, RecursionError) as error:
        return Fingerprints(reason=f"the context cannot be read: {error}")
    ingredients = Ingredients(
        dockerfile=text.encode("utf-8", "surrogateescape").hex(),
        target=inputs.target or "",
        platforms=platforms,
        build_arguments=arguments,
        labels={key: environ.get(key, "") if value is None else value for key, value in (inputs.labels or {}).items()},
        options=(inputs.build_options or "",),
        bases=digests,
        secret_ids=tuple(sorted([*(inputs.secrets or ()), *(inputs.secret_files or ()), *(inputs.ssh or ())])),
        attestations=(inputs.provenance, inputs.sbom),
        salt=inputs.cache_salt or "",
        trust="",
    )
    number = pull_request_number(subject)
    trusted = fingerprint.vouchers(number, is_pull_request=subject.is_pull_request, protected=protected)
    keys = tuple(fingerprint.key(context, replace(ingredients, trust=voucher)) for voucher in trusted)
    has_git = sees_git and (sources.context / ".git").exists() and not ignore.excludes(".git")
    notes = (_GIT_NOTE,) if has_git else ()
    return Fingerprints(keys[-1], keys, notes=notes)


def _generator(inputs: Inputs) -> tuple[str, ...]:
    """Name the image whose program describes the image that is built, where one was named."""
    _, separator, image = inputs.sbom.partition("generator=")
    return (image,) if separator else ()


@dataclass(frozen=True)
class Found:
    """The manifest to be tagged, or None and the reason why not, in one line.

    `source` is the repository that has it, where that is another one of the same registry.
    """

    manifest: Manifest | None
    reason: str = ""
    source: ImageName | None = None


def find(
    registry: Registry,
    name: ImageName,
    keys: Fingerprints,
    max_age: float | None,
    now: datetime,
    elsewhere: Sequence[ImageName] = (),
) -> Found:
    """Look the fingerprints up; `max_age` is in seconds. A registry that refuses is an error, not a miss.

    Images of other repositories count only once all their blobs could be mounted into this one.
    """
    if not keys.accepted:
        return Found(None, keys.reason)
    found = _find(registry, name, keys, max_age, now)
    for source in elsewhere:
        if found.manifest is not None:
            break
        try:
            other = _find(registry, source, keys, max_age, now)
            if other.manifest is not None and bring(registry, name, source, other.manifest):
                return replace(other, source=source)
        except ActionError as error:
            found = replace(found, reason=f"{found.reason}; {source.repository} cannot be read: {error.cause}")
            continue
        if other.manifest is not None:
            found = replace(found, reason=f"{found.reason}; the registry does not share the layers of {source.repository}")
    return found


def bring(registry: Registry, name: ImageName, source: ImageName, manifest: Manifest) -> bool:
    """Mount all blobs of an image of `source`, and put the manifests of its platforms; False where the registry does not."""
    document = manifest.document
    try:
        children = [str(entry["digest"]) for entry in document.get("manifests") or []]
        # Layers with `urls` are kept elsewhere.
        blobs = [document.get("config"), *(layer for layer in document.get("layers") or [] if not layer.get("urls"))]
        digests = dict.fromkeys(str(blob["digest"]) for blob in blobs if blob)
    except (AttributeError, KeyError, TypeError):
        return False  # not what the specification calls a manifest
    for digest in children:
        child = registry.manifest(source.repository, digest)
        if child is None or "manifests" in child.document or not bring(registry, name, source, child):
            return False
        registry.put(name.repository, child.digest, child.content, child.media_type)
    return all(registry.mount(name.repository, digest, source.repository) for digest in digests)


def _find(registry: Registry, name: ImageName, keys: Fingerprints, max_age: float | None, now: datetime) -> Found:
    reason = "this input was not built before"
    for key in keys.accepted:
        manifest = registry.manifest(name.repository, fingerprint.tag(key))
        if manifest is None:
            continue
        if max_age is None:
            return Found(manifest)
        built = built_at(registry, name, manifest)
        if built is not None and (now - built).total_seconds() <= max_age:
            return Found(manifest)
        reason = "the image of this input is older than 'max-age'" if built else "it is not known when the image was built"
    return Found(None, reason)


def built_at(registry: Registry, name: ImageName, manifest: Manifest) -> datetime | None:
    """Return when the image was built, from its label; None where it has none or cannot be read."""
    try:
        document = manifest.document
        if "manifests" in document:
            child = registry.manifest(name.repository, document["manifests"][0]["digest"])
            document = child.document if child else {}
        config = json.loads(registry.blob(name.repository, document["config"]["digest"]))
        moment = datetime.fromisoformat(config["config"]["Labels"][BUILT_LABEL])
    except (ActionError, KeyError, IndexError, TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
