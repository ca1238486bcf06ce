"""Read a Dockerfile's parser directives, and the frontend that it names. Pure.

Facts: BuildKit's frontend/dockerfile/parser/directives.go. Its parser and its search for the frontend read the first lines
differently: only the parser passes over blanks before `#`, and only the search passes over a line that starts with `#!`
and takes `// syntax=` and JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlops_actions.docker_publish.dockerfile.characters import BLANKS, BYTE_ORDER_MARK

SYNTAX, ESCAPE = "syntax", "escape"
_NAMES = frozenset({SYNTAX, ESCAPE, "check"})
_DIRECTIVE = re.compile(r"([a-zA-Z][a-zA-Z0-9]*)[\t\n\f\r ]*=[\t\n\f\r ]*(.+?)[\t\n\f\r ]*", re.DOTALL)
_ESCAPES = ("\\", "`")
_DEFAULT_ESCAPE = "\\"


@dataclass(frozen=True)
class Directives:
    """The directives by lower-case name, and the escape character that follows from them.

    `is_clear` is false where older versions of BuildKit, which end the directives at `# check=`, would not see the escape.
    """

    values: Mapping[str, str]
    escape: str = _DEFAULT_ESCAPE
    is_clear: bool = True


def read(lines: Sequence[str]) -> Directives:
    """Read the directives at the top; the first line that is none ends them."""
    values = _values([line.lstrip(BLANKS) for line in lines], "#")
    escape = values.get(ESCAPE, _DEFAULT_ESCAPE)
    names = list(values)
    is_clear = escape in _ESCAPES and (escape == _DEFAULT_ESCAPE or "check" not in names[: names.index(ESCAPE)])
    return Directives(values, escape if escape in _ESCAPES else _DEFAULT_ESCAPE, is_clear)


def frontend(text: str) -> str:
    """Return the image that reads this Dockerfile in the place of BuildKit's own frontend; empty: none is named."""
    text = text.removeprefix(BYTE_ORDER_MARK)
    if text.startswith("#!"):
        text = text.partition("\n")[2]
    lines = text.split("\n")
    for comment in ("#", "//"):
        value = _values(lines, comment).get(SYNTAX)
        if value is not None:
            return value.partition(" ")[0]
    if not text.lstrip("\t\n\r ").startswith("{"):
        return ""
    try:
        value = json.loads(text).get(SYNTAX)
    except (ValueError, RecursionError):
        return ""
    return value if isinstance(value, str) else ""


def _values(lines: Sequence[str], comment: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for line in lines:
        if not line.startswith(comment):
            break
        match = _DIRECTIVE.fullmatch(line.removeprefix(comment).lstrip(BLANKS))
        if match is None or match[1].lower() not in _NAMES or match[1].lower() in values:
            break
        values[match[1].lower()] = match[2]
    return values
