"""Find the instruction of the Dockerfile that made each layer, and the layers that come from the base image. Pure.

BuildKit records one entry of history for each instruction of the target's stage, and of the stages below it, after the
entries of the base image. So both are compared from their ends.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlops_actions.docker_publish.dockerfile.instructions import Dockerfile, Instruction
from mlops_actions.docker_publish.layers.image_layers import ImageLayers, Layer

_WITHOUT_HISTORY = frozenset({"FROM", "ONBUILD"})


@dataclass(frozen=True)
class MadeLayer:
    """A layer of the image's own: its instruction in one line, and where it begins in the Dockerfile (0: not known).

    `index` is that of the layer in the image, `command` the instruction as the image records it, `arguments` as the
    Dockerfile has it, with flags.
    """

    index: int
    layer: Layer
    command: str
    line: int = 0
    arguments: str = ""

    @property
    def keyword(self) -> str:
        """The instruction's keyword, such as RUN."""
        return self.command.partition(" ")[0]


@dataclass(frozen=True)
class DividedImage:
    """The layers of the base image, whose name is `base` (empty where no base is known), and the image's own."""

    base: str
    base_layers: tuple[Layer, ...]
    own: tuple[MadeLayer, ...]


def divide(image: ImageLayers, dockerfile: Dockerfile, target: str = "") -> DividedImage:
    """Divide an image; where its history does not follow the Dockerfile, all layers count as its own, without lines."""
    base, chain = _chain(dockerfile, target)
    lines = _match(image, chain)
    if lines is None or not base:
        own = (MadeLayer(index, layer, image.command_of(index)) for index, layer in enumerate(image.layers))
        return DividedImage("", (), tuple(own))
    own_layers: list[MadeLayer] = []
    for position, instruction in sorted(lines.items()):
        index = image.history[position].layer
        if index is not None:
            text = image.history[position].command
            own_layers.append(MadeLayer(index, image.layers[index], text, instruction.line, instruction.arguments))
    first = min((made.index for made in own_layers), default=len(image.layers))
    return DividedImage(base, image.layers[:first], tuple(own_layers))


def _chain(dockerfile: Dockerfile, target: str) -> tuple[str, list[Instruction]]:
    """Return the base image of the target's stage, and the instructions that make the target from it."""
    stages: list[tuple[str, str, list[Instruction]]] = []
    for instruction in dockerfile.instructions:
        if instruction.keyword == "FROM":
            words = instruction.operands.split()
            name = words[2].lower() if len(words) > 2 and words[1].lower() == "as" else ""
            stages.append((name, words[0] if words else "", []))
        elif stages and instruction.keyword not in _WITHOUT_HISTORY:
            stages[-1][2].append(instruction)
    chain: list[Instruction] = []
    index = _stage(stages, target, len(stages)) if target else len(stages) - 1
    base = ""
    while index is not None and index >= 0:
        _, base, own = stages[index]
        chain = own + chain
        index = _stage(stages, base, index)
    return base, chain


def _stage(stages: list[tuple[str, str, list[Instruction]]], text: str, before: int) -> int | None:
    """Find an earlier stage by its name or number."""
    for index in reversed(range(before)):
        if stages[index][0] and stages[index][0] == text.lower():
            return index
    return int(text) if text.isdecimal() and int(text) < before else None


def _match(image: ImageLayers, chain: list[Instruction]) -> dict[int, Instruction] | None:
    """Assign instructions to positions of the history, from the end; None where one of them is missing there."""
    found: dict[int, Instruction] = {}
    position = len(image.history)
    for instruction in reversed(chain):
        # Builders may record an entry of their own, so one that has another keyword is passed over.
        candidates = range(position - 1, max(position - 3, -1), -1)
        match = next((index for index in candidates if image.history[index].keyword == instruction.keyword), None)
        if match is None:
            return None
        found[match] = instruction
        position = match
    return found if image.history else None
