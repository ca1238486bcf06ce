"""Decide which tags an image gets, from the input `tags`, the revision and the versions already in the registry. Pure.

A tag that others follow (`latest`, `1.2`, `1`) only ever moves forward: never from a pull request, a pre-release, or a
version older than one in the registry. `standing` adds what GitHub and the registry know: no branch goes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mlops_actions.core.errors import BadInput
from mlops_actions.docker_publish.revision import Revision
from mlops_actions.docker_publish.tags import entries, ownership, tag_names, templates, versions
from mlops_actions.docker_publish.tags.ownership import Tag, TagKind
from mlops_actions.docker_publish.tags.scheme import Notes, Tags
from mlops_actions.docker_publish.tags.versions import Version


@dataclass(frozen=True)
class RuleTags:
    """The input `tags` in order, and the tags of its full references; `prefix` and `suffix` are added to all but those."""

    rules: tuple[str, ...]
    references: tuple[str, ...] = ()
    prefix: str = ""
    suffix: str = ""

    def needs_versions(self, revision: Revision) -> bool:
        """Tell whether the registry's tags must be known: only a release moves tags that an older one must not move."""
        version = self._version(revision)
        is_moving = any(_moves_by_version(rule) for rule in self.rules)
        is_moving = is_moving or bool(self.references)
        return version is not None and version.is_release and is_moving and not revision.is_pull_request

    def tags(self, revision: Revision, *, pushes: bool = True) -> Tags:
        """Apply the rules; raises BadInput for a rule that cannot be read, or when no rule yields a tag.

        Where nothing is pushed, a pull request may have any literal tag.
        """
        notes = Notes()
        rules = _Rules(revision, self._own_versions(revision), version=self._version(revision), room=self._room, notes=notes)
        tags = [self._affixed(tag) for rule in self.rules for tag in rules.apply(rule)]
        tags += [tag for name in self.references for tag in rules.reference(name)]
        if not tags and not self.references:
            raise BadInput(
                f"input 'tags' yields no tag: {', '.join(self.rules)} for {revision.ref or 'a commit without a known ref'}",
                "add a rule that always applies, such as 'sha'",
            )
        of_commit = self._affixed(Tag(revision.sha[:12], TagKind.COMMIT))
        kept = ownership.own_tags(tags, revision, notes, pushes=pushes) or [of_commit]
        is_elsewhere = (revision.is_claimed or revision.is_placeless) and not revision.is_pull_request
        snapshot = self._snapshot(revision)
        return Tags.of(kept, notes, fallback=of_commit.name, snapshot=snapshot, is_elsewhere=is_elsewhere)

    @property
    def _room(self) -> int:
        """How many characters a tag may have before prefix and suffix are added."""
        return tag_names.MAX_LENGTH - len(self.prefix) - len(self.suffix)

    def _snapshot(self, revision: Revision) -> str:
        return f"{self.prefix}{snapshot_tag(revision)}{self.suffix}" if "snapshot" in self.rules else ""

    def _affixed(self, tag: Tag) -> Tag:
        name = f"{self.prefix}{tag.name}{self.suffix}"
        if not tag_names.is_tag(name):  # too long: the name is shortened, never what tells two images apart
            name = f"{self.prefix}{tag.name[: self._room]}{self.suffix}"
        return Tag(name, tag.kind, tag.made_of)

    def _version(self, revision: Revision) -> Version | None:
        """Read the git tag's version, semantic or as a pattern describes it."""
        patterns = [rule for rule in self.rules if entries.is_pattern(rule)]
        by_pattern = (versions.matching(pattern, revision.git_tag) for pattern in patterns)
        return next(filter(None, by_pattern), None) or versions.semantic(revision.git_tag)

    def _own_versions(self, revision: Revision) -> tuple[Version, ...]:
        """List the releases in the registry with this prefix and suffix: those of another variant say nothing."""
        own = [
            tag[len(self.prefix) : len(tag) - len(self.suffix)]
            for tag in revision.versions
            if tag.startswith(self.prefix) and tag.endswith(self.suffix) and len(tag) > len(self.prefix) + len(self.suffix)
        ]
        return tuple(versions.releases(own, schemes=any(entries.is_pattern(rule) for rule in self.rules)))


@dataclass(frozen=True)
class _Rules:
    """Applies rules to one revision; `releases` are those in the registry, oldest first; a tag has `room` characters."""

    revision: Revision
    releases: Sequence[Version]
    version: Version | None
    room: int
    notes: Notes = field(repr=False)

    def apply(self, rule: str) -> list[Tag]:
        revision = self.revision
        match rule:
            case "sha":
                return [Tag(revision.sha[:12], TagKind.COMMIT)]
            case "sha-long":
                return [Tag(revision.sha, TagKind.COMMIT)]
            case "branch":
                return ref_tags(revision, revision.branch, self.notes)
            case "pr":
                number = revision.pull_request_number
                return [Tag(f"pr-{number}", TagKind.PULL_REQUEST)] if number is not None else []
            case "tag":
                return ref_tags(revision, revision.git_tag, self.notes)
            case "semver":
                return self._semver()
            case "latest":
                is_latest = may_be_latest(revision, self.notes, version=self.version, releases=self.releases)
                return [Tag("latest", TagKind.BRANCH if revision.branch else TagKind.RELEASE)] if is_latest else []
            case "snapshot":
                return [Tag(snapshot_tag(revision), TagKind.COMMIT)]
            case "date":
                return [Tag(f"{revision.now:%Y%m%d}", TagKind.TIME)]
        if entries.is_pattern(rule):
            version = versions.matching(rule, revision.git_tag)
            return self._version_tags(version) if version else []
        return self._template(rule) if templates.is_template(rule) else [_literal(entries.literal(rule), self.revision)]

    def reference(self, name: str) -> list[Tag]:
        """Make the tag of a full reference; one that others follow stays with the newest release, as the rules' own do."""
        revision, version = self.revision, self.version
        if revision.git_tag and not revision.is_pull_request and version is not None and version.is_release:
            shorts = {version.short(count): count for count in range(1, len(version.release))}
            count = shorts.get(name.removeprefix("v"), 0)
            is_latest = name != "latest" or may_be_latest(revision, self.notes, version=version, releases=self.releases)
            if not is_latest or (count and not self._leads(version, count)):
                return []
        return [_literal(name, revision)]

    def _semver(self) -> list[Tag]:
        git_tag = self.revision.git_tag
        if not git_tag or self.revision.is_pull_request:
            return []
        version = versions.semantic(git_tag)
        if version is None:
            if self.version is None:
                self.notes.add(f"git tag {git_tag!r} is no semantic version (1.2.3, with or without a leading v)")
            return []
        return self._version_tags(version)

    def _version_tags(self, version: Version) -> list[Tag]:
        tags = [Tag(tag_names.made_valid(version.text), TagKind.RELEASE)]
        if version.is_release and not version.has_build:
            counts = range(len(version.release) - 1, 0, -1)
            tags += [Tag(version.short(count), TagKind.RELEASE) for count in counts if self._leads(version, count)]
        return tags

    def _leads(self, version: Version, count: int) -> bool:
        """Tell whether no release in the registry with the same first numbers is newer."""
        newer = [
            release
            for release in self.releases
            if release.precedence > version.precedence and release.release[:count] == version.release[:count]
        ]
        if newer:
            self.notes.add(f"tag {version.short(count)!r} stays where it is: the registry has the newer {newer[-1].text}")
        return not newer

    def _template(self, template: str) -> list[Tag]:
        words = set(templates.words(template))
        revision, version = self.revision, self.version
        if words & {"major", "minor", "patch"} and not words & {"sha", "version", "raw", "patch"}:
            count = 2 if "minor" in words else 1
            if version is None or not version.is_release or not self._leads(version, count):
                return []
        number = revision.pull_request_number
        numbers = dict(zip(("major", "minor", "patch"), version.release, strict=False)) if version else {}
        values = {
            "branch": revision.branch,
            "tag": revision.git_tag,
            "sha": revision.sha[:12],
            "pr_number": "" if number is None else str(number),
            "raw": revision.git_tag if version else "",
            "version": tag_names.made_valid(version.text) if version else "",
            **{name: str(value) for name, value in numbers.items()},
        }
        fixed = len(templates.fill(template, values | {"branch": "x", "tag": "x", "raw": "x"}, revision.now, str))
        names = sum(templates.words(template).count(word) for word in ("branch", "tag", "raw")) or 1
        room = max(1, (self.room - fixed) // names + 1)
        name = templates.fill(template, values, revision.now, lambda text: tag_names.made_valid(text)[:room])
        kind = next(kind for word, kind in _KINDS if word in words or not word)
        if not name:
            return []
        if kind is TagKind.BRANCH and (owner := tag_names.owner(name)):
            self.notes.notice(f"no tag {name!r} for branch {revision.branch!r}: a tag of this form stands for {owner}")
            return []
        if not tag_names.is_tag(name):
            raise BadInput(
                f"the template {template!r} in 'tags' gives {name!r}, which cannot be a tag: it {tag_names.problem(name)}",
                "change the template",
            )
        made_of = revision.branch or revision.git_tag
        return [Tag(name, kind, made_of if kind is TagKind.BRANCH else "")]


# The kind of a template's tag, by the first of these words that it has.
_KINDS = (
    ("sha", TagKind.COMMIT),
    ("pr_number", TagKind.PULL_REQUEST),
    ("branch", TagKind.BRANCH),
    *((word, TagKind.RELEASE) for word in ("tag", "raw", "version", "major", "minor", "patch")),
    ("", TagKind.TIME),
)


def _literal(name: str, revision: Revision) -> Tag:
    """Make a literal tag; one that the rules would give to the branch follows the branch just as theirs."""
    is_of_branch = bool(revision.branch) and name in ("latest", tag_names.made_valid(revision.branch))
    return Tag(name, TagKind.BRANCH if is_of_branch and not revision.is_pull_request else TagKind.LITERAL)


def _moves_by_version(rule: str) -> bool:
    return rule in ("semver", "latest") or entries.is_pattern(rule) or "{{m" in rule.replace(" ", "")


def ref_tags(revision: Revision, name: str, notes: Notes) -> list[Tag]:
    """Make the tag of a branch or git tag; none, with a notice, where it is called like another kind of tag."""
    if not name:
        return []
    tag = tag_names.made_valid(name)
    kind = "branch" if revision.branch else "git tag"
    if not tag:
        notes.notice(f"no tag for {kind} {name!r}: its name has no character that a tag can hold")
        return []
    owner = tag_names.owner(tag)
    if revision.branch and owner:
        notes.notice(f"no tag {tag!r} for branch {name!r}: a tag of this form stands for {owner}")
        return []
    if not revision.branch and tag in ("latest", revision.default_branch):
        notes.notice(f"no tag {tag!r} for git tag {name!r}: it stands for the branch's newest image")
        return []
    if tag != name:
        notes.notice(f"{kind} {name!r} has the tag {tag!r}: a tag takes letters, digits, '_', '.' and '-' alone")
    return [Tag(tag, TagKind.BRANCH if revision.branch else TagKind.RELEASE, made_of=name)]


def may_be_latest(
    revision: Revision, notes: Notes, *, version: Version | None = None, releases: Sequence[Version] | None = None
) -> bool:
    """Decide whether `latest` may move; `notes` say why not, where a reader could expect it to."""
    if revision.is_pull_request:
        notes.add("no tag 'latest': a pull request never moves it")
        return False
    if revision.branch:
        if not revision.default_branch:
            notes.add("no tag 'latest': the event does not say which branch is the default one")
        return revision.branch == revision.default_branch
    version = version or versions.semantic(revision.git_tag)
    if version is None:
        return False
    if not version.is_release:
        notes.add(f"no tag 'latest': {version.text} is a pre-release")
        return False
    newest = (versions.releases(revision.versions) if releases is None else list(releases))[-1:]
    if newest and newest[0].precedence > version.precedence:
        notes.add(f"no tag 'latest': the registry has the newer {newest[0].text}")
        return False
    return True


def snapshot_tag(revision: Revision) -> str:
    """Return the time to the second and six digits of the SHA, as the replaced action wrote it."""
    return f"{revision.now:%Y%m%d%H%M%S}{revision.sha[:6]}"
