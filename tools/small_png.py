"""Make a screenshot small: one byte for each pixel, with a palette of its most frequent colours and of rare ones.

A small mark (⚠️) has few pixels, and the colours of its own say what it means: no pixel may get a colour far from its own.
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOURS = 256
_FREQUENT = 128  # of them are the most frequent ones; the others are those that are farthest from all before
_CHANNELS = {2: 3, 6: 4}  # colour type → bytes of a pixel


def shrink(path: Path) -> None:
    """Rewrite a PNG file of 8 bits for each channel, as browsers write it. Raises ValueError for any other."""
    width, height, channels, data = _read(path)
    pixels = _pixels(data, width, height, channels)
    palette, nearest = _palette(Counter(pixels))
    index = {colour: number for number, colour in enumerate(palette)}
    indexed = bytes(index[nearest[pixel]] for pixel in pixels)
    rows = b"".join(b"\0" + indexed[start : start + width] for start in range(0, len(indexed), width))
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"PLTE", b"".join(palette)), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    path.write_bytes(_SIGNATURE + b"".join(_chunk(name, content) for name, content in chunks))


def _palette(counts: Mapping[bytes, int]) -> tuple[Collection[bytes], Mapping[bytes, bytes]]:
    """Choose a palette for colours with their numbers of pixels; also return the nearest one of it for each colour."""
    by_count = sorted(counts, key=lambda colour: (-counts[colour], colour))
    palette = by_count[: _COLOURS if len(by_count) <= _COLOURS else _FREQUENT]
    nearest = {colour: min(palette, key=lambda other: _distance(other, colour)) for colour in by_count}
    distances = {colour: _distance(other, colour) for colour, other in nearest.items()}
    while len(palette) < min(_COLOURS, len(by_count)):
        added = max(by_count, key=distances.__getitem__)
        palette.append(added)
        for colour, distance in distances.items():
            if (closer := _distance(added, colour)) < distance:
                nearest[colour], distances[colour] = added, closer
    return palette, nearest


def _distance(colour: bytes, other: bytes) -> int:
    return sum((a - b) ** 2 for a, b in zip(colour, other, strict=True))


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _read(path: Path) -> tuple[int, int, int, bytes]:
    """Return width, height, bytes of a pixel, and the filtered rows."""
    content = path.read_bytes()
    if not content.startswith(_SIGNATURE):
        raise ValueError(f"{path} is no PNG file")
    chunks = list(_chunks(content))
    width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    if depth != 8 or kind not in _CHANNELS or interlaced:
        raise ValueError(f"{path} has another form of pixels than a browser writes")
    return width, height, _CHANNELS[kind], zlib.decompress(b"".join(data for name, data in chunks if name == b"IDAT"))


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_SIGNATURE)
    while at < len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        yield content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        at += length + 12


def _pixels(data: bytes, width: int, height: int, channels: int) -> list[bytes]:
    """Return the colours of all pixels, row by row, without their transparency."""
    size, pixels = width * channels, []
    above = bytes(size)
    for row in range(height):
        start = row * (size + 1)
        above = _unfiltered(data[start], data[start + 1 : start + 1 + size], above, channels)
        pixels += [above[at : at + 3] for at in range(0, size, channels)]
    return pixels


def _unfiltered(kind: int, row: bytes, above: bytes, channels: int) -> bytes:
    """Take back the filter of one row (the PNG specification, chapter 9)."""
    if kind == 0:
        return row
    line = bytearray(row)
    for at in range(len(line)):
        left = line[at - channels] if at >= channels else 0
        corner = above[at - channels] if at >= channels else 0
        line[at] = (line[at] + _predicted(kind, left, above[at], corner)) & 0xFF
    return bytes(line)


def _predicted(kind: int, left: int, up: int, corner: int) -> int:
    if kind == 1:
        return left
    if kind == 2:
        return up
    if kind == 3:
        return (left + up) // 2
    # Paeth: the neighbour that is nearest to a plane through all three.
    estimate = left + up - corner
    return min((left, up, corner), key=lambda value: abs(estimate - value))
