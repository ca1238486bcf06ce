"""The palette of the documentation's pictures: no pixel gets a colour far from its own."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import pytest

import small_png

Colour = tuple[int, int, int]
YELLOW = (255, 204, 77)
GREENS = [(0, green, blue) for green in range(100, 200) for blue in range(40)]


def png(pixels: Sequence[Colour], width: int) -> bytes:
    """Write an image of 8 bits for each channel, as a browser does."""
    rows = [pixels[start : start + width] for start in range(0, len(pixels), width)]
    data = b"".join(b"\0" + b"".join(map(bytes, row)) for row in rows)
    header = struct.pack(">IIBBBBB", width, len(rows), 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(data)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )


def colours_of(path: Path) -> list[Colour]:
    """Read the pixels of an image with a palette whose rows have no filter."""
    content, at, found = path.read_bytes(), 8, {}
    while at < len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        found[content[at + 4 : at + 8]] = content[at + 8 : at + 8 + length]
        at += length + 12
    width, height = struct.unpack(">II", found[b"IHDR"][:8])
    data, palette = zlib.decompress(found[b"IDAT"]), found[b"PLTE"]
    assert len(palette) <= 3 * 256
    indices = [index for row in range(height) for index in data[row * (width + 1) + 1 : (row + 1) * (width + 1)]]
    return [(palette[3 * index], palette[3 * index + 1], palette[3 * index + 2]) for index in indices]


def farthest(pixels: Sequence[Colour], shown: Sequence[Colour]) -> int:
    """Return how far the shown colours are from their own at most, as the largest difference of a channel."""
    return max(abs(a - b) for own, other in zip(pixels, shown, strict=True) for a, b in zip(own, other, strict=True))


NOISE = random.Random(7)
IMAGES: dict[str, tuple[list[Colour], int]] = {
    "few colours stay as they are": ([(0, 0, 0), (255, 255, 255), YELLOW, (0, 128, 0)] * 5, 0),
    # Of 4,000 greens each has more pixels than the yellow.
    "a rare distant colour among many frequent ones": ([*GREENS, *GREENS, *[(0, 0, 0)] * 4998, YELLOW, (255, 205, 79)], 8),
    "the whole cube": ([(NOISE.randrange(256), NOISE.randrange(256), NOISE.randrange(256)) for _ in range(4000)], 64),
}


@pytest.mark.parametrize(("pixels", "distance"), IMAGES.values(), ids=IMAGES)
def test_no_pixel_gets_a_colour_far_from_its_own(tmp_path: Path, pixels: list[Colour], distance: int) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(png(pixels, width=10))
    small_png.shrink(path)
    assert farthest(pixels, colours_of(path)) <= distance


def test_the_frequent_colours_stay_exact(tmp_path: Path) -> None:
    pixels, _ = IMAGES["a rare distant colour among many frequent ones"]
    path = tmp_path / "picture.png"
    path.write_bytes(png(pixels, width=10))
    small_png.shrink(path)
    assert dict(zip(pixels, colours_of(path), strict=True))[0, 0, 0] == (0, 0, 0)
