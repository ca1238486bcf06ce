"""The versions of this suite, and the git tags that name them."""

from __future__ import annotations

from collections.abc import Iterable

from mlops_actions.core.errors import BadInput
from mlops_actions.core.version import SemanticVersion


def parse_version(text: str) -> SemanticVersion:
    """Read `1.2.3` or `1.2.3-rc.1`; raise BadInput for anything else, build metadata and a leading `v` included."""
    version = SemanticVersion.parse(text)
    if version is None or version.build or str(version) != text:
        raise BadInput(f"{text!r} is not a version", "write it as 1.2.3, or 1.2.3-rc.1 for a pre-release")
    return version


def tag_of(version: SemanticVersion) -> str:
    """Name the tag of this version alone, which never moves."""
    return f"v{version}"


def moving_tag_of(version: SemanticVersion) -> str | None:
    """Name the tag that follows the newest release of a major version; None for a pre-release, which moves nothing."""
    return f"v{version.major}" if version.is_release else None


def released(tags: Iterable[str]) -> list[SemanticVersion]:
    """List the versions that a repository's tags name, oldest first."""
    versions = {tag: SemanticVersion.parse(tag) for tag in tags}
    return sorted(version for tag, version in versions.items() if version and not version.build and tag == tag_of(version))
