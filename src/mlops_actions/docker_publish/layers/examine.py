"""Make the report of an image's layers: read what it is made of, compare it, and look for what it need not hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mlops_actions.core.errors import ActionError
from mlops_actions.core.image_name import ImageName
from mlops_actions.core.oci import Manifest
from mlops_actions.core.ports import Clock
from mlops_actions.docker_publish.dockerfile import instructions
from mlops_actions.docker_publish.layers import growth, image_layers, made_by, scan
from mlops_actions.docker_publish.layers.growth import LayerComparison
from mlops_actions.docker_publish.layers.hints import Hint, hints
from mlops_actions.docker_publish.layers.image_layers import ImageLayers
from mlops_actions.docker_publish.layers.image_size import PreviousImage
from mlops_actions.docker_publish.layers.made_by import DividedImage
from mlops_actions.docker_publish.ports import LocalHistory, Registry
from mlops_actions.docker_publish.request import BuildRequest


@dataclass(frozen=True, kw_only=True)
class LayerReport:
    """The layers of one platform, what they were compared with, and hints.

    `dockerfile` is its path as users know it, `base` the name of the base image (empty where unknown). `compared` is the tag
    and `compared_digest` the digest of the earlier image; both are empty without one. `compressed`: the bytes are those in
    the registry, else those on the daemon's disk. `labels` are the image's. `sizes` are the bytes of each platform of
    several.
    """

    dockerfile: str
    platform: str
    base: str
    base_layers: int
    comparison: LayerComparison
    hints: tuple[Hint, ...] = ()
    compared: str = ""
    compared_digest: str = ""
    compressed: bool = True
    labels: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class EarlierImage:
    """An image to compare with, by the tag that it was found under."""

    tag: str
    manifest: Manifest


def find_earlier(registry: Registry, name: ImageName, tags: Sequence[str]) -> EarlierImage | None:
    """Return the image of the first tag that the registry has; None where it has none or cannot be read."""
    for tag in tags:
        try:
            manifest = registry.manifest(name.repository, tag)
        except ActionError:
            return None
        if manifest is not None:
            return EarlierImage(tag, manifest)
    return None


def examine(
    registry: Registry,
    request: BuildRequest,
    manifest: Manifest,
    *,
    previous: PreviousImage | None,
    clock: Clock,
) -> LayerReport | None:
    """Report on an image in the registry; None where it cannot be read.

    It is compared with the base branch's image, for a pull request, else with the `previous` image of a tag. Without
    `previous` it was not built by this run: then no layer is looked into.
    """
    name = request.name
    image = image_layers.read(registry, name, manifest)
    if image is None:
        return None
    earlier = find_earlier(registry, name, request.compared_tags)
    if earlier is None and previous is not None and previous.manifest is not None:
        earlier = EarlierImage(previous.tag, previous.manifest)
    before = image_layers.read(registry, name, earlier.manifest, image.platform) if earlier else None
    divided = _divide(image, request)
    known = {layer.digest for layer in before.layers} if before else set()
    seen = scan.scan(registry, name, divided.own, known=known, clock=clock) if previous is not None else {}
    return LayerReport(
        dockerfile=request.sources.shown_path,
        platform=image.platform,
        base=divided.base,
        base_layers=len(divided.base_layers),
        comparison=growth.compare(divided, before),
        hints=tuple(hints(divided.own, seen, image.environment)),
        compared=earlier.tag if earlier and before else "",
        compared_digest=earlier.manifest.digest if earlier and before else "",
        labels=image.labels,
    )


def examine_local(request: BuildRequest, history: LocalHistory) -> LayerReport:
    """Report on an image that the daemon has built and that was not pushed: no layer is looked into or compared."""
    image = image_layers.of_daemon(history)
    divided = _divide(image, request)
    return LayerReport(
        dockerfile=request.sources.shown_path,
        platform=image.platform,
        base=divided.base,
        base_layers=len(divided.base_layers),
        comparison=growth.compare(divided, None),
        hints=tuple(hints(divided.own, {}, image.environment)),
        compressed=False,
    )


def _divide(image: ImageLayers, request: BuildRequest) -> DividedImage:
    try:
        dockerfile = instructions.parse(request.sources.dockerfile.read_text(encoding="utf-8", errors="replace"))
    except (OSError, RecursionError, ValueError):
        dockerfile = instructions.parse("")
    return made_by.divide(image, dockerfile, request.inputs.target or "")
