"""The files of the job's workspace, and none outside of it: the one rule for every path that a user gives."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from mlops_actions.core.errors import BadInput

MAX_BYTES = 5 * 1024 * 1024


class WorkspaceFiles:
    """Find, read and check paths below a directory. Links that lead out of it are not followed."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def find(self, pattern: str) -> list[str]:
        """Return the files that a path or glob names, relative to the workspace, sorted; raises BadInput."""
        relative = Path(pattern)
        if relative.is_absolute():
            if not relative.is_relative_to(self._root):
                raise _leads_out(pattern)
            relative = relative.relative_to(self._root)
        if ".." in relative.parts:
            raise _leads_out(pattern)
        try:
            exact = self._root / relative
            files = [exact] if exact.is_file() else [path for path in self._root.glob(str(relative)) if path.is_file()]
        except (ValueError, NotImplementedError, OSError):
            raise BadInput(f"{pattern!r} is no path and no glob", "give a path such as ci/train.yaml") from None
        for path in files:
            if not path.resolve().is_relative_to(self._root):
                raise _leads_out(str(path.relative_to(self._root)))
        return sorted(str(path.relative_to(self._root)) for path in files)

    def read(self, path: str) -> str:
        """Return a file's text; raises BadInput."""
        try:
            data = (self._root / path).read_bytes()
            if len(data) > MAX_BYTES:
                raise BadInput(f"{path!r} is larger than 5 MiB", "give the file that was meant")
            return data.decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"{path!r} cannot be read: {type(error).__name__}", "give a readable text in UTF-8") from None

    def folder(self, path: str, input_name: str) -> Path:
        """Return the folder that an input names; raises BadInput where it is missing or outside the workspace."""
        return self._existing(path, input_name, is_kind=Path.is_dir, kind="a folder")

    def file(self, path: str, input_name: str) -> Path:
        """Return the file that an input names; raises BadInput where it is missing or outside the workspace."""
        return self._existing(path, input_name, is_kind=Path.is_file, kind="a file")

    def is_in_checkout(self, path: str) -> bool:
        """Return whether a path, or where a link on it leads, is in a checkout, whose commit may have brought the file."""
        named = Path(os.path.abspath(self._root / path))  # noqa: PTH100 - resolving would hide links
        folders = {*named.parents, *named.resolve().parents}
        return any(os.path.lexists(folder / ".git") for folder in folders if folder.is_relative_to(self._root))

    def path(self, path: str, input_name: str) -> Path:
        """Return the path that an input names, existing or not; raises BadInput where it is outside the workspace."""
        try:
            resolved = (self._root / path).resolve()
            resolved.exists()  # raises for a name too long, which `resolve` takes
        except (OSError, ValueError, RuntimeError) as error:  # a loop of links, a NUL byte, a name too long
            raise BadInput(f"input '{input_name}' is no path: {path!r} ({error})", self._remedy(input_name)) from None
        if not resolved.is_relative_to(self._root):
            raise BadInput(
                f"input '{input_name}' leads out of the workspace: {path!r} is {str(resolved)!r}",
                f"give a path below the workspace in '{input_name}'; links that point outside are not followed",
            )
        return resolved

    def make_folder(self, path: Path) -> None:
        """Make a folder that `path` returned, and those above it, for the workspace's owner; raises BadInput."""
        try:
            missing = [folder for folder in (path, *path.parents) if not folder.exists()]
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(
                f"the folder {str(path)!r} cannot be made: {error.strerror or error}",
                "give a folder in the workspace that this step may write",
            ) from None
        for folder in missing:
            self._give(folder)

    def hand_over(self, path: Path) -> None:
        """Give a file, or a folder with all in it, to the workspace's owner. Links are given, not followed."""
        self._give(path)
        if path.is_symlink():
            return
        for folder, folders, files in os.walk(path):
            for name in (*folders, *files):
                self._give(Path(folder, name))

    def _give(self, path: Path) -> None:
        # Only root may give files away; whoever else runs this is the owner of what it wrote. Some file systems refuse it to
        # root, too, such as a share that squashes root. What was written counts, whoever owns it.
        if os.geteuid() == 0:
            with suppress(OSError):
                owner = self._root.stat()
                os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)

    def write(self, folder: Path, files: Mapping[str, str]) -> dict[str, str]:
        """Write files (name → content) into a folder that `path` returned, and create the folder.

        They belong to the workspace's owner, who may not be root: a self-hosted runner must be able to clean up.
        Returns the files' paths from the workspace by name; raises BadInput where the folder cannot be written.
        """
        self.make_folder(folder)
        try:
            for name, content in files.items():
                _replace(folder / name, content)
                self._give(folder / name)
        except OSError as error:
            raise BadInput(
                f"the folder {str(folder)!r} cannot be written: {error.strerror or error}",
                "give a folder in the workspace that this step may write",
            ) from None
        return {name: str((folder / name).relative_to(self._root)) for name in files}

    def _existing(self, path: str, input_name: str, is_kind: Callable[[Path], bool], kind: str) -> Path:
        resolved = self.path(path, input_name)
        if not _is(resolved, is_kind):
            state = "something else" if _is(resolved, Path.exists) else "missing"
            raise BadInput(f"input '{input_name}': {path!r} is {state}, not {kind}", self._remedy(input_name))
        return resolved

    def _remedy(self, input_name: str) -> str:
        try:
            empty = not any(self._root.iterdir())
        except OSError:
            empty = True
        if empty:
            return "the workspace is empty: add a step with actions/checkout before this one"
        return f"correct '{input_name}' in the step's 'with:'; it is relative to the repository's root"


def _replace(path: Path, content: str) -> None:
    """Write a file in one step; a link in its place is replaced, never followed."""
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace", newline="") as file:
            file.write(content)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def _leads_out(pattern: str) -> BadInput:
    return BadInput(f"{pattern!r} leads out of the workspace", "give a path inside of it")


def _is(path: Path, kind: Callable[[Path], bool]) -> bool:
    try:
        return kind(path)
    except OSError:  # a name too long, or a folder that may not be read
        return False
