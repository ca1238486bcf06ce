"""List the files of one layer from its archive, read as a stream within bounds.

Form: OCI image specification (layer.md): a tar archive, in which an empty file `.wh.NAME` removes NAME of a lower layer.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO

# A file of this size is hashed, to find its copies. Smaller ones are not worth a hint.
HASHED_FROM = 256 << 10  # bytes
_MAX_FILES = 100_000
_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"


@dataclass(frozen=True)
class LayerFile:
    """A regular file: its bytes, and the hash of a large one's content (else empty)."""

    size: int
    digest: str = ""


@dataclass(frozen=True)
class LayerContents:
    """Regular files by path (without the first slash), and the paths that the layer removes from those below it."""

    files: Mapping[str, LayerFile] = field(default_factory=dict)
    removed: tuple[str, ...] = ()


class TooMuch(Exception):
    """The layer exceeds a bound."""


def is_readable(media_type: str) -> bool:
    """Tell whether this Python can unpack the layer: gzip always, zstd from Python 3.14 on."""
    if media_type.endswith("zstd"):
        return "zst" in tarfile.TarFile.OPEN_METH
    return media_type.endswith(("gzip", ".tar")) and "encrypted" not in media_type


def read(chunks: Iterator[bytes], max_bytes: int) -> LayerContents:
    """List a layer of at most `max_bytes` unpacked; raises TooMuch, and ValueError for what is no archive."""
    files: dict[str, LayerFile] = {}
    removed: list[str] = []
    unpacked = 0
    source = io.BufferedReader(_Stream(chunks), 1 << 16)
    try:
        with tarfile.open(fileobj=source, mode="r|*") as archive:
            for member in archive:
                setattr(archive, "members", [])  # noqa: B010 - tarfile keeps every header otherwise
                unpacked += member.size + 512
                if unpacked > max_bytes or len(files) > _MAX_FILES:
                    raise TooMuch
                _add(archive, member, files, removed)
    except (tarfile.TarError, EOFError, OSError, OverflowError) as error:
        raise ValueError(f"no archive: {error}") from None
    return LayerContents(files, tuple(removed))


def _add(archive: tarfile.TarFile, member: tarfile.TarInfo, files: dict[str, LayerFile], removed: list[str]) -> None:
    path = member.name.removeprefix("./").strip("/")
    folder, _, name = path.rpartition("/")
    if name == _OPAQUE:
        removed.append(folder)
    elif name.startswith(_WHITEOUT):
        removed.append(f"{folder}/{name[len(_WHITEOUT) :]}".lstrip("/"))
    elif member.isreg():
        digest = ""
        if member.size >= HASHED_FROM and (content := archive.extractfile(member)) is not None:
            digest = _hashed(content)
        files[path] = LayerFile(member.size, digest)


def _hashed(content: IO[bytes]) -> str:
    digest = hashlib.blake2b()
    while piece := content.read(1 << 18):
        digest.update(piece)
    return digest.hexdigest()


class _Stream(io.RawIOBase):
    """A file over the pieces of an answer."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = chunk
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
