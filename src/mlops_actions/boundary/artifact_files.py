"""Put an output artifact of a workflow into the workspace. Its content is hostile: whoever wrote the workflow chose it.

Argo stores an artifact as a compressed tar file by default, else as the file itself. Only plain files and folders are taken
out of a tar file, below a folder that did not exist before; anything else in it refuses the whole artifact.
"""

from __future__ import annotations

import gzip
import io
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from mlops_actions.boundary.workspace import WorkspaceFiles
from mlops_actions.core.errors import ActionError, BadInput, WorkFailed

MAX_DOWNLOAD = 2 << 30
MAX_UNPACKED = 8 << 30
MAX_MEMBERS = 50_000
MAX_PATH_BYTES = 1_024
MAX_NAME_BYTES = 255
MAX_HEADER = 1 << 20  # of a tar member's extended header, which the tar reader holds in memory
CHUNK = 1 << 16
_GZIP = b"\x1f\x8b"


class ArtifactFiles:
    """Implements `argo_submit.ports.ArtifactFolder`."""

    def __init__(self, workspace: WorkspaceFiles) -> None:
        self._workspace = workspace

    def check(self, folder: str) -> None:
        """See the port."""
        self._workspace.path(folder, "artifacts-dir")

    def put(self, folder: str, parts: tuple[str, ...], file_name: str, content: Iterator[bytes]) -> tuple[str, int]:
        """See the port."""
        root = self._workspace.path(folder, "artifacts-dir")
        target = root.joinpath(*(safe_name(part) for part in parts))
        shown = str(target.relative_to(self._workspace.path("", "artifacts-dir")))
        self._workspace.path(shown, "artifacts-dir")  # a link on the way may lead out
        if target.exists() or target.is_symlink():
            raise BadInput(f"{shown!r} exists already", "give another folder in 'artifacts-dir', or remove it before")
        self._workspace.make_folder(target.parent)
        try:
            with tempfile.TemporaryDirectory(dir=target.parent, prefix=".artifact-") as temporary:
                download = Path(temporary) / "download"
                size = _save(content, download)
                unpacked = Path(temporary) / "content"
                unpacked.mkdir()
                if not _unpack(download, unpacked):
                    download.replace(unpacked / safe_name(file_name))
                self._workspace.hand_over(unpacked)
                unpacked.replace(target)
        except OSError as error:
            raise BadInput(
                f"the artifact cannot be written to {shown!r}: {error.strerror or error}", "see the disk and its permissions"
            ) from None
        return shown, size


def safe_name(text: str) -> str:
    """Return a name for a file that any file system takes: no separators, no leading dot, at most 100 characters."""
    kept = "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in text)[-100:]
    return kept.lstrip(".-") or "artifact"


def _save(content: Iterator[bytes], path: Path) -> int:
    size = 0
    with path.open("xb") as file:
        for chunk in content:
            size += len(chunk)
            if size > MAX_DOWNLOAD:
                raise _refused(f"it is larger than {MAX_DOWNLOAD >> 30} GiB")
            file.write(chunk)
    return size


def _unpack(path: Path, target: Path) -> bool:
    """Unpack a tar file, compressed or not; return whether the file is one."""
    with path.open("rb") as raw:
        is_gzip = raw.read(2) == _GZIP
        raw.seek(0)
        reader: Any = gzip.GzipFile(fileobj=raw) if is_gzip else raw
        try:
            begin = reader.read(tarfile.BLOCKSIZE)
            tarfile.TarInfo.frombuf(begin, "utf-8", "surrogateescape")
        except (tarfile.TarError, OSError, EOFError, zlib.error):
            return False
        try:
            reader.seek(0)
            _extract(_Bounded(reader), target)
        except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise _refused(f"it is a damaged archive: {error}") from None
    return True


def _extract(stream: IO[bytes], target: Path) -> None:
    count = 0
    with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Member) as archive:
        for member in archive:
            count += 1
            if count > MAX_MEMBERS:
                raise _refused(f"it holds more than {MAX_MEMBERS:,} files")
            path = target.joinpath(*_parts(member.name))
            if member.isdir():
                path.mkdir(parents=True, exist_ok=True)
            elif member.isreg() and (source := archive.extractfile(member)) is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("xb") as file:
                    shutil.copyfileobj(source, file, CHUNK)
            else:
                raise _refused(f"{member.name!r} in it is neither a file nor a folder")


def _parts(name: str) -> tuple[str, ...]:
    """Return the parts of a member's path; raises WorkFailed for a path that leads out or that no system takes."""
    path = PurePosixPath(name)
    parts = tuple(part for part in path.parts if part != ".")
    encoded = [part.encode(errors="surrogateescape") for part in parts]
    is_long = any(len(part) > MAX_NAME_BYTES for part in encoded) or len(name) > MAX_PATH_BYTES
    if path.is_absolute() or ".." in parts or is_long or any("\x00" in part or "\\" in part for part in parts):
        raise _refused(f"the path {name[:200]!r} in it is not accepted")
    return parts


class _Member(tarfile.TarInfo):
    """A member whose extended headers are bounded: the tar reader holds them in memory."""

    def _proc_pax(self, archive: Any) -> Any:
        self._check_header()
        return super()._proc_pax(archive)  # type: ignore[misc]

    def _proc_gnulong(self, archive: Any) -> Any:
        self._check_header()
        return super()._proc_gnulong(archive)  # type: ignore[misc]

    def _check_header(self) -> None:
        if self.size > MAX_HEADER:
            raise tarfile.ReadError("a header is too large")


class _Bounded(io.BytesIO):
    """The bytes of a reader up to a limit."""

    def __init__(self, reader: IO[bytes]) -> None:
        super().__init__()
        self._reader = reader
        self._left = MAX_UNPACKED

    def read(self, size: int | None = -1) -> bytes:
        """Return the next bytes; raises WorkFailed beyond the limit."""
        data = self._reader.read(CHUNK if size is None or size < 0 else size)
        self._left -= len(data)
        if self._left < 0:
            raise _refused(f"it takes more than {MAX_UNPACKED >> 30} GiB when it is unpacked")
        return data


def _refused(reason: str) -> ActionError:
    return WorkFailed(f"the artifact is not brought into the workspace: {reason}", "see what the workflow writes into it")
