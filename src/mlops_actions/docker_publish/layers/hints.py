"""Say where a layer holds what nobody needs in an image, and how to leave it out. Pure.

A hint about files that were seen gives their bytes. Where a layer was not looked into, its instruction alone speaks, and
the hint says "may".
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mlops_actions.docker_publish.layers.caches import CACHES
from mlops_actions.docker_publish.layers.contents import LayerContents
from mlops_actions.docker_publish.layers.made_by import MadeLayer
from mlops_actions.docker_publish.size_text import size_text

MIN_BYTES = 1_000_000  # of what a hint is given for
MIN_LAYER = 10_000_000  # bytes of a layer that is judged by its instruction
# Characters of an instruction that is judged: the search takes as long as the square of its length.
_MAX_JUDGED = 20_000


@dataclass(frozen=True)
class Hint:
    """A hint about one layer: what it holds, how many bytes (0: not known), and how to leave it out."""

    made: MadeLayer
    what: str
    remedy: str
    size: int = 0

    @property
    def text(self) -> str:
        """The hint as a sentence without the layer's name."""
        holds = f"holds {size_text(self.size)} of {self.what}" if self.size else f"may hold {self.what}"
        return f"{holds}; {self.remedy}"


_REWRITING = re.compile(r"(?:sudo )?(?:chown|chmod|chgrp|setfacl|mv|touch)\b")


def hints(own: Sequence[MadeLayer], contents: Mapping[int, LayerContents], environment: Mapping[str, str]) -> list[Hint]:
    """Return the hints, the largest first; `contents` has what was seen of layers, by the layer's index."""
    found: list[Hint] = []
    for made in own:
        if made.index in contents:
            found += _seen(made, contents[made.index])
        elif made.layer.size >= MIN_LAYER:
            found += _suspected(made, environment)
    found += _repeated(own, contents)
    return sorted(found, key=lambda hint: (-hint.size, hint.made.index))


def _seen(made: MadeLayer, contents: LayerContents) -> Iterator[Hint]:
    for cache in CACHES:
        if cache.only and made.keyword not in cache.only:
            continue
        size = sum(file.size for path, file in contents.files.items() if cache.paths.search(path))
        if size >= MIN_BYTES:
            yield Hint(made, cache.what, cache.remedy, size)


def _suspected(made: MadeLayer, environment: Mapping[str, str]) -> Iterator[Hint]:
    """Judge a layer by its instruction: flags such as `--mount` are in the Dockerfile only."""
    text = f"{made.command} {made.arguments}"
    if made.keyword != "RUN" or len(text) > _MAX_JUDGED:
        return
    if is_rewriting(made.command):
        yield Hint(
            made,
            "files of the layers below, written a second time",
            "set owner and mode where they are copied: COPY --chown=… --chmod=…",
            made.layer.size,
        )
        return
    for cache in CACHES:
        if cache.filled is None or cache.emptied is None or not cache.filled.search(text):
            continue
        is_mounted = "--mount=type=cache" in text
        is_off = environment.get(cache.variable, "").lower() not in ("", "0", "false", "off", "no")
        if not (cache.emptied.search(text) or is_mounted or is_off):
            yield Hint(made, cache.what, cache.remedy)


def is_rewriting(command: str) -> bool:
    """Tell whether a RUN does nothing but change files that are there already."""
    parts = re.split(r"&&|\|\||;", command.removeprefix("RUN "))
    return all(_REWRITING.match(part.strip()) for part in parts if part.strip())


def _repeated(own: Sequence[MadeLayer], contents: Mapping[int, LayerContents]) -> Iterator[Hint]:
    """Find files that a later layer writes again or removes, and equal files in two layers."""
    looked_into = [made for made in own if made.index in contents]
    owner: dict[str, MadeLayer] = {}
    by_content: dict[str, tuple[MadeLayer, str]] = {}
    for made in looked_into:
        again: dict[int, int] = {}
        removed: dict[int, int] = {}
        copied: dict[int, int] = {}
        for lower in _below(owner, contents[made.index].removed):
            first = owner.pop(lower)
            removed[first.index] = removed.get(first.index, 0) + contents[first.index].files[lower].size
        for path, file in contents[made.index].files.items():
            before = owner.get(path)
            if before is not None and contents[before.index].files[path].size == file.size:
                again[before.index] = again.get(before.index, 0) + file.size
            elif file.digest and file.digest in by_content and by_content[file.digest][1] != path:
                first = by_content[file.digest][0]
                copied[first.index] = copied.get(first.index, 0) + file.size
            if file.digest:
                by_content.setdefault(file.digest, (made, path))
            owner[path] = made
        yield from _of_repetition(made, looked_into, again=again, removed=removed, copied=copied)


def _below(paths: Iterable[str], removed: Sequence[str]) -> list[str]:
    """List the paths that a removal takes away: itself, or below a removed folder."""
    # Sorted with `/` before all else, what is below a folder follows it at once: no path is taken apart for each folder.
    ordered = sorted((_sort_key(path), path) for path in paths) if removed else []
    gone: list[str] = []
    done = 0
    for folder in sorted(map(_sort_key, removed)):
        done = max(done, bisect_left(ordered, (folder, "")))
        while done < len(ordered) and ordered[done][0].startswith(folder):
            gone.append(ordered[done][1])
            done += 1
    return gone


def _sort_key(path: str) -> str:
    """Return a text with which the keys of all paths below begin; the empty path stands for all of the image."""
    return path.replace("/", "\0") + "\0" if path else ""


def _of_repetition(
    made: MadeLayer,
    layers: Sequence[MadeLayer],
    *,
    again: Mapping[int, int],
    removed: Mapping[int, int],
    copied: Mapping[int, int],
) -> Iterator[Hint]:
    by_index = {layer.index: layer for layer in layers}
    for first, size in again.items():
        if size >= MIN_BYTES:
            what = f"files that {_place(by_index[first])} wrote already"
            yield Hint(made, what, "write them once: COPY --chown=… --chmod=…, or one RUN", size)
    for first, size in copied.items():
        if size >= MIN_BYTES:
            where = "the same layer" if first == made.index else _place(by_index[first])
            yield Hint(made, f"copies of files of {where}", "keep one of them, or a link", size)
    for first, size in removed.items():
        if size >= MIN_BYTES:
            what = f"files that {_place(made)} removes"
            yield Hint(by_index[first], what, "remove them in the RUN that makes them: a layer keeps its files", size)


def _place(made: MadeLayer) -> str:
    return f"line {made.line}" if made.line else f"layer {made.index + 1}"
