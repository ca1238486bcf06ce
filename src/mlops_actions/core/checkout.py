"""The commit that is checked out in the workspace."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Checkout:
    """The commit at HEAD, and the refs that are known to point at it.

    `branch` is empty for a detached HEAD. `tags` and `pull_request_refs` are the full refs (`refs/tags/v1`,
    `refs/pull/7/merge`) that point at the commit, as far as they were fetched. `committed` is the commit's time in seconds
    since 1970.
    """

    sha: str
    branch: str = ""
    tags: tuple[str, ...] = ()
    pull_request_refs: tuple[str, ...] = ()
    committed: int | None = None
