"""Read CHANGELOG.md (Keep a Changelog), and turn its Unreleased section into the section of a version."""

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
    """Return the notes of a version; "" if it has no section or an empty one."""
    headings = list(_HEADING.finditer(text))
    for heading, following in zip(headings, [*headings[1:], None], strict=True):
        if heading[1] == version:
            body = text[heading.end() : following.start() if following else len(text)]
            return _body(body)
    return ""


def dated(text: str, version: str) -> str:
    """Return the date in a version's heading; "" if there is none."""
    return next((heading[2] or "" for heading in _HEADING.finditer(text) if heading[1] == version), "")


def released(text: str, version: SemanticVersion, day: date, earlier: Sequence[SemanticVersion]) -> str:
    """Turn the Unreleased section into the section of a version, add an empty Unreleased section and renew the links."""
    body = notes(text, UNRELEASED)
    if not body:
        raise BadInput(
            f"CHANGELOG.md says nothing under [{UNRELEASED}]", "describe there what changes for users; then release"
        )
    if notes(text, str(version)):
        raise BadInput(f"CHANGELOG.md already has a section [{version}]", "choose the next version")
    heading = next(match for match in _HEADING.finditer(text) if match[1] == UNRELEASED)
    rest = _HEADING.search(text, heading.end())
    before, after = text[: heading.start()], text[rest.start() :] if rest else ""
    fresh = f"## [{UNRELEASED}]\n\n## [{version}] - {day.isoformat()}\n\n{body}\n\n"
    sections = _REFERENCE.sub("", before + fresh + after).rstrip()
    with_section = {match[1] for match in _HEADING.finditer(text)}
    return f"{sections}\n\n{references([version, *(release for release in earlier if str(release) in with_section)])}\n"


def references(versions: Sequence[SemanticVersion]) -> str:
    """Link each version to its changes since the previous version, and the oldest version to its release."""
    newest_first = sorted(versions, reverse=True)
    lines = [f"[{UNRELEASED}]: {SOURCE}/compare/{tag_of(newest_first[0])}...HEAD"]
    for version, previous in zip(newest_first, [*newest_first[1:], None], strict=True):
        target = f"compare/{tag_of(previous)}...{tag_of(version)}" if previous else f"releases/tag/{tag_of(version)}"
        lines.append(f"[{version}]: {SOURCE}/{target}")
    return "\n".join(lines)


def _body(text: str) -> str:
    """Return a section without the links at the end of the file; "" if it holds only headings."""
    body = _REFERENCE.sub("", text).strip()
    return body if any(line.strip() and not line.startswith("#") for line in body.splitlines()) else ""
