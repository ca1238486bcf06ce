"""The tag schemes of the two actions that this one replaces, for images that were named by one of their inputs. Pure.

The schemes are kept except where they were unsafe (`latest` from a pull request, a pre-release or an older version) or
broken (tags that no registry takes).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mlops_actions.core.version import SemanticVersion
from mlops_actions.docker_publish.revision import Revision
from mlops_actions.docker_publish.tags import rules
from mlops_actions.docker_publish.tags.rules import RuleTags, Tags


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

    def tags(self, revision: Revision) -> Tags:
        """Choose the tags; raises BadInput."""
        notes: list[str] = []
        names = [revision.sha[:12]]
        if revision.is_pull_request:
            notes.append("no tag 'latest': a pull request never moves it")
        else:
            names.append("latest")
        if self.tag:
            names.append(rules.literal(self.tag, notes))
        elif self.branch_tag and revision.ref:
            last_segment = rules.valid(revision.ref.rpartition("/")[2], notes)
            # Of refs/pull/7/merge the last segment is `merge` for every pull request: the number tells them apart.
            number = revision.pull_request_number
            names.append(f"pr-{number}" if number is not None else last_segment)
        names += [rules.literal(text, notes) for text in self.literals]
        return Tags(tuple(dict.fromkeys(names)), tuple(notes))


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
        version = SemanticVersion.parse(revision.git_tag)
        is_decided = self.tags_input or self.name_tag or (self.tag_names and not self.tag_semver)
        return version is not None and version.is_release and not is_decided

    def tags(self, revision: Revision) -> Tags:
        """Choose the tags; raises BadInput."""
        notes: list[str] = []
        names = self._names(revision, notes)
        snapshot = rules.snapshot_tag(revision) if self.snapshot else ""
        return Tags(tuple(dict.fromkeys([*names, *([snapshot] if snapshot else [])])), tuple(notes), snapshot)

    def _names(self, revision: Revision, notes: list[str]) -> list[str]:
        if self.tags_input:
            if self.name_tag:
                notes.append(f"the tag {self.name_tag!r} in 'name' is left out: 'tags' is given")
            return [rules.literal(text, notes) for text in re.split(r"[\s,]+", self.tags_input) if text]
        if self.name_tag:
            return [rules.literal(self.name_tag, notes)]
        if revision.branch and not revision.is_pull_request and self._is_default(revision.branch):
            return ["latest"]
        if revision.git_tag:
            return self._of_git_tag(revision, notes)
        if revision.is_pull_request or not revision.branch:
            return [revision.sha]
        return [rules.valid(revision.branch.replace("/", "-"), notes)]

    def _is_default(self, branch: str) -> bool:
        default_branches = {self.default_branch} if self.default_branch else {"master", "main"}
        return branch in default_branches or branch.replace("/", "-") in default_branches

    def _of_git_tag(self, revision: Revision, notes: list[str]) -> list[str]:
        is_version = SemanticVersion.parse(revision.git_tag) is not None
        if self.tag_semver and is_version:
            by_version = RuleTags(("semver",)).tags(revision)
            notes += by_version.notes
            return list(by_version.names)
        if self.tag_names:
            return [rules.valid(revision.git_tag, notes)]
        # Any git tag became `latest`. A tag that is no version still does; a version only where it is the newest release.
        if not is_version or rules.may_be_latest(revision, notes):
            return ["latest"]
        return [rules.valid(revision.git_tag, notes)]
