"""List the files of one layer from its archive, read as a stream within bounds.

Form: OCI image specification (layer.md): a tar archive, in which an empty file `.wh.NAME` removes NAME of a lower layer.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import IO

# A file of this size is hashed, to find its copies. Smaller ones are not worth a hint.
HASHED_FROM = 256 << 10  # bytes
_MAX_FILES = 100_000
_MAX_PATHS = 10_000_000  # characters of all paths: each may have thousands, and all are kept and searched
_PIECE = 1 << 18  # bytes
_GZIP = b"\x1f\x8b"
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
    """Tell whether the layer can be unpacked here: gzip and plain archives can, zstd cannot before Python 3.14."""
    return media_type.endswith(("gzip", ".tar"))


def read(chunks: Iterator[bytes], max_bytes: int) -> LayerContents:
    """List a layer of at most `max_bytes` unpacked; raises TooMuch, and ValueError for what is no archive.

    The bound holds for all that is unpacked, headers included: a header may claim any size.
    """
    files: dict[str, LayerFile] = {}
    removed: list[str] = []
    characters = 0
    source = io.BufferedReader(_Stream(_bounded(_unpacked(chunks), max_bytes)), 1 << 16)
    try:
        with tarfile.open(fileobj=source, mode="r|") as archive:
            for member in archive:
                setattr(archive, "members", [])  # noqa: B010 - tarfile keeps every header otherwise
                characters += len(member.name)
                if len(files) + len(removed) > _MAX_FILES or characters > _MAX_PATHS:
                    raise TooMuch
                _add(archive, member, files, removed)
    except (tarfile.TarError, zlib.error, EOFError, OSError, OverflowError) as error:
        raise ValueError(f"no archive: {error}") from None
    return LayerContents(files, tuple(removed))


def _unpacked(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the pieces without gzip, where the first one begins with its mark; each is small, whatever it unpacks to."""
    first = next(chunks, b"")
    if not first.startswith(_GZIP):
        yield first
        yield from chunks
        return
    inflater = zlib.decompressobj(wbits=31)
    for chunk in chain((first,), chunks):
        rest = chunk
        while rest:
            if inflater.eof:  # gzip files may follow one another
                inflater = zlib.decompressobj(wbits=31)
            yield inflater.decompress(rest, _PIECE)
            rest = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
    if not inflater.eof:
        raise EOFError("the compressed data ends too early")


def _bounded(pieces: Iterator[bytes], max_bytes: int) -> Iterator[bytes]:
    total = 0
    for piece in pieces:
        total += len(piece)
        if total > max_bytes:
            raise TooMuch
        yield piece


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
