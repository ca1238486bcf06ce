"""How PyPI and Debian order versions: each function returns a key by which versions sort."""

from __future__ import annotations

import re
from typing import Any

from packaging.version import InvalidVersion, Version


def python_order(version: str) -> tuple[Any, ...]:
    """Return the key of a version of PyPI (PEP 440); what is none sorts last, so that such a fix counts as newer."""
    try:
        return 0, Version(version)
    except InvalidVersion:
        return 1, version


def debian_order(version: str) -> tuple[Any, ...]:
    """Return the key of a version of Debian; without a revision it is the version with the revision 0.

    https://www.debian.org/doc/debian-policy/ch-controlfields.html#version
    """
    epoch, colon, rest = version.partition(":")
    upstream, hyphen, revision = (rest if colon else version).rpartition("-")
    return int(epoch) if colon else 0, _parts(upstream if hyphen else revision), _parts(revision if hyphen else "0")


def _parts(text: str) -> list[tuple[tuple[int, ...], int]]:
    """Split into pairs of other characters and a number. The end of the characters (0) sorts behind a tilde alone."""
    return [((*map(_rank, others), 0), int(digits or 0)) for others, digits in re.findall(r"([^0-9]*)([0-9]*)", text)]


def _rank(character: str) -> int:
    if character == "~":
        return -1
    return ord(character) if character.isalpha() else ord(character) + 256
