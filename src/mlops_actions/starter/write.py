"""Write files into somebody's repository: all of them or none, over nothing that is there, and nowhere else."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from mlops_actions.core.errors import BadInput


def write(directory: Path, files: Mapping[str, str], *, force: bool) -> None:
    """Write the files below `directory`; raises BadInput before anything is written where one may not be.

    What is there stays, unless `force` replaces it: a file, never what a symbolic link leads to.
    """
    if not directory.is_dir():
        raise BadInput(f"there is no directory {directory}", "give the repository's by --directory")
    root = directory.resolve()
    for path in files:
        parent = (root / path).parent
        if not parent.resolve().is_relative_to(root):
            raise BadInput(f"{parent} leads out of {root}", "remove the symbolic link, and run it again")
        if any(not each.is_dir() for each in (parent, *parent.parents) if os.path.lexists(each)):
            raise BadInput(f"{parent} is no directory", "remove what is there, and run it again")
    there = [path for path in files if os.path.lexists(root / path)]
    folders = [path for path in there if (root / path).is_dir() and not (root / path).is_symlink()]
    if folders:
        raise BadInput(f"there is a directory {', '.join(folders)}", "move it, and run it again")
    if there and not force:
        raise BadInput(
            f"there is already {', '.join(there)}; nothing was written",
            "move it, give another --directory, or replace it by --force",
        )
    for path, text in files.items():
        _write(root / path, text)


def _write(path: Path, text: str) -> None:
    """Put a whole file in the place of whatever has its name: no reader sees half of it, and no link is followed."""
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
