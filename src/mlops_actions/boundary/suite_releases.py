"""Which releases a repository of the suite has."""

from __future__ import annotations

from mlops_actions.boundary.doctor.programs import output_of


def tag_listing(address: str) -> str:
    """Return HEAD and the tags of a repository as `git ls-remote` prints them; empty where git cannot reach it."""
    return output_of(["git", "-c", "credential.helper=", "ls-remote", address, "HEAD", "refs/tags/v*"])
