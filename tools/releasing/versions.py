"""Versions by SemVer, and the tags that stand for them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from mlops_actions.core.errors import BadInput

_NUMBER = r"(0|[1-9]\d*)"
_VERSION = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?")


@dataclass(frozen=True)
class Version:
    """MAJOR.MINOR.PATCH, perhaps a pre-release."""

    major: int
    minor: int
    patch: int
    pre: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `1.2.3` or `1.2.3-rc.1`."""
        found = _VERSION.fullmatch(text)
        if not found:
            raise BadInput(f"{text!r} is no version", "write it as 1.2.3, or 1.2.3-rc.1 for a pre-release")
        major, minor, patch = (int(number) for number in found.group(1, 2, 3))
        return cls(major, minor, patch, found[4] or "")

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}" + (f"-{self.pre}" if self.pre else "")

    @property
    def tag(self) -> str:
        """The tag of this version alone; it never moves."""
        return f"v{self}"

    @property
    def moving_tag(self) -> str | None:
        """The tag that follows the newest release of this major version; a pre-release moves nothing."""
        return None if self.pre else f"v{self.major}"

    @property
    def precedence(self) -> tuple[object, ...]:
        """SemVer's order: numbers by value, words by letter, numbers before words, a pre-release before its release."""
        parts = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in self.pre.split(".") if part)
        return (self.major, self.minor, self.patch, not self.pre, parts)


def released(tags: Iterable[str]) -> list[Version]:
    """The versions that a repository's tags stand for, oldest first."""
    found = [Version.parse(tag[1:]) for tag in tags if tag.startswith("v") and _VERSION.fullmatch(tag[1:])]
    return sorted(found, key=lambda version: version.precedence)
