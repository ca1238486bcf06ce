"""Whose tags they are: the code of a pull request moves none but its own, however the workflow started. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from mlops_actions.docker_publish.revision import Revision


class TagKind(Enum):
    """What a tag follows."""

    COMMIT = "the commit"
    PULL_REQUEST = "the pull request"
    BRANCH = "a branch"
    RELEASE = "a release"
    TIME = "the time"
    LITERAL = "the workflow file"


@dataclass(frozen=True)
class Tag:
    """A tag; `made_of` is the name of the branch or git tag that it is made of, else empty."""

    name: str
    kind: TagKind
    made_of: str = ""


class _Notes(Protocol):
    def add(self, text: str) -> None: ...

    def notice(self, text: str) -> None: ...


def own_tags(tags: Iterable[Tag], revision: Revision, notes: _Notes, *, pushes: bool) -> list[Tag]:
    """Leave out what the code of a pull request must not move; a note names it.

    A literal is the pull request's own where it names its number (`pr-7`) or its commit. An image that is not pushed moves
    nothing, so it may have any literal.
    """
    if not revision.is_pull_request:
        return list(tags)
    kept = []
    for tag in tags:
        is_own_literal = tag.kind is TagKind.LITERAL and (not pushes or names_pull_request(tag.name, revision))
        if is_own_literal or tag.kind in (TagKind.COMMIT, TagKind.PULL_REQUEST):
            kept.append(tag)
        else:
            # A literal was asked for by name; of the rules, nobody expects that a pull request gives each.
            say = notes.notice if tag.kind is TagKind.LITERAL else notes.add
            say(
                f"no tag {tag.name!r}: the code of a pull request moves no tag that others follow "
                "('pr', 'sha' and tags with its number or commit are its own)"
            )
    return kept


def names_pull_request(tag: str, revision: Revision) -> bool:
    """Tell whether a tag holds the pull request's number, as `pr-7`, or its commit."""
    number = revision.pull_request_number
    names_number = number is not None and re.search(rf"(?<![A-Za-z0-9])pr-?{number}(?![0-9])", tag, re.IGNORECASE)
    return bool(names_number) or revision.sha[:7] in tag
