"""The record of a large workflow's nodes, as Argo compresses it: unpacked and read node by node, never as a whole. Pure.

A few thousand nodes are some megabytes of JSON, and several times that as objects; all that is wanted of them is little.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import contextlib
import importlib
import json
import re
import zlib
from collections.abc import Iterator
from typing import Any

GZIP = b"\x1f\x8b"
ZSTANDARD = b"\x28\xb5\x2f\xfd"
# NodeStatus status is compressed to fit 1 MiB; what claims to be far larger than that could become is not unpacked.
MAX_BYTES = 64 * 1024 * 1024
MAX_ENTRY_LENGTH = 4 * 1024 * 1024
CHUNK = 64 * 1024
_DAMAGED = "their record is damaged"
_TOO_LARGE = "unpacked, their record would be too large"
_MARKS = re.compile(r"[\s,:]*")


def read_nodes(compressed: str) -> Iterator[tuple[str, Any]]:
    """Yield each node's id and value; raises ValueError, with words that read on after a colon."""
    try:
        data = base64.b64decode(compressed, validate=True)
    except binascii.Error:
        raise ValueError("their record is not base64") from None
    chunks = _inflated(data) if data.startswith(GZIP) else _from_zstandard(data)
    return _entries(_texts(chunks))


def _inflated(data: bytes) -> Iterator[bytes]:
    inflate = zlib.decompressobj(wbits=31)
    try:
        while chunk := inflate.decompress(data, CHUNK):
            yield chunk
            data = inflate.unconsumed_tail
    except zlib.error:
        raise ValueError(_DAMAGED) from None


def _from_zstandard(data: bytes) -> Iterator[bytes]:
    """Unpack Zstandard: Python's own from 3.14 on, else its backport; brotli, which bears no mark, neither knows."""
    if not data.startswith(ZSTANDARD):
        raise ValueError("their record is compressed by a method that is not known here (set Argo's to gzip)")
    zstd = _zstandard()
    unpack = zstd.ZstdDecompressor()
    try:
        chunk = unpack.decompress(data, CHUNK)
        while chunk:
            yield chunk
            chunk = b"" if unpack.eof or unpack.needs_input else unpack.decompress(b"", CHUNK)
    except zstd.ZstdError:
        raise ValueError(_DAMAGED) from None


def _zstandard() -> Any:
    for name in ("compression.zstd", "backports.zstd"):
        with contextlib.suppress(ModuleNotFoundError):
            return importlib.import_module(name)
    raise ValueError("their record is compressed by Zstandard: install backports.zstd, or set Argo's to gzip")


def _texts(chunks: Iterator[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > MAX_BYTES:
            raise ValueError(_TOO_LARGE)
        yield decoder.decode(chunk)


def _entries(texts: Iterator[str]) -> Iterator[tuple[str, Any]]:
    """Read the entries of one JSON object from its text in pieces; an entry is at most a few pieces long."""
    decode = json.JSONDecoder().raw_decode
    text = next(texts, "").lstrip()
    if not text.startswith("{"):
        raise ValueError("their record is not a mapping" if text else _DAMAGED)
    at = 1
    while True:
        try:
            start = _between(text, at)
            if text[start] == "}":
                return
            key, end = decode(text, start)
            value, behind = decode(text, _between(text, end))
            mark = text[behind]  # a number at the very end of the text may go on in the next piece
        except (ValueError, IndexError):
            more = next(texts, None)
            if more is None:
                raise ValueError(_DAMAGED) from None
            if len(text) - at > MAX_ENTRY_LENGTH:
                raise ValueError(_TOO_LARGE) from None
            text, at = text[at:] + more, 0
            continue
        at = behind + 1 if mark == "," else behind
        yield str(key), value


def _between(text: str, at: int) -> int:
    """Return where the next word begins, behind blanks and marks."""
    found = _MARKS.match(text, at)
    return found.end() if found else at
