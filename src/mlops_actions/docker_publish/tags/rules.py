"""Decide which tags an image gets, from rules, revision and the versions already in the registry. Pure.

A tag that others follow (`latest`, `1.2`, `1`) only ever moves forward: never from a pull request, a pre-release, or a
version older than one in the registry.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from mlops_actions.core.errors import BadInput
from mlops_actions.core.version import SemanticVersion
from mlops_actions.docker_publish.revision import Revision
from mlops_actions.docker_publish.tags.reserved import is_reserved

RULES = ("sha", "sha-long", "branch", "pr", "tag", "semver", "latest", "snapshot", "date")
MAX_LENGTH = 128  # characters (OCI distribution specification: tag grammar)
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class Tags:
    """Tags in order, without repetition; `notes` say what a rule left out or changed; `snapshot` is that rule's tag."""

    names: tuple[str, ...]
    notes: tuple[str, ...] = ()
    snapshot: str = ""


class TagScheme(Protocol):
    """One way to choose tags."""

    def needs_versions(self, revision: Revision) -> bool:
        """Tell whether the registry's tags must be known: only a release moves tags that an older one must not move."""

    def tags(self, revision: Revision) -> Tags:
        """Choose the tags; raises BadInput."""


@dataclass(frozen=True)
class RuleTags:
    """The rules and literal tags of the input `tags`, in order."""

    rules: tuple[str, ...]

    def needs_versions(self, revision: Revision) -> bool:
        """Tell whether the registry's tags must be known: only a release moves tags that an older one must not move."""
        version = SemanticVersion.parse(revision.git_tag)
        return version is not None and version.is_release and not {"latest", "semver"}.isdisjoint(self.rules)

    def tags(self, revision: Revision) -> Tags:
        """Apply the rules; raises BadInput for a rule that cannot be read, or when no rule yields a tag."""
        names: list[str] = []
        notes: list[str] = []
        for rule in self.rules:
            names += _apply(rule, revision, notes)
        if not names:
            raise BadInput(
                f"input 'tags' yields no tag: {', '.join(self.rules)} for {revision.ref or 'a commit without a known ref'}",
                "add a rule that always applies, such as 'sha'",
            )
        snapshot = snapshot_tag(revision) if "snapshot" in self.rules else ""
        return Tags(tuple(dict.fromkeys(names)), tuple(notes), snapshot)


def check(rules: Iterable[str]) -> None:
    """Raise BadInput for an entry of the input `tags` that is no rule and no usable literal tag."""
    for rule in rules:
        if rule not in RULES:
            literal(rule, [])


def releases(tags: Iterable[str]) -> list[SemanticVersion]:
    """List the full release versions among tags, oldest first."""
    return sorted(version for version in map(SemanticVersion.parse, tags) if version is not None and version.is_release)


def _apply(rule: str, revision: Revision, notes: list[str]) -> list[str]:
    match rule:
        case "sha":
            return [revision.sha[:12]]
        case "sha-long":
            return [revision.sha]
        case "branch":
            return _branch(revision, notes)
        case "pr":
            number = revision.pull_request_number
            return [f"pr-{number}"] if number is not None else []
        case "tag":
            return [valid(revision.git_tag, notes)] if revision.git_tag else []
        case "semver":
            return _semver(revision, notes)
        case "latest":
            return ["latest"] if may_be_latest(revision, notes) else []
        case "snapshot":
            return [snapshot_tag(revision)]
        case "date":
            return [f"{revision.now:%Y%m%d}"]
        case _:
            return [literal(rule, notes)]


def _branch(revision: Revision, notes: list[str]) -> list[str]:
    if not revision.branch:
        return []
    # A fork may call its branch `main`, and would overwrite the tag that this repository's own `main` has.
    if revision.is_pull_request and (revision.from_fork or revision.branch == revision.default_branch):
        notes.append(f"no tag for branch {revision.branch!r}: the pull request may come from a fork's branch of that name")
        return []
    return [valid(revision.branch, notes)]


def _semver(revision: Revision, notes: list[str]) -> list[str]:
    if not revision.git_tag or revision.is_pull_request:
        return []
    version = SemanticVersion.parse(revision.git_tag)
    if version is None:
        notes.append(f"git tag {revision.git_tag!r} is no semantic version (1.2.3, with or without a leading v)")
        return []
    full = valid(str(version), notes)
    if not version.is_release or version.build:
        return [full]
    newer = [release for release in releases(revision.versions) if release > version and release.major == version.major]
    newer_patches = [release for release in newer if release.minor == version.minor]
    tags = [full]
    for short, newer_releases in ((f"{version.major}.{version.minor}", newer_patches), (f"{version.major}", newer)):
        if newer_releases:
            notes.append(f"tag {short!r} stays where it is: the registry has the newer {newer_releases[-1]}")
        else:
            tags.append(short)
    return tags


def may_be_latest(revision: Revision, notes: list[str]) -> bool:
    """Decide whether `latest` may move; `notes` say why not, where a reader could expect it to."""
    if revision.is_pull_request:
        notes.append("no tag 'latest': a pull request never moves it")
        return False
    if revision.branch:
        if not revision.default_branch:
            notes.append("no tag 'latest': the event does not say which branch is the default one")
        return revision.branch == revision.default_branch
    version = SemanticVersion.parse(revision.git_tag)
    if version is None:
        return False
    if not version.is_release:
        notes.append(f"no tag 'latest': {version} is a pre-release")
        return False
    newest = releases(revision.versions)[-1:]
    if newest and newest[0] > version:
        notes.append(f"no tag 'latest': the registry has the newer {newest[0]}")
        return False
    return True


def snapshot_tag(revision: Revision) -> str:
    """Return the time to the second and six digits of the SHA, as the replaced action wrote it."""
    return f"{revision.now:%Y%m%d%H%M%S}{revision.sha[:6]}"


def literal(text: str, notes: list[str]) -> str:
    """Make a literal tag valid; raises BadInput for another action's rule syntax and for a reserved tag."""
    if re.match(r"type=|\w+=", text) or "{{" in text:
        raise BadInput(
            f"input 'tags' has the rule {text!r}, which is not a rule of this action",
            f"use one of {', '.join(RULES)}, or a plain tag",
        )
    tag = valid(text, notes)
    if is_reserved(tag):
        raise BadInput(
            f"input 'tags' asks for {tag!r}, which this action keeps for images to reuse and for its layer cache",
            "choose another name for the tag",
        )
    return tag


def valid(text: str, notes: list[str]) -> str:
    """Replace what a tag cannot hold by `-`, cut it to 128 characters, and note it; raises BadInput if nothing is left."""
    if _is_tag(text):
        return text
    tag = _UNSAFE.sub("-", text).lstrip(".-")[:MAX_LENGTH].rstrip("-")
    if not tag:
        raise BadInput(f"no tag can be made of {text!r}", "a tag takes letters, digits, '_', '.' and '-'")
    notes.append(f"tag {text!r} was made valid: {tag}")
    return tag


def _is_tag(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", text) is not None
