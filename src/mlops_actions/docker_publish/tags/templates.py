"""Templates in the input `tags`, with the words of docker/metadata-action: `{{branch}}-{{date 'YYYYMMDD'}}`. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from mlops_actions.core.errors import BadInput

_WORD = re.compile(r"\{\{\s*([a-z_]+)(?:\s+'([^'{}]*)')?\s*\}\}")
_DATE_PARTS = {"YYYY": "%Y", "YY": "%y", "MM": "%m", "DD": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
_DATE_FORMAT = re.compile(r"(?:YYYY|YY|MM|DD|HH|mm|ss|[._T-])+")
WORDS = ("branch", "tag", "sha", "pr_number", "date", "raw", "version", "major", "minor", "patch")


def is_template(entry: str) -> bool:
    """Tell whether an entry of `tags` is a template."""
    return "{{" in entry and "=" not in entry


def words(entry: str) -> tuple[str, ...]:
    """List the words of a template; raises BadInput for an unknown word, a wrong format, or text that no tag has."""
    remedy = f"use the words {', '.join(WORDS)} in '{{{{…}}}}'; 'date' takes a format, as in {{{{date 'YYYYMMDD-HHmmss'}}}}"
    found = []
    for match in _WORD.finditer(entry):
        word, argument = match.groups()
        if word not in WORDS:
            raise BadInput(f"input 'tags' has {entry!r}, whose word {word!r} is unknown", remedy)
        if argument is not None and (word != "date" or not _DATE_FORMAT.fullmatch(argument)):
            raise BadInput(f"input 'tags' has {entry!r}, whose format {argument!r} cannot be read", remedy)
        found.append(word)
    rest = _WORD.sub("", entry)
    if not found or not re.fullmatch(r"[A-Za-z0-9_.-]*", rest):
        raise BadInput(f"input 'tags' has the template {entry!r}, which cannot be read", remedy)
    return tuple(found)


def fill(entry: str, values: Mapping[str, str], now: datetime, limit: Callable[[str], str]) -> str:
    """Put the values in; empty where one of them is. `limit` makes a name that people choose valid as a part of a tag."""
    missing = False

    def value(match: re.Match[str]) -> str:
        nonlocal missing
        word, argument = match.groups()
        if word == "date":
            text = argument or "YYYYMMDD"
            return f"{now:{re.sub('|'.join(_DATE_PARTS), lambda part: _DATE_PARTS[part[0]], text)}}"
        text = values.get(word, "")
        missing = missing or not text
        return limit(text) if word in ("branch", "tag", "raw") else text

    filled = _WORD.sub(value, entry)
    return "" if missing else filled
