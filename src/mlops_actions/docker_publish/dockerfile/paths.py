"""Tell what a build reads of its context. Pure."""

from __future__ import annotations

import posixpath
import re

from mlops_actions.docker_publish.dockerfile import arguments, shell
from mlops_actions.docker_publish.dockerfile.bases import with_triggers
from mlops_actions.docker_publish.dockerfile.instructions import Dockerfile, Instruction

_WITHOUT_CONTEXT = frozenset({"cache", "tmpfs", "secret", "ssh"})
_GIT = ".git"
_ALL = "."


def sees_git(dockerfile: Dockerfile) -> bool:
    """Tell whether the build may read the context's `.git`, which differs at every commit; true in case of doubt."""
    return bool(dockerfile.unclear) or any(
        _reaches_git(path, dockerfile.escape)
        for instruction in with_triggers(dockerfile)
        for path in context_paths(instruction)
    )


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


def _reaches_git(path: str, escape: str) -> bool:
    source = shell.literal(path, escape)
    if source is None or "\\" in source:
        return True
    first_segment = posixpath.normpath("/" + source).lstrip("/").partition("/")[0]
    return not first_segment or _matches(first_segment, _GIT)


def _matches(pattern: str, name: str) -> bool:
    """Tell whether a wildcard of the context may match a name; `[` counts for any text."""
    stars = re.escape(pattern.partition("[")[0] + ("*" if "[" in pattern else "")).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(stars, name, re.DOTALL) is not None
