"""Read a CODEOWNERS file as GitHub does, and find the owners of a path. Pure.

https://docs.github.com/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

# In the order in which GitHub looks; the first that exists counts.
PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
MAX_BYTES = 3 * 1024 * 1024  # GitHub does not load a larger file

_OWNER = re.compile(r"@[A-Za-z0-9][\w-]*(/[\w.-]+)?|[^@\s]+@[^@\s]+", re.ASCII)
# What .gitignore takes and CODEOWNERS does not.
_UNSUPPORTED = re.compile(r"!|\\#|.*[\[\]]|.*\*\*\*", re.DOTALL)
_WORDS = re.compile(r"(?:\\.|[^\s\\])+", re.ASCII)  # a backslash takes the next character as it is, also a space


class InvalidLine(ValueError):
    """A line that GitHub does not understand; the message names it."""


@dataclass(frozen=True)
class Rule:
    """One line: a pattern, and its owners as they are written, in lower case (`@user`, `@org/team`, an e-mail address)."""

    pattern: str
    owners: frozenset[str]

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        return re.compile("".join(_translated(self.pattern)), re.DOTALL)

    def matches(self, path: str) -> bool:
        """Return whether the pattern is one of this file; a path starts at the root of the repository, without a slash."""
        return self._expression.fullmatch(path) is not None


def parse(text: str) -> tuple[Rule, ...]:
    """Return the rules in the order of the file; raises InvalidLine."""
    rules: list[Rule] = []
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        words = _WORDS.findall(line)
        # A comment starts a line, or a word after the pattern.
        comment = next((index for index, word in enumerate(words) if word.startswith("#")), len(words))
        words = words[:comment]
        if not words:
            continue
        pattern, *owners = words
        if _UNSUPPORTED.match(pattern) or not pattern.strip("/") or "\\" in _WORDS.sub("", line):
            raise InvalidLine(f"line {number}: GitHub supports no such pattern: {pattern[:80]}")
        wrong = next((owner for owner in owners if not _OWNER.fullmatch(owner)), None)
        if wrong is not None:
            raise InvalidLine(
                f"line {number}: {wrong[:80]} is no owner: write @user, @organisation/team or an e-mail address"
            )
        rules.append(Rule(pattern, frozenset(owner.lower() for owner in owners)))
    return tuple(rules)


def owners_of(rules: tuple[Rule, ...], path: str) -> frozenset[str]:
    """Return the owners of a path: those of the last rule that matches, which may have none."""
    return next((rule.owners for rule in reversed(rules) if rule.matches(path)), frozenset())


def _translated(pattern: str) -> Iterator[str]:
    """Yield a pattern as pieces of a regular expression that matches whole paths.

    A pattern with a slash before its last character starts at the root, any other one in each folder. It matches a file, and
    all below a folder; but the files of `docs/*` are those directly in the folder.
    """
    if "/" not in pattern[:-1]:
        yield "(?:.*/)?"
    names = pattern.strip("/").split("/")
    is_folder = pattern.endswith("/")
    for index, name in enumerate(names):
        is_last = index == len(names) - 1
        if name == "**":
            yield "(?:.*/)?" if not is_last else ".*/.*" if is_folder else ".*"
            continue
        yield "".join(_translated_name(name))
        if not is_last:
            # `a/**` is all below `a`, not a file of the name `a`.
            yield "/"
        elif is_folder:
            yield "/.*"
        elif name != "*":
            yield "(?:/.*)?"


def _translated_name(name: str) -> Iterator[str]:
    if name == "*":
        yield "[^/]+"
        return
    for part in re.findall(r"\\.|.", name, re.DOTALL):
        if part == "*":
            yield "[^/]*"
        elif part == "?":
            yield "[^/]"
        else:
            yield re.escape(part[-1])
