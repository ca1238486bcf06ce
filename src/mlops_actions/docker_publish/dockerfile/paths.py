"""Tell what a build reads of its context. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase

from mlops_actions.docker_publish.dockerfile import arguments, shell
from mlops_actions.docker_publish.dockerfile.instructions import Dockerfile, Instruction
from mlops_actions.docker_publish.dockerfile.scopes import with_scopes

_WITHOUT_CONTEXT = frozenset({"cache", "tmpfs", "secret", "ssh"})
_GIT = ".git"
_ALL = "."


def sees_git(dockerfile: Dockerfile, build_arguments: Mapping[str, str]) -> bool:
    """Tell whether the build may read the context's `.git`, which differs at every commit; true in case of doubt."""
    return any(map(reaches_git, context_sources(dockerfile, build_arguments)))


def context_sources(dockerfile: Dockerfile, build_arguments: Mapping[str, str]) -> tuple[str, ...]:
    """Return the paths or patterns that the build reads, relative to the context; an empty one stands for all of it."""
    found = dict.fromkeys(
        relative(path, dockerfile.escape, scope.get)
        for instruction, scope in with_scopes(dockerfile, build_arguments)
        for path in context_paths(instruction)
    )
    return ("", *found) if dockerfile.unclear else tuple(found)


def context_paths(instruction: Instruction) -> list[str]:
    """Return the paths of the context that an instruction reads, as written: with variables, quotes and wildcards."""
    if instruction.keyword in ("COPY", "ADD"):
        if any(arguments.flag_values(instruction.flags, "from")):
            return []
        return [path for path in arguments.paths(instruction.operands)[:-1] if not shell.begins_heredoc(path)]
    if instruction.keyword != "RUN":
        return []
    paths: list[str] = []
    for mount in arguments.flag_values(instruction.flags, "mount"):
        options = arguments.mount_options(mount)
        if options is None:
            paths.append(_ALL)
        elif not options.get("from") and options.get("type", "bind").lower() not in _WITHOUT_CONTEXT:
            paths += [options[name] or _ALL for name in ("source", "src") if name in options] or [_ALL]
    return paths


def relative(path: str, escape: str, values: Callable[[str], str | None] = shell.unknown) -> str:
    """Return a path as it is written relative to the context; empty (all of it) where a variable or an escape hides it."""
    text = shell.expand(path, values, escape)
    if text is None or "\\" in text:
        return ""
    return posixpath.normpath("/" + text).lstrip("/")


def reaches_git(source: str) -> bool:
    """Tell whether a path or pattern, relative to the context, may be `.git`, be in it, or be all of the context."""
    first_segment = source.partition("/")[0]
    return not first_segment or matches(first_segment, _GIT)


def matches(pattern: str, name: str) -> bool:
    """Tell whether a segment with wildcards may match a name; `[` counts for any text."""
    return fnmatchcase(name, pattern.partition("[")[0] + ("*" if "[" in pattern else ""))
