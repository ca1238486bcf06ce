"""Parse JSON that another system sent: whatever is no JSON raises ValueError, and nothing else is raised."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NoReturn

# Half a character beyond 16 bits: JSON writes both halves as escapes, and a text can hold one without the other.
_HALF_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_NO_BRACKETS = re.compile(r"[^\[\]{}]+")
_HALF = re.compile(r"[\ud800-\udfff]")
# What the services of this suite send has fewer than 30 levels.
MAX_DEPTH = 200


class RepeatedKey(ValueError):
    """An object has a key twice."""


def parse_json(
    content: str | bytes,
    *,
    parse_float: Callable[[str], Any] | None = None,
    unique_keys: bool = False,
    any_number: bool = False,
) -> Any:
    """Parse a JSON document of RFC 8259; raises ValueError, also for NaN, Infinity, and more than MAX_DEPTH levels.

    With `unique_keys` also for an object that has a key twice: two readers could each take another value of it.
    `any_number` takes NaN, Infinity and -Infinity, which many programs write though JSON does not have them.

    Bytes are UTF-8, as RFC 8259 (section 8.1) requires between systems. `parse_float` gets the text of a number that has
    a fraction or an exponent.
    """
    text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
    refuse_deep_nesting(text)
    pairs = _unique if unique_keys else None
    constant = None if any_number else _refuse_constant
    value = json.loads(text, parse_float=parse_float, parse_constant=constant, object_pairs_hook=pairs)
    return _with_whole_characters(value) if _HALF_ESCAPE.search(text) else value


def with_whole_characters(text: str) -> str:
    """Return the text with the halves of a character joined, and U+FFFD for one alone, which no encoding can write."""
    if not _HALF.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def refuse_deep_nesting(text: str) -> None:
    """Raise ValueError where brackets are nested in more than MAX_DEPTH levels, up to where a parser stops at the latest.

    A parser that ran into Python's recursion limit would make finalizers fail that happen to run there.
    """
    if len(text) <= MAX_DEPTH or text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    # Every second part between quotes is a string; a backslash stands in strings only.
    parts = text.replace("\\\\", "").replace('\\"', "").split('"')[::2]
    depth = 0
    for bracket in _NO_BRACKETS.sub("", "".join(parts)):
        if bracket in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise ValueError("it is nested too deeply")
        else:
            depth -= 1


def _with_whole_characters(value: Any) -> Any:
    if isinstance(value, str):
        return with_whole_characters(value)
    if isinstance(value, list):
        return [_with_whole_characters(item) for item in value]
    if isinstance(value, dict):
        return {with_whole_characters(key): _with_whole_characters(item) for key, item in value.items()}
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise RepeatedKey(f"it holds the key {twice!r} twice in one object")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}, which JSON does not have")
