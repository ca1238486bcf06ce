"""CHANGELOG.md in the form of Keep a Changelog: the notes of a version, and what was unreleased becoming one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from mlops_actions.core.errors import BadInput
from mlops_actions.core.version import SemanticVersion
from releasing import SOURCE
from releasing.versions import tag_of

UNRELEASED = "Unreleased"
_HEADING = re.compile(r"^## \[([^\]\n]+)\](?: - (\d{4}-\d{2}-\d{2}))?[ \t]*$", re.MULTILINE)
_REFERENCE = re.compile(r"^\[(?:Unreleased|\d+\.\d+\.\d+[^\]\n]*)\]:[ \t]+\S+[ \t]*\n?", re.MULTILINE)


def notes(text: str, version: str) -> str:
    """What the changelog says about a version; "" where it has no such section, or an empty one."""
    headings = list(_HEADING.finditer(text))
    for heading, following in zip(headings, [*headings[1:], None], strict=True):
        if heading[1] == version:
            body = text[heading.end() : following.start() if following else len(text)]
            return _body(body)
    return ""


def dated(text: str, version: str) -> str:
    """The day that stands beside a version's heading; "" where there is none."""
    return next((heading[2] or "" for heading in _HEADING.finditer(text) if heading[1] == version), "")


def released(text: str, version: SemanticVersion, day: date, earlier: Sequence[SemanticVersion]) -> str:
    """Turn what is unreleased into the section of a version, above it a new empty one, below all the link references."""
    body = notes(text, UNRELEASED)
    if not body:
        raise BadInput(f"CHANGELOG.md says nothing under [{UNRELEASED}]", "write down what changes for users; then release")
    if notes(text, str(version)):
        raise BadInput(f"CHANGELOG.md has a section [{version}] already", "choose the next version")
    heading = next(found for found in _HEADING.finditer(text) if found[1] == UNRELEASED)
    rest = _HEADING.search(text, heading.end())
    before, after = text[: heading.start()], text[rest.start() :] if rest else ""
    fresh = f"## [{UNRELEASED}]\n\n## [{version}] - {day.isoformat()}\n\n{body}\n\n"
    sections = _REFERENCE.sub("", before + fresh + after).rstrip()
    told = {heading[1] for heading in _HEADING.finditer(text)}
    return f"{sections}\n\n{references([version, *(one for one in earlier if str(one) in told)])}\n"


def references(versions: Sequence[SemanticVersion]) -> str:
    """Each version's link to what it changed since the one before; the oldest one's to its release."""
    newest_first = sorted(versions, reverse=True)
    lines = [f"[{UNRELEASED}]: {SOURCE}/compare/{tag_of(newest_first[0])}...HEAD"]
    for this, before in zip(newest_first, [*newest_first[1:], None], strict=True):
        target = f"compare/{tag_of(before)}...{tag_of(this)}" if before else f"releases/tag/{tag_of(this)}"
        lines.append(f"[{this}]: {SOURCE}/{target}")
    return "\n".join(lines)


def _body(text: str) -> str:
    """A section without the references at the end of the file; empty where it has headings alone."""
    body = _REFERENCE.sub("", text).strip()
    return body if any(line.strip() and not line.startswith("#") for line in body.splitlines()) else ""
