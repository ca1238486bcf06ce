"""Read fields of objects by path."""

from __future__ import annotations

from collections.abc import Iterable


def text_at(value: object, path: Iterable[str]) -> str:
    """Return the field at a path as text; empty where the object has no such field."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return "" if value is None else str(value)
