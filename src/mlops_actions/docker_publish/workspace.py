"""Paths that users give: within the workspace, after following symbolic links, and there."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from mlops_actions.core.errors import BadInput


def folder(workspace: Path, path: str, name: str) -> Path:
    """Return the folder that the input `name` means; raises BadInput where it is missing or outside the workspace."""
    if re.match(r"[a-z+-]+://|git@", path, re.IGNORECASE):
        raise BadInput(
            f"input '{name}' is an address: {path!r}",
            f"check the repository out in a step before, and give its folder in '{name}'",
        )
    found = _within(workspace, path, name)
    if not _is(found, Path.is_dir):
        raise BadInput(f"input '{name}': {_what_is(found, path)}, not a folder", _remedy(workspace, name))
    return found


def file(workspace: Path, path: str, name: str) -> Path:
    """Return the file that the input `name` means; raises BadInput where it is missing or outside the workspace."""
    found = _within(workspace, path, name)
    if not _is(found, Path.is_file):
        raise BadInput(f"input '{name}': {_what_is(found, path)}, not a file", _remedy(workspace, name))
    return found


def _within(workspace: Path, path: str, name: str) -> Path:
    root = workspace.resolve()
    try:
        found = (root / path).resolve()
    except (OSError, ValueError, RuntimeError) as error:  # a loop of links, a NUL byte, a name too long
        raise BadInput(f"input '{name}' is no path: {path!r} ({error})", _remedy(workspace, name)) from None
    if not found.is_relative_to(root):
        raise BadInput(
            f"input '{name}' leads out of the workspace: {path!r} is {str(found)!r}",
            f"give a path below the workspace in '{name}'; links that point outside are not followed",
        )
    return found


def _is(path: Path, kind: Callable[[Path], bool]) -> bool:
    try:
        return kind(path)
    except OSError:  # a name too long, or a folder that may not be read
        return False


def _what_is(found: Path, path: str) -> str:
    return f"{path!r} is {'something else' if _is(found, Path.exists) else 'missing'}"


def _remedy(workspace: Path, name: str) -> str:
    try:
        empty = not any(workspace.iterdir())
    except OSError:
        empty = True
    if empty:
        return "the workspace is empty: add a step with actions/checkout before this one"
    return f"correct '{name}' in the step's 'with:'; it is relative to the repository's root"
