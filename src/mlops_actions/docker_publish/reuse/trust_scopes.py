"""Whose images and layers a build may reuse: the repository's rules guard some refs, not its other refs or pull requests.

A user who may push to a branch, but may not merge, controls the content of that branch's builds. Pure.
"""

from __future__ import annotations

PROTECTED, OPEN = "protected", "open"  # refs that the repository's rules guard, and its other refs


def scopes(pull_request: int | None, *, is_pull_request: bool, protected: bool) -> tuple[str, ...]:
    """Name the scopes whose images and layers a build may reuse; the last one is the scope of what is built now.

    No other ref reuses what a pull request built, and a protected ref only what protected refs built.
    """
    if is_pull_request:
        return (PROTECTED, OPEN, f"pr-{pull_request if pull_request is not None else 'unknown'}")
    return (PROTECTED,) if protected else (PROTECTED, OPEN)
