"""Commits, branches and the record of pushes, without the objects: the stand-in stores names, not trees."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from mlops_sandbox.github.accounts import User

NO_COMMIT = "0" * 40  # what `before` says of a new branch


@dataclass(eq=False)
class Commit:
    """A commit; `files` are those it holds in full, by path (enough to serve the contents API)."""

    sha: str
    message: str
    author: User
    date: datetime
    parents: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)

    @property
    def tree(self) -> str:
        """The name of its tree."""
        return hashlib.sha1(f"tree {self.sha}".encode(), usedforsecurity=False).hexdigest()

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.message.partition("\n")[0]


@dataclass(eq=False)
class Activity:
    """One update of a branch, with the time GitHub saw it (which no committer can set)."""

    id: int
    ref: str
    before: str
    after: str
    at: datetime
    kind: str
    actor: User


def invent_sha(*parts: object) -> str:
    """Derive 40 hexadecimal digits from what makes a commit unique."""
    return hashlib.sha1("\0".join(map(str, parts)).encode(), usedforsecurity=False).hexdigest()


def blob_sha(content: bytes) -> str:
    """Name a file's content as git does."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
