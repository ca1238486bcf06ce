"""Commits and the activity of branches; the stand-in stores no git objects."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from mlops_sandbox.github.accounts import User

NO_COMMIT = "0" * 40  # `before` in the first push of a branch


@dataclass(eq=False)
class Commit:
    """A commit; `files` are all its files by path, for the contents API."""

    sha: str
    message: str
    author: User
    date: datetime
    parents: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)

    @property
    def tree(self) -> str:
        """The SHA of its tree."""
        return hashlib.sha1(f"tree {self.sha}".encode(), usedforsecurity=False).hexdigest()

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.message.partition("\n")[0]


@dataclass(eq=False)
class Activity:
    """One update of a branch, with the time when GitHub received it (which no committer can set)."""

    id: int
    ref: str
    before: str
    after: str
    at: datetime
    kind: str
    actor: User


def invent_sha(*parts: object) -> str:
    """Return a SHA derived from values that make a commit unique."""
    return hashlib.sha1("\0".join(map(str, parts)).encode(), usedforsecurity=False).hexdigest()


def blob_sha(content: bytes) -> str:
    """Return the SHA of a file's content, as git computes it."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
