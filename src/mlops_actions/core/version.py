"""Semantic versions (semver.org): read them and order them by precedence."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import total_ordering

_MAX_LENGTH = 256  # characters; Python refuses to read numbers of thousands of digits, which a registry may send
_NUMBER = r"(0|[1-9][0-9]{0,17})"
_IDENTIFIERS = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_VERSION = re.compile(rf"v?{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-({_IDENTIFIERS}))?(?:\+({_IDENTIFIERS}))?")


@total_ordering
@dataclass(frozen=True)
class SemanticVersion:
    """A full version: MAJOR.MINOR.PATCH[-PRERELEASE][+BUILD]. Build metadata takes no part in comparisons."""

    major: int
    minor: int
    patch: int
    prerelease: str = ""
    build: str = field(default="", compare=False)

    @classmethod
    def parse(cls, text: str) -> SemanticVersion | None:
        """Read `1.2.3` or `v1.2.3-rc.1+build`; return None for a text that is not a full version."""
        match = _VERSION.fullmatch(text) if len(text) <= _MAX_LENGTH else None
        if match is None:
            return None
        major, minor, patch = (int(number) for number in match.group(1, 2, 3))
        return cls(major, minor, patch, prerelease=match[4] or "", build=match[5] or "")

    @property
    def is_release(self) -> bool:
        """Whether this is no pre-release."""
        return not self.prerelease

    @property
    def precedence(self) -> tuple[object, ...]:
        """The sort key of semver.org, item 11: numbers before words, a pre-release before its release."""
        identifiers = tuple(
            (0, int(part), "") if part.isdigit() else (1, 0, part) for part in self.prerelease.split(".") if part
        )
        return (self.major, self.minor, self.patch, self.is_release, identifiers)

    def __lt__(self, other: SemanticVersion) -> bool:
        return self.precedence < other.precedence

    def __str__(self) -> str:
        prerelease = f"-{self.prerelease}" if self.prerelease else ""
        build = f"+{self.build}" if self.build else ""
        return f"{self.major}.{self.minor}.{self.patch}{prerelease}{build}"
