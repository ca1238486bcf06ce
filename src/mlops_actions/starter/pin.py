"""The reference of the suite in generated files: a commit, with its version as a comment for Dependabot and Renovate."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from mlops_actions.core.errors import BadInput
from mlops_actions.core.package import REPOSITORY
from mlops_actions.core.version import SemanticVersion

_SHA = re.compile(r"[0-9a-f]{40}")
_TAG = re.compile(r"v[0-9]+(?:\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z.-]+)?)?")
_ADDRESS = re.compile(r"(?:https|ssh)://(?:[^@/]*@)?[^/]+/([\w.-]+/[\w.-]+?)(?:\.git)?/?")
_TAG_LINE = re.compile(r"([0-9a-f]{40})\trefs/tags/(v[^\s^]+)(\^\{\})?")


@dataclass(frozen=True)
class Pin:
    """What a `uses:` names: a commit with its version (`v1.2.3`; empty where none is known), or a tag that can move."""

    ref: str
    version: str = ""
    repository: str = REPOSITORY

    @property
    def is_commit(self) -> bool:
        """Whether the reference cannot move."""
        return _SHA.fullmatch(self.ref) is not None

    def uses(self, action: str) -> str:
        """Return what a step names to use an action, with the comment behind it."""
        comment = self.version if self.is_commit else "zizmor: ignore[unpinned-uses] this suite's tag is meant"
        return f"{self.repository}/actions/{action}@{self.ref}" + (f" # {comment}" if comment else "")


def is_reference(ref: str) -> bool:
    """Return whether a text can name a release: a tag (`v1`, `v1.2.3`), or the 40 digits of a commit."""
    return bool(_SHA.fullmatch(ref) or _TAG.fullmatch(ref))


def tags_of(listing: str) -> dict[str, str]:
    """Read what `git ls-remote --tags` prints: tag → commit. Of an annotated tag the line with `^{}` names the commit."""
    tags: dict[str, str] = {}
    for sha, tag, peeled in (match.groups() for match in _TAG_LINE.finditer(listing)):
        if peeled or tag not in tags:
            tags[tag] = sha
    return tags


def pin(ref: str, tags: Mapping[str, str]) -> Pin:
    """Pin a tag or a commit; `tags` maps the tags of the suite to commits, and is empty where they could not be asked for.

    Raises BadInput for a tag that is not among the tags.
    """
    if _SHA.fullmatch(ref):
        return Pin(ref, _version_at(ref, tags))
    if not tags:
        return Pin(ref)
    if ref not in tags:
        known = [version for version in map(SemanticVersion.parse, tags) if version]
        newest = f"v{max(known)}" if known else "none"
        raise BadInput(f"--ref {ref!r} is not a release of the suite", f"give one that exists; the newest is {newest}")
    return Pin(tags[ref], ref if SemanticVersion.parse(ref) else _version_at(tags[ref], tags))


def of_installation(direct_url: str | None, version: str) -> Pin | None:
    """Return the commit that this package was installed from, where pip records one (PEP 610, direct_url.json).

    A fork's package names the fork. The version stands beside the commit where a tag was installed: at any other commit the
    package has the version of an older release.
    """
    try:
        record = json.loads(direct_url or "{}")
        origin, address = record.get("vcs_info", {}), _ADDRESS.fullmatch(str(record.get("url", "")))
        commit, revision = str(origin.get("commit_id", "")), str(origin.get("requested_revision", ""))
    except (ValueError, AttributeError):
        return None
    if not _SHA.fullmatch(commit) or not address:
        return None
    return Pin(commit, f"v{version}" if _TAG.fullmatch(revision) else "", address[1])


def _version_at(sha: str, tags: Mapping[str, str]) -> str:
    """Return the newest full version whose tag names the commit; empty where none does."""
    versions = [version for tag, commit in tags.items() if commit == sha and (version := SemanticVersion.parse(tag))]
    return f"v{max(versions)}" if versions else ""
