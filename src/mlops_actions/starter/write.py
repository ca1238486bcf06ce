"""Write the starter into a repository: all files or none, without overwriting, and never outside of it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from mlops_actions.core.errors import BadInput


def write(directory: Path, files: Mapping[str, str], *, force: bool) -> None:
    """Write the files below `directory`; raise BadInput before the first is written if one may not be.

    An existing file stays unless `force` replaces it. A symbolic link is replaced, never written through.
    """
    if not directory.is_dir():
        raise BadInput(f"there is no directory {directory}", "create it, or name the repository with --directory")
    root = directory.resolve()
    for path in files:
        _check_parent(root, root / path)
    existing = [path for path in files if os.path.lexists(root / path)]
    folders = [path for path in existing if (root / path).is_dir() and not (root / path).is_symlink()]
    if folders:
        raise BadInput(f"there is a directory {', '.join(folders)}", "move it, and run the command again")
    if existing and not force:
        raise BadInput(
            f"there is already {', '.join(existing)}; nothing was written",
            "move it, choose another --directory, or replace it with --force",
        )
    for path, text in files.items():
        _write(root / path, text)


def _check_parent(root: Path, path: Path) -> None:
    parent = path.parent
    if not parent.resolve().is_relative_to(root):
        raise BadInput(f"{parent} leads out of {root}", "remove the symbolic link, and run the command again")
    if any(not folder.is_dir() for folder in (parent, *parent.parents) if os.path.lexists(folder)):
        raise BadInput(f"{parent} is not a directory", "remove the file in its place, and run the command again")


def _write(path: Path, text: str) -> None:
    """Replace a file atomically: no reader sees half of the text, and no link is followed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
