"""Read the nodes of a large workflow, which Argo compresses, one by one and never as a whole. Pure.

A few thousand nodes are some megabytes of JSON, and several times that as Python objects; only a few fields are needed.
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
# Argo compresses node statuses to fit 1 MiB; a record that expands beyond this limit is not read.
MAX_BYTES = 64 * 1024 * 1024
MAX_ENTRY_LENGTH = 4 * 1024 * 1024
CHUNK = 64 * 1024
_DAMAGED = "their record is damaged"
_TOO_LARGE = "their record is too large"
_SEPARATORS = re.compile(r"[\s,:]*")


def read_nodes(compressed: str) -> Iterator[tuple[str, Any]]:
    """Yield each node's id and value; raises ValueError, whose text continues after a colon."""
    try:
        data = base64.b64decode(compressed, validate=True)
    except binascii.Error:
        raise ValueError("their record is not base64") from None
    chunks = _inflated(data) if data.startswith(GZIP) else _from_zstandard(data)
    return _entries(_decoded(chunks))


def _inflated(data: bytes) -> Iterator[bytes]:
    inflate = zlib.decompressobj(wbits=31)
    try:
        while chunk := inflate.decompress(data, CHUNK):
            yield chunk
            data = inflate.unconsumed_tail
    except zlib.error:
        raise ValueError(_DAMAGED) from None


def _from_zstandard(data: bytes) -> Iterator[bytes]:
    """Decompress Zstandard by Python's own module (from 3.14 on) or its backport; brotli, which has no magic, is unknown."""
    if not data.startswith(ZSTANDARD):
        raise ValueError("their record is compressed by an unknown method (set Argo's to gzip)")
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


def _decoded(chunks: Iterator[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > MAX_BYTES:
            raise ValueError(_TOO_LARGE)
        yield decoder.decode(chunk)


def _entries(texts: Iterator[str]) -> Iterator[tuple[str, Any]]:
    """Read the entries of one JSON object from pieces of its text; an entry spans a few pieces at most."""
    decode = json.JSONDecoder().raw_decode
    text = next(texts, "").lstrip()
    if not text.startswith("{"):
        raise ValueError("their record is not a mapping" if text else _DAMAGED)
    at = 1
    while True:
        try:
            start = _next_token(text, at)
            if text[start] == "}":
                return
            key, end = decode(text, start)
            value, behind = decode(text, _next_token(text, end))
            mark = text[behind]  # fails at the end of a piece, where a number may continue in the next one
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


def _next_token(text: str, at: int) -> int:
    """Return the position of the next token, after blanks, commas and colons."""
    separators = _SEPARATORS.match(text, at)
    return separators.end() if separators else at
