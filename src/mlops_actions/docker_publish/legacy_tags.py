"""The tag rules of the two actions this one replaces, applied where the image was named by one of their inputs.

They are kept as they were except where they were unsafe (`latest` from a pull request, a pre-release or an older version)
or broken (tags that no registry takes).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mlops_actions.core.version import SemanticVersion
from mlops_actions.docker_publish import tags
from mlops_actions.docker_publish.tags import Subject, Tags


@dataclass(frozen=True)
class GenericRules:
    """The tag inputs of Publish-Docker-Github-Action; `name_tag` is the tag that stood in `name`."""

    name_tag: str = ""
    tags: str = ""
    tag_names: bool = False
    tag_semver: bool = False
    snapshot: bool = False
    default_branch: str = ""


def package_tags(subject: Subject, tag: str, branch_tag: bool) -> Tags:
    """gpr-docker-publish: the short SHA and `latest` always; then `tag`, or the ref's last segment with `branch_tag`."""
    notes: list[str] = []
    names = [subject.sha[:12]]
    if subject.is_pull_request:
        notes.append("no tag 'latest': a pull request never moves it")
    else:
        names.append("latest")
    if tag:
        names.append(tags.literal(tag, notes))
    elif branch_tag and subject.ref:
        last = tags.valid(subject.ref.rpartition("/")[2], notes)
        # Of refs/pull/7/merge the last segment is `merge` for every pull request: the number tells them apart.
        number = tags.pull_request_number(subject)
        names.append(f"pr-{number}" if number is not None else last)
    return Tags(tuple(dict.fromkeys(names)), tuple(notes))


def generic_tags(subject: Subject, rules: GenericRules) -> Tags:
    """Publish-Docker-Github-Action: `tags` as they stand, else one decision by the ref; `snapshot` adds one more."""
    notes: list[str] = []
    names = _generic(subject, rules, notes)
    snapshot = tags.snapshot_tag(subject) if rules.snapshot else ""
    return Tags(tuple(dict.fromkeys([*names, *([snapshot] if snapshot else [])])), tuple(notes), snapshot)


def needs_versions(subject: Subject, rules: GenericRules) -> bool:
    """Whether a release is about to move tags that an older one must not move."""
    version = SemanticVersion.parse(subject.git_tag)
    decided = rules.tags or rules.name_tag or (rules.tag_names and not rules.tag_semver)
    return version is not None and version.is_release and not decided


def _generic(subject: Subject, rules: GenericRules, notes: list[str]) -> list[str]:
    if rules.tags:
        if rules.name_tag:
            notes.append(f"the tag {rules.name_tag!r} in 'name' is left out: 'tags' is given")
        return [tags.literal(text, notes) for text in re.split(r"[\s,]+", rules.tags) if text]
    if rules.name_tag:
        return [tags.literal(rules.name_tag, notes)]
    if subject.branch and not subject.is_pull_request and _is_default(subject, rules):
        return ["latest"]
    if subject.git_tag:
        return _of_git_tag(subject, rules, notes)
    if subject.is_pull_request or not subject.branch:
        return [subject.sha]
    return [tags.valid(subject.branch.replace("/", "-"), notes)]


def _is_default(subject: Subject, rules: GenericRules) -> bool:
    names = {rules.default_branch} if rules.default_branch else {"master", "main"}
    return subject.branch in names or subject.branch.replace("/", "-") in names


def _of_git_tag(subject: Subject, rules: GenericRules, notes: list[str]) -> list[str]:
    if rules.tag_semver and SemanticVersion.parse(subject.git_tag) is not None:
        made = tags.make(["semver"], subject)
        notes += made.notes
        return list(made.names)
    if rules.tag_names:
        return [tags.valid(subject.git_tag, notes)]
    # Any git tag became `latest`. A tag that is no version still does; a version only where it is the newest release.
    if SemanticVersion.parse(subject.git_tag) is None or tags.may_be_latest(subject, notes):
        return ["latest"]
    return [tags.valid(subject.git_tag, notes)]
