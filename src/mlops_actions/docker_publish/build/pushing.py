"""What to do about a push that failed: renew the login, wait as the registry asks, or take another tag first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlops_actions.core.errors import ActionError, Refused, Unavailable
from mlops_actions.core.image_name import ImageName
from mlops_actions.docker_publish.build.execute import build
from mlops_actions.docker_publish.build.plan import BuildPlan
from mlops_actions.docker_publish.build.progress import Progress
from mlops_actions.docker_publish.build.push_failures import PushCause, PushFailure, TagStands
from mlops_actions.docker_publish.ports import Ports, Registry
from mlops_actions.docker_publish.request import BuildRequest


@dataclass(frozen=True)
class FirstPush:
    """An image that was built and has its first tag in the registry; `digest` is BuildKit's, empty where it tells none."""

    progress: Progress
    metadata: dict[str, Any]
    tag: str
    notes: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """The manifest's digest, as far as BuildKit knows it."""
        return str(self.metadata.get("containerimage.digest", ""))


@dataclass
class RegistryPush:
    """Implements what `build` asks about a push that failed. `sign_in` logs in anew, with fresh credentials."""

    name: ImageName
    tag: str
    registry: Registry
    sign_in: Callable[[], Registry] = field(repr=False)

    def is_standing_tag(self, failure: PushFailure) -> bool:
        """Tell whether the tag exists already, for a refusal that may mean that."""
        if failure.cause is PushCause.TAG_STANDS:
            return True
        try:
            return self.registry.digest_of(self.name.repository, self.tag) is not None
        except ActionError:
            return False

    def prepare_next(self, failure: PushFailure) -> None:
        """Ask the registry for the right to push: its client fetches a fresh token, and waits as long as Retry-After says.

        BuildKit does not tell what the registry asks for, so the question is put again here. Raises the failure where the
        registry refuses: the login was not accepted to begin with, or is no longer.
        """
        try:
            if failure.cause is PushCause.LOGIN:
                self.registry = self.sign_in()
            self.registry.require_push(self.name.repository)
        except Refused as refused:
            raise failure.error() from refused
        except Unavailable:
            return  # the next attempt says it in its own words


def build_and_push(
    request: BuildRequest,
    ports: Ports,
    build_plan: BuildPlan,
    tags: Sequence[str],
    registry: Registry,
    sign_in: Callable[[], Registry],
) -> FirstPush:
    """Build, and push with the first of the tags that can be moved: the fingerprint's own, if any, then the user's first.

    Where no tag can be moved (an immutable one stands for another image), raises TagStands.
    """
    notes: list[str] = []
    for number, tag in enumerate(tags):
        push = RegistryPush(request.name, tag, registry, sign_in)
        references = (request.name.tagged(tag),)
        try:
            progress, metadata = build(request, ports, build_plan, references=references, push=push, is_built=number > 0)
        except TagStands as stands:
            standing = _standing_image(request, tag, registry=push.registry, ports=ports)
            if standing.is_the_built_one:
                return FirstPush(stands.progress, {"containerimage.digest": standing.digest}, tag)
            if number + 1 < len(tags):
                notes.append(
                    f"the tag {tag} cannot be moved in this repository, so later runs still find the image it stands for: "
                    "exempt the tags that begin with 'ctx-' from the repository's immutability"
                )
                continue
            raise stands.explained(standing.digest, renews=_renewing_input(request)) from stands
        else:
            return FirstPush(progress, metadata, tag, tuple(notes))
    raise AssertionError("there is a tag, and the loop above returns or raises")


@dataclass(frozen=True)
class _StandingImage:
    digest: str
    is_the_built_one: bool


def _standing_image(request: BuildRequest, tag: str, registry: Registry, ports: Ports) -> _StandingImage:
    """Find what an immutable tag stands for; dockerd pushes it again, and is refused, though nothing would move.

    BuildKit asks for the tag's digest first, and pushes no manifest that stands there already.
    """
    name = request.name
    try:
        manifest = registry.manifest(name.repository, tag)
        if manifest is None:
            return _StandingImage("", False)
        built = None if request.inputs.builder else ports.docker.local_digest(name.familiar, tag)
    except ActionError:
        return _StandingImage("", False)
    config = manifest.document.get("config")
    digests = (manifest.digest, config.get("digest") if isinstance(config, dict) else None)
    return _StandingImage(manifest.digest, built is not None and built in digests)


def _renewing_input(request: BuildRequest) -> str:
    """Name the input that asks for a new image although nothing changed; empty for none."""
    if request.inputs.force:
        return "force"
    if request.inputs.max_age is not None:
        return "max-age"
    return "" if request.inputs.skip_unchanged else "skip-unchanged"
