"""Find the paths of the context that a Dockerfile reads. Pure.

In case of doubt a path counts as read: these paths decide about warnings, never about reuse.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mlops_actions.docker_publish.dockerfile.instructions import Dockerfile, Instruction

_FLAG = re.compile(r"--([a-z-]+)(?:=(\"[^\"]*\"|'[^']*'|\S+))?(?:\s+|$)", re.IGNORECASE)
_WORD = re.compile(r"(?:[^\s\"']|\"[^\"]*\"|'[^']*')+")
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
    copied: list[str] = []
    mounted: list[str] = []
    for instruction in dockerfile.instructions:
        keyword, arguments = _own(instruction)
        flags, rest = _flags(arguments)
        if keyword in ("COPY", "ADD") and not any(name == "from" for name, _ in flags):
            copied += [_normal(word) for word in _sources(rest) if not _REMOTE.match(word)]
        elif keyword == "RUN":
            paths = (_mounted(value) for name, value in flags if name == "mount")
            mounted += [path for path in paths if path is not None]
    return LocalSources(tuple(dict.fromkeys(copied)), tuple(dict.fromkeys(mounted)))


def _own(instruction: Instruction) -> tuple[str, str]:
    """Return keyword and arguments; for ONBUILD, those of the instruction that it holds."""
    if instruction.keyword != "ONBUILD":
        return instruction.keyword, instruction.arguments
    keyword, _, arguments = instruction.arguments.partition(" ")
    return keyword.upper(), arguments.strip()


def _flags(arguments: str) -> tuple[list[tuple[str, str]], str]:
    """Split the flags off; return them with lower-case names, and the rest."""
    flags: list[tuple[str, str]] = []
    while match := _FLAG.match(arguments):
        flags.append((match[1].lower(), (match[2] or "").strip("\"'")))
        arguments = arguments[match.end() :]
    return flags, arguments


def _sources(arguments: str) -> Iterator[str]:
    """Yield the sources of COPY or ADD, in words or as JSON; a here-document is none."""
    for word in _words(arguments)[:-1]:
        if not word.startswith("<<"):
            yield word


def _words(arguments: str) -> Sequence[str]:
    if arguments.lstrip().startswith("["):
        try:
            words = json.loads(arguments)
        except ValueError:
            words = None
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            return words
    return [word.replace('"', "").replace("'", "") for word in _WORD.findall(arguments)]


def _mounted(value: str) -> str | None:
    """Return the path that a mount reads from the context; None for a mount of something else."""
    options = {key.strip().lower(): text.strip() for key, _, text in (part.partition("=") for part in value.split(","))}
    if options.get("type", "bind") != "bind" or "from" in options:
        return None
    return _normal(options.get("source") or options.get("src") or ".")


def _normal(source: str) -> str:
    """Return a source relative to the context; empty (all of it) where a variable or an escape hides the path."""
    if "$" in source or "\\" in source or "`" in source:
        return ""
    return posixpath.normpath("/" + source).lstrip("/")


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
