"""The files of a repository that `init` looks at, within limits: whoever wrote them may mean harm.

No link is followed, no folder of dependencies is entered, and only so many names and bytes are read.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from pathlib import Path

MAX_ENTRIES = 20_000
MAX_DEPTH = 8
MAX_FILE_BYTES = 256 * 1024
MAX_TOTAL_BYTES = 16 * 1024 * 1024
# Folders of dependencies, of builds and of other tools. Those that begin with a dot are left out too.
_SKIPPED = frozenset(["node_modules", "site-packages", "venv", "env", "build", "dist", "wandb", "__pycache__", "vendor"])


class RepositoryFiles:
    """Lists and reads the files of a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._bytes_left = MAX_TOTAL_BYTES

    def paths(self) -> list[str]:
        """Return the files, those near the top first, relative to the folder; at most MAX_ENTRIES names are looked at."""
        found: list[str] = []
        folders = deque([("", 0)])
        looked_at = 0
        while folders:
            folder, depth = folders.popleft()
            try:
                with os.scandir(self._root / folder) as entries:
                    for entry in entries:
                        looked_at += 1
                        if looked_at > MAX_ENTRIES:
                            return sorted(found, key=lambda path: (path.count("/"), path))
                        path = f"{folder}/{entry.name}" if folder else entry.name
                        if entry.is_dir(follow_symlinks=False):
                            if depth < MAX_DEPTH and not entry.name.startswith(".") and entry.name not in _SKIPPED:
                                folders.append((path, depth + 1))
                        elif entry.is_file(follow_symlinks=False):
                            found.append(path)
            except OSError:  # a folder that may not be read
                continue
        return sorted(found, key=lambda path: (path.count("/"), path))

    def read(self, path: str) -> str:
        """Return the text of a regular file; empty where it is a link, too large, no text, or over the limit of all."""
        try:
            # A named pipe must not stop this, and no folder on the way may be a link.
            if not (self._root / path).parent.resolve().is_relative_to(self._root):
                return ""
            handle = os.open(self._root / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with open(handle, "rb") as file:  # noqa: PTH123 - the handle was opened without following a link
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    return ""
                content = file.read(MAX_FILE_BYTES + 1)
        except (OSError, ValueError):
            return ""
        self._bytes_left -= len(content)
        if len(content) > MAX_FILE_BYTES or self._bytes_left < 0:
            return ""
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            return ""
