"""Decide which files of a context reach the build: `.dockerignore` as BuildKit reads it. Pure.

Source: moby/patternmatcher (ignorefile.ReadAll, patternmatcher.compile). A path is left out where the last pattern that
matches it, or a folder above it, is not negated (`!`).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass

_ESCAPED = frozenset(".+()|{}$")


@dataclass(frozen=True)
class Pattern:
    """One line: a regular expression for whole paths, and whether it includes files again (`!`)."""

    expression: re.Pattern[str]
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
            if pattern.negated == excluded and any(pattern.expression.fullmatch(part) for part in above):
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


def _compile(pattern: str) -> re.Pattern[str]:
    out: list[str] = []
    index = 0
    while index < len(pattern):
        character = pattern[index]
        index += 1
        if character == "*" and pattern[index : index + 1] == "*":
            index += 1
            index += pattern[index : index + 1] == "/"
            piece = "(?:.*/)?" if index < len(pattern) else ".*"
            # Repeating it adds nothing, and a hundred repetitions would backtrack for longer than the job lasts.
            if out[-1:] != [piece]:
                out.append(piece)
        elif character == "*":
            out.append("[^/]*")
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
        return re.compile("".join(out), re.DOTALL)
    except re.error as error:
        raise ValueError(f"the pattern {pattern!r} cannot be read: {error}") from None


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
