"""The files of the workspace, and none outside of it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from mlops_actions.core.errors import BadInput

MOST_BYTES: Final = 5 * 1024 * 1024


class WorkspaceFiles:
    """Finds and reads files below a directory; links that lead out of it are not followed."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def find(self, pattern: str) -> list[str]:
        """Return the files that a path or glob names, relative to the workspace, sorted; raises BadInput (outside)."""
        relative = Path(pattern)
        if relative.is_absolute():
            if not relative.is_relative_to(self._root):
                raise self._outside(pattern)
            relative = relative.relative_to(self._root)
        if ".." in relative.parts:
            raise self._outside(pattern)
        try:
            exact = self._root / relative
            found = [exact] if exact.is_file() else [path for path in self._root.glob(str(relative)) if path.is_file()]
        except (ValueError, NotImplementedError, OSError):
            raise BadInput(f"{pattern!r} is no path and no glob", "give a path such as ci/train.yaml") from None
        for path in found:
            if not path.resolve().is_relative_to(self._root):
                raise self._outside(str(path.relative_to(self._root)))
        return sorted(str(path.relative_to(self._root)) for path in found)

    def read(self, path: str) -> str:
        """Return a file's text; raises BadInput."""
        try:
            data = (self._root / path).read_bytes()
            if len(data) > MOST_BYTES:
                raise BadInput(f"{path!r} is larger than 5 MiB", "give the file that was meant")
            return data.decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"{path!r} cannot be read: {type(error).__name__}", "give a readable text in UTF-8") from None

    def _outside(self, pattern: str) -> BadInput:
        return BadInput(f"{pattern!r} leads out of the workspace", "give a path inside of it")
