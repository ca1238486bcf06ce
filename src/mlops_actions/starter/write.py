"""Write the starter into a repository: all of it or nothing, and never outside of it."""

from __future__ import annotations

import difflib
import os
import re
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops_actions.core.errors import BadInput

_MAX_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Plan:
    """What is there and what would be written; each maps paths in the repository to texts.

    `different` holds the texts that the starter has for files that hold something else.
    """

    root: Path
    missing: Mapping[str, str]
    different: Mapping[str, str]
    same: tuple[str, ...]

    def with_kept(self, path: str, of_others: Plan) -> Plan:
        """Return a plan for all other files, and this one's for a file that is kept."""
        missing = {name: text for name, text in of_others.missing.items() if name != path}
        different = {name: text for name, text in of_others.different.items() if name != path}
        return Plan(self.root, missing, {path: self.different[path], **different}, of_others.same)

    def difference(self, path: str) -> str:
        """Return a unified diff from the file as it is to the starter's text.

        Whoever wrote the file may mean harm: what could move or hide text on a terminal is shown as an escape.
        """
        old = _lines(_read(self.root / path) or "")
        lines = difflib.unified_diff(old, _lines(self.different[path]), f"a/{path}", f"b/{path}")
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def plan(directory: Path, files: Mapping[str, str]) -> Plan:
    """Compare the starter with what is there; raises BadInput where a file cannot be written at all."""
    root = directory.resolve()
    missing, different, same = {}, {}, []
    for path, text in files.items():
        _check_parent(root, root / path)
        if not os.path.lexists(root / path):
            missing[path] = text
            continue
        mode = (root / path).lstat().st_mode
        if stat.S_ISDIR(mode):
            raise BadInput(f"there is a directory {path}", "move it, and run the command again")
        if stat.S_ISREG(mode) and _read(root / path) == text:
            same.append(path)
        else:
            different[path] = text
    return Plan(root, missing, different, tuple(same))


def write(root: Path, files: Mapping[str, str]) -> None:
    """Write all files. Where one cannot be written, or somebody interrupts, the files that were there are there again.

    A symbolic link is replaced, never written through.
    """
    drafts: dict[Path, Path] = {}
    before: dict[Path, Path] = {}
    made: list[Path] = []
    try:
        for name, text in files.items():
            path = root / name
            made += _make_folders(path.parent)
            drafts[path] = _draft(path, text)
        for path, draft in drafts.items():
            if os.path.lexists(path):
                before[path] = path.with_name(f"{draft.name}.before")
                path.rename(before[path])
            draft.replace(path)
    except BaseException:
        for path, draft in drafts.items():
            if not draft.exists():
                path.unlink(missing_ok=True)
            draft.unlink(missing_ok=True)
        for path, kept in before.items():
            if os.path.lexists(kept):
                kept.replace(path)
        for folder in reversed(made):
            folder.rmdir()
        raise
    for kept in before.values():
        kept.unlink()


def _check_parent(root: Path, path: Path) -> None:
    parent = path.parent
    if not parent.resolve().is_relative_to(root):
        raise BadInput(f"{parent} leads out of {root}", "remove the symbolic link, and run the command again")
    if any(not folder.is_dir() for folder in (parent, *parent.parents) if os.path.lexists(folder)):
        raise BadInput(f"{parent} is not a directory", "remove the file in its place, and run the command again")


def _lines(text: str) -> list[str]:
    """Return the lines with their ends, as git counts them, and with escapes for what cannot be printed."""
    return [
        "".join(letter if letter.isprintable() or letter in "\n\t" else repr(letter)[1:-1] for letter in line)
        for line in re.findall(r"[^\n]*\n|[^\n]+", text)
    ]


def _read(path: Path) -> str | None:
    """Return the text of a file; None for a link, a large file or no text."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(handle, "rb") as file:  # noqa: PTH123 - the handle was opened without following a link
            content = file.read(_MAX_BYTES + 1)
            return content.decode("utf-8") if len(content) <= _MAX_BYTES else None
    except (OSError, UnicodeDecodeError):
        return None


def _make_folders(folder: Path) -> list[Path]:
    """Make a folder and those above it; return those that were missing, the upper ones first."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()][::-1]
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def _draft(path: Path, text: str) -> Path:
    """Write a file beside the one that it replaces."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o644)
    except BaseException:
        Path(name).unlink()
        raise
    return Path(name)
