"""Collect all that enters a build, and make its fingerprints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from mlops_actions.docker_publish.build import options, plan
from mlops_actions.docker_publish.dockerfile import bases, instructions, paths
from mlops_actions.docker_publish.inputs import Inputs
from mlops_actions.docker_publish.request import BuildRequest
from mlops_actions.docker_publish.reuse import context_links, fingerprint, generations, variables
from mlops_actions.docker_publish.reuse.fingerprint import FingerprintInputs

_GIT_NOTE = "every commit is built anew, since '.git' reaches the build: a line '.git' in .dockerignore lets it be reused"
_EPOCH_NOTE = f"every commit is built anew, since the Dockerfile names {variables.EPOCH}, which is the commit's time"


@dataclass(frozen=True)
class Fingerprints:
    """The fingerprint of a build made now, and those whose images it may reuse, in order; `reason` says why none exist.

    `generation` is that of `own`, empty without `max-age`. `bases` are the digests of the base images, by reference, and
    `covers_git` tells whether the hash covers the context's `.git`, or no build can see one. It does not cover the build
    arguments `left_out`.
    """

    own: str = ""
    accepted: tuple[str, ...] = ()
    reason: str = ""
    generation: str = ""
    bases: Mapping[str, str] = field(default_factory=dict)
    covers_git: bool = False
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class UnknownInput(Exception):
    """Something enters the build that cannot be known here; the text says what, in one line."""


def compute_fingerprints(
    request: BuildRequest, platform: Callable[[], str], base_digest: Callable[[str], str | None], now: datetime
) -> Fingerprints:
    """Hash all that enters the build.

    `platform` returns the builder's own platform, empty where unknown; `base_digest` finds the digest of a base image.
    """
    present = generations.accepted_generations(request.inputs.max_age, now)
    generation = next(iter(present), "")
    try:
        sources = request.sources
        dockerfile = sources.dockerfile.read_bytes()
        hashed = _everything_else(request, dockerfile, platform=platform, base_digest=base_digest)
        arguments = plan.build_arguments(request.inputs, request.environ)
        read = paths.context_sources(instructions.parse(dockerfile), arguments)
        sees_git = context_links.lead_to_git(sources.context, read)
        ignore = fingerprint.read_ignore(sources.context, sources.dockerfile, () if sees_git else (".git",))
        context = fingerprint.hash_context(sources.context, ignore)
        has_git = (sources.context / ".git").exists()
        covers_git = sees_git or not has_git or fingerprint.read_ignore(sources.context, sources.dockerfile).excludes(".git")
    except UnknownInput as unknown:
        return Fingerprints(reason=str(unknown), generation=generation)
    except (OSError, ValueError, RecursionError) as error:
        return Fingerprints(reason=f"the context cannot be read: {error}", generation=generation)
    scopes = request.trust_scopes

    def key(generation: str, scope: str) -> str:
        return fingerprint.key(context, replace(hashed, trust=scope, generation=generation))

    notes = ((_GIT_NOTE, sees_git and has_git and not ignore.excludes(".git")), (_EPOCH_NOTE, bool(hashed.epoch)))
    return Fingerprints(
        own=key(generation, scopes[-1]),
        accepted=tuple(key(generation, scope) for generation in present for scope in scopes),
        reason="" if present else "'max-age' is 0",
        generation=generation,
        bases=hashed.bases,
        covers_git=covers_git,
        left_out=tuple(name for name in arguments if name not in hashed.build_arguments),
        notes=tuple(note for note, applies in notes if applies),
    )


def _everything_else(
    request: BuildRequest, dockerfile: bytes, platform: Callable[[], str], base_digest: Callable[[str], str | None]
) -> FingerprintInputs:
    """Collect everything but the context; raises UnknownInput."""
    inputs = request.inputs
    arguments = plan.build_arguments(inputs, request.environ)
    parsed = instructions.parse(dockerfile)
    if frontend := variables.frontend(arguments):
        parsed = replace(parsed, frontend=frontend)
    text = variables.searched_text(dockerfile, parsed)
    reads_builder = variables.reads_builder_platform(text)
    builder = "" if inputs.platforms and not reads_builder else platform()
    if not builder and (reads_builder or not inputs.platforms):
        raise UnknownInput("the builder's own platform is not known; give 'platforms'")
    platforms = tuple(sorted(inputs.platforms or (builder,)))
    base_images = bases.find_base_images(parsed, arguments, platforms)
    for reason in (*base_images.reasons, variables.unknown_argument(parsed), variables.unknown_input(request.environ)):
        if reason:
            raise UnknownInput(reason)
    if "--build-context" in (inputs.build_options or ""):
        raise UnknownInput("'build-options' adds a build context, whose content is not known here")
    digests: dict[str, str] = {}
    for image in (*base_images.images, *_sbom_generator(inputs)):
        digest = base_digest(image)
        if digest is None:
            raise UnknownInput(f"the digest of {image!r} cannot be found")
        digests[image] = digest
    epoch = request.source_date_epoch if variables.reads_epoch(text) and variables.EPOCH not in arguments else None
    labels = plan.user_labels(inputs, request.environ)
    return FingerprintInputs(
        dockerfile=dockerfile.hex(),
        target=inputs.target or "",
        platforms=platforms,
        builder=builder if reads_builder else "",
        build_arguments=variables.input_arguments(arguments, text),
        epoch="" if epoch is None else str(epoch),
        labels={key: value for key, value in labels.items() if key not in plan.LABELS_OF_A_COMMIT},
        options=(*options.that_change_the_image(inputs.build_options or ""), f"compression={inputs.compression}"),
        bases=digests,
        secret_ids=_secret_ids(inputs),
        attestations=(inputs.provenance, inputs.sbom),
        salt=inputs.cache_salt or "",
        trust="",
        generation="",
    )


def _secret_ids(inputs: Inputs) -> tuple[str, ...]:
    """Name the secrets and agents of the build; where an agent listens changes from run to run."""
    agents = (entry.partition("=")[0] for entry in inputs.ssh or ())
    return tuple(sorted([*(inputs.secrets or ()), *(inputs.secret_files or ()), *agents]))


def _sbom_generator(inputs: Inputs) -> tuple[str, ...]:
    """Name the image of the program that lists the image's software, where the input names one."""
    _, separator, image = inputs.sbom.partition("generator=")
    return (image,) if separator else ()
