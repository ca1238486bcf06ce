"""Read the input `tags`: rules, patterns of versions, templates, full references and literal tags. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mlops_actions.core import image_name, registries
from mlops_actions.core.errors import BadInput
from mlops_actions.core.image_name import ImageName
from mlops_actions.docker_publish.tags import tag_names, templates
from mlops_actions.docker_publish.tags.reserved import is_reserved

RULES = ("sha", "sha-long", "branch", "pr", "tag", "semver", "latest", "snapshot", "date")
_EQUIVALENTS = (
    "instead of 'type=…' lines: 'sha', 'branch', 'tag', 'pr', 'semver', a pattern of git tags ('trainer-v*'), a template "
    "('{{branch}}-{{sha}}', '{{version}}'), or the output 'tags' of docker/metadata-action"
)


def is_pattern(entry: str) -> bool:
    """Tell whether an entry describes git tags that hold a version, such as `trainer-v*`."""
    return "*" in entry and "=" not in entry and not templates.is_template(entry)


def is_reference(entry: str) -> bool:
    """Tell whether an entry is a full reference, such as `ghcr.io/owner/name:tag`."""
    return not is_pattern(entry) and not templates.is_template(entry) and ":" in entry and "=" not in entry


def check(entries: Iterable[str]) -> None:
    """Raise BadInput for an entry that is no rule, no pattern, no template and no tag; full references are `tag_of`'s."""
    for entry in entries:
        if entry in RULES or is_reference(entry):
            continue
        if templates.is_template(entry):
            templates.words(entry)
        elif is_pattern(entry):
            if not re.fullmatch(r"[A-Za-z0-9_./-]*\*[A-Za-z0-9_.-]*", entry):
                raise BadInput(
                    f"input 'tags' has the pattern {entry!r}, which cannot be read",
                    "write the git tag with one '*' in place of the version, as in 'trainer-v*'",
                )
        else:
            literal(entry)


def literal(entry: str) -> str:
    """Return a literal tag; raises BadInput for one that cannot be a tag, or that names how this action works."""
    refuse_other_syntax(entry)
    if problem := tag_names.problem(entry):
        raise BadInput(
            f"input 'tags' has {entry!r}, which cannot be a tag: it {problem}",
            f"correct it; rules are {', '.join(RULES)} ('branch' makes a tag of any branch's name)",
        )
    return not_reserved(entry)


def refuse_other_syntax(entry: str) -> None:
    """Raise BadInput for a rule of another action."""
    if re.match(r"type=|\w+=", entry):
        raise BadInput(f"input 'tags' has the rule {entry!r}, which is not a rule of this action", _EQUIVALENTS)


def not_reserved(tag: str) -> str:
    """Return the tag; raises BadInput for one that steers reuse or the layer cache."""
    if is_reserved(tag):
        raise BadInput(
            f"input 'tags' asks for {tag!r}, which this action keeps for images to reuse and for its layer cache",
            "choose another name for the tag",
        )
    return tag


def tag_of(reference: str, images: Sequence[ImageName]) -> str:
    """Return the tag of a full reference to this image; raises BadInput for a reference to another one, or with a digest.

    `images` are its names, one in each registry that it is pushed to.
    """
    path, tag = image_name.split_tag(reference)
    host, path = image_name.split_host(path)
    named = ImageName(registries.canonical(host) if host else registries.DOCKER_HUB, path.lower())
    if "@" in reference or not tag or named not in images:
        raise BadInput(
            f"input 'tags' has {reference!r}, which is no tag of the image {images[0]}",
            f"write the tag alone, or as '{images[0]}:TAG'",
        )
    return literal(tag)
