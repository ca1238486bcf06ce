"""Look at the files of a context that reach the build, by the walk that the fingerprint takes too.

Small files and files that may hold a login are read as far as needed; links are not followed.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlops_actions.docker_publish.context_files import credential_files
from mlops_actions.docker_publish.context_files.local_sources import LocalSources
from mlops_actions.docker_publish.reuse.dockerignore import IgnorePatterns
from mlops_actions.docker_publish.reuse.fingerprint import walk

# A pointer is shorter than 1024 bytes (git-lfs specification); the shortest has a size of one digit.
_POINTER_BYTES = range(120, 1024)
_POINTER = re.compile(
    rb"version https://(?:git-lfs\.github\.com|hawser\.github\.com)/spec/v1\n(?:ext-[^\n]*\n)*"
    rb"oid sha256:[0-9a-f]{64}\nsize [0-9]+\n?"
)
_SUBMODULE_PATH = re.compile(r"^[ \t]*path[ \t]*=(.+)$", re.MULTILINE)
_GITMODULES_BYTES = 1 << 20


@dataclass(frozen=True)
class SizedFile:
    """A file and its bytes."""

    path: str
    size: int


@dataclass(frozen=True)
class ContextFindings:
    """Paths relative to the context, in order.

    `pointers` are Git LFS pointers that the build reads; `submodules` are empty folders that `.gitmodules` names; `logins`
    are git configurations with a login, `credentials` other files with one and what each is, all of which an instruction
    copies; `unread` are the files that no instruction reads.
    """

    pointers: tuple[str, ...] = ()
    submodules: tuple[str, ...] = ()
    logins: tuple[str, ...] = ()
    credentials: tuple[tuple[str, str], ...] = ()
    unread: tuple[SizedFile, ...] = ()


def inspect(context: Path, ignore: IgnorePatterns, sources: LocalSources, *, root: Path) -> ContextFindings:
    """Look at every file that `.dockerignore` lets through; `root` is the workspace, whose `.gitmodules` counts too.

    Raises OSError.
    """
    pointers: list[str] = []
    logins: list[str] = []
    credentials: list[tuple[str, str]] = []
    unread: list[SizedFile] = []
    module_files = _above(context, root)
    for path, entry in walk(context, ignore):
        if entry.name == ".gitmodules":
            module_files.append(Path(entry.path))
        status = entry.stat(follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            continue
        if not sources.reads(path):
            if not path.startswith(".git/"):  # the fingerprint leaves it out too, where nothing reads it
                unread.append(SizedFile(path, status.st_size))
            continue
        if status.st_size in _POINTER_BYTES and _POINTER.fullmatch(_head(entry.path, _POINTER_BYTES.stop)):
            pointers.append(path)
        elif sources.copies(path):
            if _is_git_configuration(path):
                if credential_files.has_git_login(_head(entry.path, credential_files.HEAD_BYTES)):
                    logins.append(path)
            elif credential_files.is_candidate(path) and (form := _form_of(path, entry.path)):
                credentials.append((path, form))
    return ContextFindings(
        pointers=tuple(pointers),
        submodules=tuple(dict.fromkeys(path for file in module_files for path in _empty(file, context, ignore, sources))),
        logins=tuple(logins),
        credentials=tuple(credentials),
        unread=tuple(unread),
    )


def _form_of(path: str, location: str) -> str:
    return credential_files.form_of(path, _head(location, credential_files.HEAD_BYTES))


def _is_git_configuration(path: str) -> bool:
    """Tell whether it is `.git/config`, or that of a submodule (`.git/modules/NAME/config`)."""
    *folders, name = path.split("/")
    return name == "config" and ".git" in folders


def _above(context: Path, root: Path) -> list[Path]:
    """List the `.gitmodules` of the folders above the context, up to the workspace."""
    folders = [folder for folder in context.parents if folder.is_relative_to(root)]
    return [folder / ".gitmodules" for folder in folders]


def _empty(module_file: Path, context: Path, ignore: IgnorePatterns, sources: LocalSources) -> Iterator[str]:
    """Yield the submodules of a `.gitmodules` that the build reads and that are empty folders of the context.

    A checkout without submodules makes an empty folder for each; one that is not there at all is a stale entry.
    """
    try:
        text = _head(str(module_file), _GITMODULES_BYTES).decode("utf-8", "replace")
    except OSError:
        return
    for value in _SUBMODULE_PATH.findall(text):
        name = value.strip(" \t\r").removeprefix('"').removesuffix('"')
        folder = Path(os.path.normpath(module_file.parent / name))
        if not folder.is_relative_to(context) or not _is_empty_folder(folder):
            continue
        path = folder.relative_to(context).as_posix()
        if not ignore.excludes(path) and sources.reads(f"{path}/file"):
            yield path


def _is_empty_folder(folder: Path) -> bool:
    try:
        return not folder.is_symlink() and folder.is_dir() and not any(folder.iterdir())
    except OSError:  # a name that is too long: it must not cost the other warnings
        return False


def _head(path: str, size: int) -> bytes:
    """Return the first bytes of a regular file; raises OSError, also for a link."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:  # without a file object, which would take longer than the reading
        return os.read(descriptor, size)
    finally:
        os.close(descriptor)
