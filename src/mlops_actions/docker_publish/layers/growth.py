"""Compare an image with an earlier one, layer by layer. Pure.

Layers belong together where their digests or, else, their instructions are equal. What is left of the earlier image below
its first layer with a partner was its base.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlops_actions.docker_publish.layers.image_layers import ImageLayers
from mlops_actions.docker_publish.layers.made_by import DividedImage, MadeLayer


@dataclass(frozen=True)
class ComparedLayer:
    """A layer of the image's own; `before` has the bytes of its counterpart, None where there is none.

    `kept` says that the very same layer was in the earlier image.
    """

    made: MadeLayer
    before: int | None = None
    kept: bool = False


@dataclass(frozen=True)
class LayerComparison:
    """All layers against those of an earlier image; `before` and `base_before` are None without one.

    `removed` are the instructions and bytes of layers of the earlier image that have no counterpart.
    """

    layers: tuple[ComparedLayer, ...]
    size: int
    before: int | None = None
    base_size: int = 0
    base_before: int | None = None
    removed: tuple[tuple[str, int], ...] = ()


def compare(image: DividedImage, earlier: ImageLayers | None) -> LayerComparison:
    """Compare; without an earlier image every number before is None."""
    base_size = sum(layer.size for layer in image.base_layers)
    size = base_size + sum(made.layer.size for made in image.own)
    if earlier is None:
        return LayerComparison(tuple(ComparedLayer(made) for made in image.own), size, base_size=base_size)
    partners = _partners(image, earlier)
    own_partners = set(partners.values())
    base_digests = {layer.digest for layer in image.base_layers}
    first_own = min(own_partners, default=len(earlier.layers))
    removed: list[tuple[str, int]] = []
    base_before = 0
    for index, layer in enumerate(earlier.layers):
        if index in own_partners:
            continue
        is_base = layer.digest in base_digests or (index < first_own and not base_digests <= _digests(earlier))
        if image.base_layers and is_base:
            base_before += layer.size
        else:
            removed.append((earlier.command_of(index), layer.size))
    layers = tuple(
        ComparedLayer(
            made,
            earlier.layers[partners[made.index]].size if made.index in partners else None,
            made.index in partners and earlier.layers[partners[made.index]].digest == made.layer.digest,
        )
        for made in image.own
    )
    return LayerComparison(layers, size, earlier.size, base_size, base_before, tuple(removed))


def _digests(image: ImageLayers) -> set[str]:
    return {layer.digest for layer in image.layers}


def _partners(image: DividedImage, earlier: ImageLayers) -> dict[int, int]:
    """Return the index of the earlier layer for each of the image's own that has one; each is taken once."""
    partners: dict[int, int] = {}
    free = dict(enumerate(earlier.layers))
    for made in image.own:
        match = next((index for index, layer in free.items() if layer.digest == made.layer.digest), None)
        if match is not None:
            partners[made.index] = match
            del free[match]
    commands = {index: earlier.command_of(index) for index in free}
    for made in image.own:
        if made.index in partners or not made.command:
            continue
        match = next((index for index, command in commands.items() if command == made.command), None)
        if match is not None:
            partners[made.index] = match
            del commands[match]
    return partners
