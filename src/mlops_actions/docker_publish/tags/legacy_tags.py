"""The tag schemes of the two actions that this one replaces, for images that were named by one of their inputs. Pure.

The schemes are kept except where they were unsafe (`latest` or a release's tag from a pull request, a branch that is called
like a release, `latest` from a pre-release, an older version or an older commit) or broken (tags that no registry takes).
Another literal tag of a pull request stays as it was: the workflow file names it; a notice says that it is shared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from mlops_actions.core.errors import BadInput
from mlops_actions.docker_publish.revision import Revision
from mlops_actions.docker_publish.tags import entries, ownership, rules, tag_names, versions
from mlops_actions.docker_publish.tags.rules import RuleTags
from mlops_actions.docker_publish.tags.scheme import Notes, Tags


@dataclass(frozen=True)
class GprTags:
    """gpr-docker-publish: the short SHA and `latest` always; then `tag`, or the ref's last segment with `branch_tag`.

    `literals` are further tags, given by the newer input `tags`.
    """

    tag: str = ""
    branch_tag: bool = False
    literals: tuple[str, ...] = ()

    def needs_versions(self, _: Revision) -> bool:
        """No tag depends on the registry's versions."""
        return False

    def tags(self, revision: Revision, *, pushes: bool = True) -> Tags:
        """Choose the tags; raises BadInput."""
        notes = Notes()
        names = [revision.sha[:12]]
        if revision.is_pull_request:
            notes.add("no tag 'latest': a pull request never moves it")
        else:
            names.append("latest")
        if self.tag:
            names += _literals([self.tag], revision, notes, pushes=pushes)
        elif self.branch_tag and revision.ref:
            # Of refs/pull/7/merge the last segment is `merge` for every pull request: the number tells them apart.
            number = revision.pull_request_number
            if number is not None:
                names.append(f"pr-{number}")
            elif not revision.is_pull_request:
                names += _of_ref(revision.ref.rpartition("/")[2], revision, notes)
        names += _literals(self.literals, revision, notes, pushes=pushes)
        return _tags(names, notes, revision)


@dataclass(frozen=True)
class PublishDockerTags:
    """Publish-Docker-Github-Action: `tags` as they stand, else one decision by the ref; `snapshot` adds one more.

    `name_tag` is the tag that stood in `name`.
    """

    name_tag: str = ""
    tags_input: str = ""
    tag_names: bool = False
    tag_semver: bool = False
    snapshot: bool = False
    default_branch: str = ""

    def needs_versions(self, revision: Revision) -> bool:
        """Tell whether a release is about to move tags that an older one must not move."""
        version = versions.semantic(revision.git_tag)
        is_decided = self.tags_input or self.name_tag or (self.tag_names and not self.tag_semver)
        return version is not None and version.is_release and not is_decided

    def tags(self, revision: Revision, *, pushes: bool = True) -> Tags:
        """Choose the tags; raises BadInput."""
        notes = Notes()
        names = self._names(revision, notes, pushes=pushes) or [revision.sha]
        snapshot = rules.snapshot_tag(revision) if self.snapshot else ""
        return _tags([*names, *([snapshot] if snapshot else [])], notes, revision, snapshot=snapshot)

    def _names(self, revision: Revision, notes: Notes, *, pushes: bool) -> list[str]:
        if self.tags_input:
            if self.name_tag:
                notes.add(f"the tag {self.name_tag!r} in 'name' is left out: 'tags' is given")
            texts = [text for text in re.split(r"[\s,]+", self.tags_input) if text]
            return _literals(texts, revision, notes, pushes=pushes)
        if self.name_tag:
            return _literals([self.name_tag], revision, notes, pushes=pushes)
        if revision.branch and not revision.is_pull_request and self._is_default(revision.branch):
            return ["latest"]
        if revision.is_pull_request:
            return [revision.sha]
        if revision.git_tag:
            return self._of_git_tag(revision, notes)
        return _of_ref(revision.branch.replace("/", "-"), revision, notes) if revision.branch else [revision.sha]

    def _is_default(self, branch: str) -> bool:
        default_branches = {self.default_branch} if self.default_branch else {"master", "main"}
        return branch in default_branches or branch.replace("/", "-") in default_branches

    def _of_git_tag(self, revision: Revision, notes: Notes) -> list[str]:
        is_version = versions.semantic(revision.git_tag) is not None
        if self.tag_semver and is_version:
            by_version = RuleTags(("semver",)).tags(revision)
            for note in by_version.notes:
                notes.add(note)
            return list(by_version.names)
        if self.tag_names:
            return [_valid(revision.git_tag, notes)]
        # Any git tag became `latest`. A tag that is no version still does; a version only where it is the newest release.
        if not is_version or rules.may_be_latest(revision, notes):
            return ["latest"]
        return [_valid(revision.git_tag, notes)]


def _tags(names: list[str], notes: Notes, revision: Revision, *, snapshot: str = "") -> Tags:
    follows = set()
    if revision.branch and not revision.is_pull_request:
        follows = {"latest", *map(tag_names.made_valid, (revision.branch, revision.branch.replace("/", "-")))}
        follows.add(tag_names.made_valid(revision.branch.rpartition("/")[2]))
    return Tags(
        tuple(dict.fromkeys(names)),
        tuple(notes.notes),
        snapshot,
        notices=tuple(notes.notices),
        of_branch=frozenset(follows.intersection(names)),
        of_ref=frozenset(follows.intersection(names)),
        # These actions moved them always: a job whose token may not ask GitHub still does.
        stay_only_before_newer=True,
    )


def _literals(texts: Iterable[str], revision: Revision, notes: Notes, *, pushes: bool) -> list[str]:
    """Make literal tags valid; of a pull request, leave out those that stand for a release or the newest image."""
    names = []
    for text in texts:
        entries.refuse_other_syntax(text)
        name = entries.not_reserved(_valid(text, notes))
        is_shared = revision.is_pull_request and pushes and not ownership.names_pull_request(name, revision)
        if is_shared and (owner := tag_names.owner(name)):
            notes.notice(f"no tag {name!r}: the code of a pull request moves no tag that stands for {owner}")
            continue
        if is_shared:
            notes.notice(
                f"the code of a pull request moves the tag {name!r}, as this older input asks; others may follow it"
            )
        names.append(name)
    return names


def _of_ref(name: str, revision: Revision, notes: Notes) -> list[str]:
    """Make the tag of a branch's or git tag's name; a branch that is called like a release gives none."""
    tag = _valid(name, notes)
    if revision.branch and (owner := tag_names.owner(tag)):
        notes.notice(f"no tag {tag!r} for branch {revision.branch!r}: a tag of this form stands for {owner}")
        return []
    return [tag]


def _valid(text: str, notes: Notes) -> str:
    """Replace what a tag cannot hold, and say so; raises BadInput if nothing is left."""
    tag = tag_names.made_valid(text)
    if not tag:
        raise BadInput(f"no tag can be made of {text!r}", "a tag takes letters, digits, '_', '.' and '-'")
    if tag != text:
        notes.notice(f"tag {text!r} was made valid: {tag}")
    return tag
