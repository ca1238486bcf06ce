"""Decide whether a checkout can be released, and as which version, before anything is changed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from mlops_actions.core.errors import BadInput
from mlops_actions.core.version import SemanticVersion
from releasing import ACTIONS, PLATFORMS, changelog
from releasing.versions import moving_tag_of, parse_version, released, tag_of

VERSION_FILE = "src/mlops_actions/__init__.py"
CHANGELOG_FILE = "CHANGELOG.md"
_VERSION_LINE = re.compile(r'^__version__ = "([^"]*)"$', re.MULTILINE)


@dataclass(frozen=True)
class Facts:
    """The state of the checkout and its remote, from which a plan is made."""

    sha: str
    dirty: Sequence[str]
    tags: Sequence[str]
    changelog: str
    version_file: str


@dataclass(frozen=True)
class Plan:
    """A release that can be carried out."""

    version: SemanticVersion
    sha: str
    notes: str
    moves: bool
    latest: bool
    images: Sequence[str] = ACTIONS
    platforms: Sequence[str] = PLATFORMS

    @property
    def tags(self) -> list[str]:
        """The tags of the release commit."""
        moving = moving_tag_of(self.version)
        return [tag_of(self.version), *([moving] if self.moves and moving else [])]

    @property
    def page_flags(self) -> list[str]:
        """The flags of `gh release edit` that publish the page."""
        return [f"--prerelease={str(not self.version.is_release).lower()}", f"--latest={str(self.latest).lower()}"]

    def lines(self) -> list[str]:
        """Describe the plan for people."""
        return [
            f"version   {self.version}, from {self.sha}",
            f"tags      {', '.join(self.tags)}",
            f"images    {', '.join(self.images)}, each for {' and '.join(self.platforms)}",
            f"notes     {len(self.notes.splitlines())} lines of {CHANGELOG_FILE}",
        ]


def current_version(version_file: str) -> SemanticVersion:
    """Return the version in the package."""
    line = _VERSION_LINE.search(version_file)
    if not line:
        raise BadInput(f"{VERSION_FILE} has no line __version__", 'write __version__ = "1.2.3"')
    return parse_version(line[1])


def prepare(facts: Facts, version: SemanticVersion, day: str) -> dict[str, str]:
    """Return the files that turn the Unreleased section into a version, for review; none if that has been done."""
    earlier = _earlier(facts, version)
    if current_version(facts.version_file) == version and changelog.notes(facts.changelog, str(version)):
        return {}
    _refuse_dirty(facts)
    return {
        CHANGELOG_FILE: changelog.released(facts.changelog, version, date.fromisoformat(day), earlier),
        VERSION_FILE: _VERSION_LINE.sub(f'__version__ = "{version}"', facts.version_file),
    }


def plan(facts: Facts) -> Plan:
    """Plan a release; raise BadInput with what is missing if the checkout is not ready."""
    _refuse_dirty(facts)
    version = current_version(facts.version_file)
    earlier = _earlier(facts, version)
    notes = changelog.notes(facts.changelog, str(version))
    if not notes or not changelog.dated(facts.changelog, str(version)):
        raise BadInput(
            f"{CHANGELOG_FILE} has no notes for {version}, the version in {VERSION_FILE}",
            "run `make release-prepare VERSION=…`, have the change reviewed and merged, then release",
        )
    if changelog.notes(facts.changelog, changelog.UNRELEASED):
        raise BadInput(
            f"{CHANGELOG_FILE} has entries under [{changelog.UNRELEASED}], which this release would not mention",
            f"move them into [{version}]",
        )
    # A fix of an older line must not take the moving tag from a newer release of the same major version.
    newest = max([version, *earlier], key=lambda candidate: (candidate.major == version.major, candidate))
    return Plan(
        version,
        facts.sha,
        notes=notes,
        moves=version.is_release and newest == version,
        latest=version.is_release and version == max([version, *(other for other in earlier if other.is_release)]),
    )


def _refuse_dirty(facts: Facts) -> None:
    if facts.dirty:
        raise BadInput(f"the checkout has uncommitted changes: {', '.join(facts.dirty[:5])}", "commit or remove them")


def _earlier(facts: Facts, version: SemanticVersion) -> list[SemanticVersion]:
    """Return the versions released so far; refuse a version that exists."""
    if tag_of(version) in facts.tags:
        raise BadInput(f"the tag {tag_of(version)} exists: {version} has been released", "choose the next version")
    return released(facts.tags)
