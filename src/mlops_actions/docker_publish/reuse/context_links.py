"""Follow the links of a context as COPY, ADD and mounts do: the one that is named, and those on the way to it."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Sequence
from pathlib import Path

from mlops_actions.docker_publish.dockerfile import paths

_MAX_STEPS = 1000


def lead_to_git(context: Path, sources: Sequence[str]) -> bool:
    """Tell whether a source, relative to the context, may lead into the context's `.git` through links; raises OSError.

    Absolute links start at the context too, and no link leads out of it, as in BuildKit.
    """
    pending = list(sources)
    seen: set[str] = set()
    while pending:
        source = pending.pop()
        if paths.reaches_git(source) or len(seen) > _MAX_STEPS:
            return True
        if source not in seen:
            seen.add(source)
            pending += _through_links(context, source)
    return False


def _through_links(context: Path, source: str) -> Iterator[str]:
    """Yield what a source stands for where a segment of it is a link."""
    folders = [""]
    segments = source.split("/")
    for index, segment in enumerate(segments):
        below = []
        for folder in folders:
            for name in _names(context / folder, segment):
                path = posixpath.join(folder, name)
                if os.path.islink(context / path):  # noqa: PTH114 - the context's text, not a Path's
                    target = posixpath.join("/", folder, os.readlink(context / path), *segments[index + 1 :])  # noqa: PTH115
                    yield posixpath.normpath(target).lstrip("/")
                elif index + 1 < len(segments):
                    below.append(path)
        folders = below


def _names(folder: Path, pattern: str) -> Sequence[str]:
    if not any(wildcard in pattern for wildcard in "*?["):
        return (pattern,)
    if not folder.is_dir():
        return ()
    return [name for name in os.listdir(folder) if paths.matches(pattern, name)]  # noqa: PTH208 - names, not Paths
