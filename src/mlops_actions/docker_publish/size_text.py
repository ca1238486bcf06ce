"""Write a number of bytes for people."""

from __future__ import annotations


def size_text(count: int) -> str:
    """Return bytes in decimal units, as registries and Docker show them: `12 B`, `3.4 kB`, `1.25 GB`."""
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if abs(size) < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.2f} GB"
