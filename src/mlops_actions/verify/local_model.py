"""Compute the SHA-256 of a model's files on this machine."""

from __future__ import annotations

import hashlib
from pathlib import Path

from mlops_actions.core.errors import BadInput
from mlops_actions.core.runs import ArtifactFile

_MAX_FILES = 10_000


def read_model(path: Path) -> tuple[ArtifactFile, ...]:
    """Return the files below a folder, or the one file; raises BadInput where they cannot be read."""
    try:
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if not file.is_dir())
            if not files or len(files) > _MAX_FILES:
                raise BadInput(f"--model {str(path)!r} holds {len(files)} files", "give the folder of the model alone")
            return tuple(_read(file, file.relative_to(path).as_posix()) for file in files)
        return (_read(path, path.name),)
    except OSError as error:
        raise BadInput(
            f"--model {str(path)!r} cannot be read: {error.strerror or error}", "give the model's folder or file"
        ) from None


def _read(file: Path, name: str) -> ArtifactFile:
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256")
        return ArtifactFile(name, opened.tell(), digest.hexdigest())
