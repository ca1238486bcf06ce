"""The names of labels."""

from __future__ import annotations


def same_label(one: str, other: str) -> bool:
    """Return whether two names are those of one label: GitHub compares them without case. An empty name is none."""
    return bool(one) and one.lower() == other.lower()
