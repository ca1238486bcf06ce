"""Decide which files of a context reach the build: `.dockerignore` as BuildKit reads it. Pure.

Source: moby/patternmatcher (ignorefile.ReadAll, patternmatcher.compile). A path is left out where the last pattern that
matches it, or a folder above it, is not negated (`!`).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache

_ESCAPED = frozenset(".+()|{}$")
# What `*`, `**` at the end, and `**` elsewhere stand for; every other piece stands for one character.
_STAR, _ALL, _FOLDERS = "[^/]*", ".*", "(?:.*/)?"
_WILDCARDS = frozenset({_STAR, _ALL, _FOLDERS})
# With more, a regular expression can go back on one name for longer than the job lasts (`*a*a*a*a*a*a*a*b`).
_MAX_WILDCARDS = 3
_MAX_PATH = 200  # characters; with three wildcards the time grows with the cube of the length


@dataclass(frozen=True)
class Pattern:
    """One line: whether a whole path matches it, and whether it includes files again (`!`)."""

    matches: Callable[[str], object]
    negated: bool


class IgnorePatterns:
    """The patterns of one file. Paths are relative to the context, with `/`."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._patterns = tuple(patterns)
        self.has_exceptions = any(pattern.negated for pattern in patterns)

    def excludes(self, path: str) -> bool:
        """Tell whether the path does not reach the build."""
        above = [path]
        while parent := posixpath.dirname(above[-1]):
            above.append(parent)
        excluded = False
        for pattern in self._patterns:
            if pattern.negated == excluded and any(pattern.matches(part) for part in above):
                excluded = not pattern.negated
        return excluded


def parse(text: str) -> IgnorePatterns:
    """Read the file; raises ValueError for a pattern that BuildKit could not read either."""
    patterns: list[Pattern] = []
    for line in text.removeprefix("\ufeff").split("\n"):
        if line.startswith("#") or not (stripped := line.strip()):
            continue
        negated = stripped.startswith("!")
        body = stripped[1:].strip() if negated else stripped
        if not body:
            raise ValueError("a line holds nothing but '!'")
        cleaned = posixpath.normpath(body)
        # normpath keeps two leading slashes (POSIX); Go's Clean, which BuildKit uses, does not.
        cleaned = cleaned.lstrip("/") if len(cleaned) > 1 else cleaned
        patterns.append(Pattern(_compile(cleaned), negated))
    return IgnorePatterns(patterns)


def _compile(pattern: str) -> Callable[[str], object]:
    out: list[str] = []
    index = 0
    while index < len(pattern):
        character = pattern[index]
        index += 1
        if character == "*" and pattern[index : index + 1] == "*":
            index += 1
            index += pattern[index : index + 1] == "/"
            piece = _FOLDERS if index < len(pattern) else _ALL
            # Repeating it adds nothing, and a hundred repetitions would backtrack for longer than the job lasts.
            if out[-1:] != [piece]:
                out.append(piece)
        elif character == "*":
            out.append(_STAR)
        elif character == "?":
            out.append("[^/]")
        elif character in _ESCAPED:
            out.append("\\" + character)
        elif character == "\\":
            following = pattern[index : index + 1]
            index += 1
            out.append(re.escape(following or "\\"))
        elif character == "[":
            piece, index = _character_class(pattern, index)
            out.append(piece)
        else:
            out.append(re.escape(character))
    try:
        expression = re.compile("".join(out), re.DOTALL)
    except re.error as error:
        raise ValueError(f"the pattern {pattern!r} cannot be read: {error}") from None
    wildcards = sum(piece in _WILDCARDS for piece in out)
    if wildcards <= 1:
        return expression.fullmatch
    step_by_step = _many_wildcards(out)
    if wildcards > _MAX_WILDCARDS:
        return step_by_step
    return lambda path: expression.fullmatch(path) if len(path) <= _MAX_PATH else step_by_step(path)


def _many_wildcards(pieces: Sequence[str]) -> Callable[[str], bool]:
    """Match by following every way at once, so that the time grows with the path's length and no faster."""
    last = max(index for index, piece in enumerate(pieces) if piece in _WILDCARDS) + 1
    ending = re.compile("".join(pieces[last:]) + r"\Z", re.DOTALL)
    width = len(pieces) - last
    single = [None if piece in _WILDCARDS else re.compile(piece, re.DOTALL) for piece in pieces]

    def with_empty(indices: Iterable[int]) -> set[int]:
        reached = set()
        for index in indices:
            reached.add(index)
            while index < len(pieces) and pieces[index] in _WILDCARDS:  # each may stand for nothing
                index += 1
                reached.add(index)
        return reached

    @cache  # of the folders above each file too
    def matches(path: str) -> bool:
        if len(path) < width or not ending.match(path, len(path) - width):
            return False
        places, inside = with_empty([0]), set[int]()  # `inside`: in the middle of what `**` stands for
        for character in path:
            following: set[int] = set()
            inside |= {index for index in places if index < len(pieces) and pieces[index] == _FOLDERS}
            for index in places - {len(pieces)}:
                expression = single[index]
                if expression is not None:
                    following |= {index + 1} if expression.fullmatch(character) else set()
                elif pieces[index] == _ALL or (pieces[index] == _STAR and character != "/"):
                    following.add(index)
            if character == "/":
                following |= {index + 1 for index in inside}
            places = with_empty(following)
        return len(pieces) in places

    return matches


def _character_class(pattern: str, index: int) -> tuple[str, int]:
    """Read `[a-z]` or `[^a-z]` from behind its bracket; return it as a regular expression, and the next index."""
    end = index + (pattern[index : index + 1] == "^")
    while end < len(pattern) and pattern[end] != "]":
        end += 2 if pattern[end] == "\\" else 1
    if end >= len(pattern):
        raise ValueError(f"the pattern {pattern!r} has an open '['")
    # `[` and `&&` mean something else inside a class in Python's future syntax; escaped they mean themselves.
    inside = pattern[index:end].replace("[", "\\[").replace("&", "\\&").replace("~", "\\~").replace("|", "\\|")
    return f"[{inside}]", end + 1
