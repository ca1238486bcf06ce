"""Versions of machine-learning repositories: semantic, by PEP 440, by the calendar; and which is newer. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from mlops_actions.core.version import SemanticVersion

_MAX_LENGTH = 256  # characters; Python refuses to read numbers of thousands of digits, which a registry may send
_NUMBER = r"[0-9]{1,18}"
# https://peps.python.org/pep-0440/#appendix-b-parsing-version-strings-with-regular-expressions, without epochs, from two
# numbers on: a single number is a day (20261123) or a commit (123456789012) as well. `2026.11` is a version of this form.
_PEP_440 = re.compile(
    rf"v?({_NUMBER}(?:\.{_NUMBER}){{1,7}})"
    rf"([-_.]?(?:alpha|a|beta|b|preview|pre|c|rc)[-_.]?(?:{_NUMBER})?)?"
    rf"(?:(?:-|[-_.]?(?:post|rev|r)[-_.]?)({_NUMBER}))?"
    rf"([-_.]?dev[-_.]?(?:{_NUMBER})?)?"
    r"(\+[a-z0-9]+(?:[-_.][a-z0-9]+)*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Version:
    """A version: `text` without a leading v, the numbers of its release, `post` of a post-release (else 0).

    `is_release` is false for a pre-release or development version, `has_build` true for one with a part after `+`.
    """

    text: str
    release: tuple[int, ...]
    post: int = 0
    is_release: bool = True
    has_build: bool = False

    @property
    def precedence(self) -> tuple[tuple[int, ...], int]:
        """The sort key among releases."""
        return (*self.release, *(0,) * (8 - len(self.release)))[:8], self.post

    def short(self, count: int) -> str:
        """Return the first numbers as they were written."""
        return ".".join(self.text.split(".")[:count])


def semantic(text: str) -> Version | None:
    """Read `1.2.3` or `v1.2.3-rc.1+build`."""
    version = SemanticVersion.parse(text)
    if version is None:
        return None
    release = (version.major, version.minor, version.patch)
    return Version(str(version), release, is_release=version.is_release, has_build=bool(version.build))


def any_scheme(text: str) -> Version | None:
    """Read a semantic version, else one by PEP 440 (`1.2.3rc1`, `1.2.3.post1`, `2026.11`)."""
    if (version := semantic(text)) is not None:
        return version
    match = _PEP_440.fullmatch(text) if len(text) <= _MAX_LENGTH and text.isascii() else None
    if match is None:
        return None
    release, pre, post, dev, local = match.groups()
    return Version(
        text.removeprefix("v").removeprefix("V"),
        tuple(int(number) for number in release.split(".")),
        post=int(post) if post else 0,
        is_release=not pre and not dev,
        has_build=bool(local),
    )


def releases(texts: Iterable[str], *, schemes: bool = False) -> list[Version]:
    """List the releases among tags, oldest first; `schemes`: those of every scheme, else semantic versions alone."""
    read = any_scheme if schemes else semantic
    return sorted((version for version in map(read, texts) if version and version.is_release), key=lambda it: it.precedence)


def matching(pattern: str, git_tag: str) -> Version | None:
    """Read the version in a git tag that a pattern such as `trainer-v*` describes, where `*` stands for the version."""
    before, _, after = pattern.partition("*")
    fits = git_tag.startswith(before) and git_tag.endswith(after) and len(git_tag) > len(before) + len(after)
    return any_scheme(git_tag[len(before) : len(git_tag) - len(after)]) if fits else None


def is_short_of(short: str, text: str) -> bool:
    """Tell whether `short` (`1`, `1.2`, `1.2.3`) are the first numbers of the version in a text, or all of it."""
    version = any_scheme(text)
    return version is not None and short in {version.text, *map(version.short, range(1, len(version.release) + 1))}


def looks_like_one(text: str) -> bool:
    """Tell whether a text is a version, a short form (`v1`, `1.2`, `1.2-cuda`), or one with a name (`trainer-v1.2.3`)."""
    # A single number before a suffix is rather the issue that a branch is for: `12-fix-it`.
    is_short = re.fullmatch(r"v?(?:[0-9]{1,6}|[0-9]{1,18}(?:\.[0-9]{1,18})+[_-].+)", text, re.IGNORECASE) is not None
    named = re.fullmatch(r"[A-Za-z0-9]+[-_](v[0-9]+\.[0-9]+\.[0-9].*)", text)
    return is_short or any_scheme(text) is not None or (named is not None and any_scheme(named[1]) is not None)
