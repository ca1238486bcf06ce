"""Look into the small layers that a run made, within bounds: a layer of many gigabytes is not fetched for a hint."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta

from mlops_actions.core.errors import ActionError
from mlops_actions.core.image_name import ImageName
from mlops_actions.core.ports import Clock
from mlops_actions.docker_publish.layers import contents
from mlops_actions.docker_publish.layers.contents import LayerContents, TooMuch
from mlops_actions.docker_publish.layers.made_by import MadeLayer
from mlops_actions.docker_publish.ports import Registry

# Bytes as the registry sends them (compressed), of one layer and of all layers of a run.
MAX_LAYER = 64_000_000
MAX_BYTES = 128_000_000
MAX_UNPACKED = 500_000_000
MAX_SECONDS = 5.0
MAX_LAYERS = 16
_INSTRUCTIONS = ("RUN", "COPY", "ADD")


def scan(
    registry: Registry, name: ImageName, own: Sequence[MadeLayer], *, known: Collection[str], clock: Clock
) -> dict[int, LayerContents]:
    """Return what the layers hold, by their index; those in `known` (digests) were not made by this run.

    What cannot be read is left out: a hint is worth no error.
    """
    found: dict[int, LayerContents] = {}
    deadline = clock.now() + timedelta(seconds=MAX_SECONDS)
    for made in choose(own, known):
        with closing(_until(registry.stream_blob(name.repository, made.layer.digest), clock, deadline)) as chunks:
            try:
                found[made.index] = contents.read(chunks, MAX_UNPACKED)
            except (TooMuch, ActionError, ValueError):
                continue
    return found


def choose(own: Sequence[MadeLayer], known: Collection[str]) -> list[MadeLayer]:
    """Choose the layers to look into, lowest first: the larger ones as long as number and sum are within bounds.

    A small one counts too: it may remove what a layer below it holds.
    """
    chosen: list[MadeLayer] = []
    left = MAX_BYTES
    for made in sorted(own, key=lambda made: -made.layer.size):
        size = made.layer.size
        fits = size <= min(MAX_LAYER, left) and len(chosen) < MAX_LAYERS and made.keyword in _INSTRUCTIONS
        if fits and made.layer.digest not in known and contents.is_readable(made.layer.media_type):
            chosen.append(made)
            left -= size
    return sorted(chosen, key=lambda made: made.index)


def _until(chunks: Iterator[bytes], clock: Clock, deadline: datetime) -> Generator[bytes, None, None]:
    for chunk in chunks:
        if clock.now() > deadline:
            raise TooMuch
        yield chunk
