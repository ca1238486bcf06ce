"""Find the paths of the context that a Dockerfile reads. Pure.

In case of doubt a path counts as read: these paths decide about warnings, never about reuse.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mlops_actions.docker_publish.dockerfile.bases import with_triggers
from mlops_actions.docker_publish.dockerfile.instructions import Dockerfile
from mlops_actions.docker_publish.dockerfile.paths import context_paths, relative

_REMOTE = re.compile(r"[a-z][a-z0-9+.-]*://|git@", re.IGNORECASE)


@dataclass(frozen=True)
class LocalSources:
    """Paths and patterns, relative to the context: `copied` into a layer, `mounted` while one RUN works.

    An empty path is the whole context.
    """

    copied: tuple[str, ...]
    mounted: tuple[str, ...] = ()

    def copies(self, path: str) -> bool:
        """Tell whether an instruction copies the file into a layer of a stage."""
        return any(_covers(source, path) for source in self.copied)

    def reads(self, path: str) -> bool:
        """Tell whether an instruction reads the file in any way."""
        return self.copies(path) or any(_covers(source, path) for source in self.mounted)


def find(dockerfile: Dockerfile) -> LocalSources:
    """List the sources of COPY, ADD and `RUN --mount=type=bind` that are in the context."""
    if dockerfile.unclear:
        return LocalSources(("",))
    copied: dict[str, None] = {}
    mounted: dict[str, None] = {}
    for instruction in with_triggers(dockerfile):
        paths = mounted if instruction.keyword == "RUN" else copied
        for path in context_paths(instruction):
            if not _REMOTE.match(path):
                paths[relative(path, dockerfile.escape)] = None
    return LocalSources(tuple(copied), tuple(mounted))


def _covers(source: str, path: str) -> bool:
    """Tell whether a file is a source, is below it, or is matched by its pattern; `**` counts for everything below."""
    if not source:
        return True
    segments = path.split("/")
    for index, pattern in enumerate(source.split("/")):
        if pattern == "**":
            return True
        if index >= len(segments) or not fnmatchcase(segments[index], pattern):
            return False
    return True
