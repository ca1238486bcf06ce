"""Which tags an image gets: a pure function of rules, commit, ref, event and the versions already in the registry.

A tag that others follow (`latest`, `1.2`, `1`) only ever moves forward: never from a pull request, a pre-release, or a
version older than one that is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from mlops_actions.core.errors import BadInput
from mlops_actions.core.version import SemanticVersion

RULES = ("sha", "sha-long", "branch", "pr", "tag", "semver", "latest", "snapshot", "date")
FINGERPRINT_PREFIX = "ctx-"
_TAG_LIMIT = 128  # characters (OCI distribution specification: tag grammar)
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class Subject:
    """What is tagged. `ref` is a full ref (`refs/heads/…`, `refs/tags/…`, `refs/pull/7/merge`) or empty (unknown).

    `pull_request` is the number of the PR the image is of, or None; `from_fork` is None where nobody can say.
    `versions` are tags that the registry has for this image; `now` is in UTC.
    """

    sha: str
    ref: str
    default_branch: str
    now: datetime
    pull_request: int | None = None
    from_fork: bool | None = None
    versions: Sequence[str] = ()

    @property
    def branch(self) -> str:
        """The branch's name, empty where the ref is none."""
        return self.ref.removeprefix("refs/heads/") if self.ref.startswith("refs/heads/") else ""

    @property
    def git_tag(self) -> str:
        """The git tag's name, empty where the ref is none."""
        return self.ref.removeprefix("refs/tags/") if self.ref.startswith("refs/tags/") else ""

    @property
    def is_pull_request(self) -> bool:
        """Whether the image is of a pull request, by its number or by its ref."""
        return self.pull_request is not None or self.ref.startswith("refs/pull/")


@dataclass(frozen=True)
class Tags:
    """The tags in order, without repetition; `notes` say what a rule left out or changed; `snapshot` is that rule's tag."""

    names: tuple[str, ...]
    notes: tuple[str, ...] = ()
    snapshot: str = ""


def releases(tags: Iterable[str]) -> list[SemanticVersion]:
    """List the full release versions among tags, oldest first."""
    return sorted(version for version in map(SemanticVersion.parse, tags) if version is not None and version.is_release)


def needs_versions(rules: Sequence[str], subject: Subject) -> bool:
    """Whether the registry's tags must be known: only a release moves tags that an older one must not move."""
    version = SemanticVersion.parse(subject.git_tag)
    return version is not None and version.is_release and not {"latest", "semver"}.isdisjoint(rules)


def make(rules: Sequence[str], subject: Subject) -> Tags:
    """Apply the rules in order; raises BadInput for a rule that cannot be read, or when no rule yields a tag."""
    names: list[str] = []
    notes: list[str] = []
    snapshot = ""
    for rule in rules:
        made = _apply(rule, subject, notes)
        if rule == "snapshot":
            snapshot = made[0]
        names += made
    unique = tuple(dict.fromkeys(names))
    if not unique:
        raise BadInput(
            f"input 'tags' yields no tag: {', '.join(rules)} for {subject.ref or 'a commit without a known ref'}",
            "add a rule that always applies, such as 'sha'",
        )
    return Tags(unique, tuple(notes), snapshot)


def _apply(rule: str, subject: Subject, notes: list[str]) -> list[str]:
    match rule:
        case "sha":
            return [subject.sha[:12]]
        case "sha-long":
            return [subject.sha]
        case "branch":
            return _branch(subject, notes)
        case "pr":
            number = pull_request_number(subject)
            return [f"pr-{number}"] if number is not None else []
        case "tag":
            return [valid(subject.git_tag, notes)] if subject.git_tag else []
        case "semver":
            return _semver(subject, notes)
        case "latest":
            return ["latest"] if may_be_latest(subject, notes) else []
        case "snapshot":
            return [snapshot_tag(subject)]
        case "date":
            return [f"{subject.now:%Y%m%d}"]
        case _:
            return [literal(rule, notes)]


def _branch(subject: Subject, notes: list[str]) -> list[str]:
    if not subject.branch:
        return []
    # A fork may call its branch `main`, and would overwrite the tag that this repository's own `main` has.
    if subject.is_pull_request and (subject.from_fork or subject.branch == subject.default_branch):
        notes.append(f"no tag for branch {subject.branch!r}: the pull request may come from a fork's branch of that name")
        return []
    return [valid(subject.branch, notes)]


def _semver(subject: Subject, notes: list[str]) -> list[str]:
    if not subject.git_tag or subject.is_pull_request:
        return []
    version = SemanticVersion.parse(subject.git_tag)
    if version is None:
        notes.append(f"git tag {subject.git_tag!r} is no semantic version (1.2.3, with or without a leading v)")
        return []
    full = valid(str(version), notes)
    if not version.is_release or version.build:
        return [full]
    newer = [other for other in releases(subject.versions) if other > version and other.major == version.major]
    same_minor = [other for other in newer if other.minor == version.minor]
    made = [full]
    for short, rivals in ((f"{version.major}.{version.minor}", same_minor), (f"{version.major}", newer)):
        if rivals:
            notes.append(f"tag {short!r} stays where it is: the registry has the newer {rivals[-1]}")
        else:
            made.append(short)
    return made


def may_be_latest(subject: Subject, notes: list[str]) -> bool:
    """Whether `latest` may move here; says in `notes` why not where a reader could have expected it."""
    if subject.is_pull_request:
        notes.append("no tag 'latest': a pull request never moves it")
        return False
    if subject.branch:
        if not subject.default_branch:
            notes.append("no tag 'latest': the event does not say which branch is the default one")
        return subject.branch == subject.default_branch
    version = SemanticVersion.parse(subject.git_tag)
    if version is None:
        return False
    if not version.is_release:
        notes.append(f"no tag 'latest': {version} is a pre-release")
        return False
    newest = releases(subject.versions)[-1:]
    if newest and newest[0] > version:
        notes.append(f"no tag 'latest': the registry has the newer {newest[0]}")
        return False
    return True


def pull_request_number(subject: Subject) -> int | None:
    """Return the PR's number, from the event or from `refs/pull/7/merge`."""
    if subject.pull_request is not None:
        return subject.pull_request
    match = re.fullmatch(r"refs/pull/([0-9]{1,10})/(?:merge|head)", subject.ref)
    return int(match[1]) if match else None


def snapshot_tag(subject: Subject) -> str:
    """Return the time to the second and six digits of the SHA, as the replaced action wrote it."""
    return f"{subject.now:%Y%m%d%H%M%S}{subject.sha[:6]}"


def literal(text: str, notes: list[str]) -> str:
    """Make a literal tag valid; raises BadInput for another action's rule syntax and for names this one keeps for itself."""
    if re.match(r"type=|\w+=", text) or "{{" in text:
        raise BadInput(
            f"input 'tags' has the rule {text!r}, which is not a rule of this action",
            f"use one of {', '.join(RULES)}, or a plain tag",
        )
    made = valid(text, notes)
    if made.startswith(FINGERPRINT_PREFIX) and re.fullmatch(r"ctx-[0-9a-f]{64}", made):
        raise BadInput(
            f"input 'tags' asks for {made!r}, the form in which fingerprints are kept", "choose another name for the tag"
        )
    return made


def valid(text: str, notes: list[str]) -> str:
    """Replace what a tag cannot hold by `-`, trim it to 128 characters, and note it; raises BadInput if nothing is left."""
    made = _UNSAFE.sub("-", text).lstrip(".-")[:_TAG_LIMIT].rstrip("-") if not _is_tag(text) else text
    if not made:
        raise BadInput(f"no tag can be made of {text!r}", "a tag takes letters, digits, '_', '.' and '-'")
    if made != text:
        notes.append(f"tag {text!r} was made valid: {made}")
    return made


def _is_tag(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", text) is not None
