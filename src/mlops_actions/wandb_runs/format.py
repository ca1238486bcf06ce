"""Format values as text: numbers with the digits that help a reader, every other value as it is."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from mlops_actions.core import markdown
from mlops_actions.core.runs import MISSING
from mlops_actions.core.types import Json

NO_VALUE = "–"
_MINUS = "\u2212"
_MAX_CELL = 80  # characters of a value in a table; a longer one makes the table unreadable
_MAX_DEPTH = 30  # levels of a nested value
_MAX_OUTPUT = 100_000  # characters of the output `result`; Linux allows 128 KiB for one variable
_CUTS = ((1000, 100), (300, 50), (100, 25), (80, 10), (80, 3))  # (characters of a text, items of a list), tried in turn


def format_number(value: float, digits: int = 4) -> str:
    """Format a number with so many significant digits, never fewer than its integer part has."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value == 0:
        return "0"
    if isinstance(value, int) or (value == int(value) and abs(value) < 1e15):
        return str(int(value))
    integer_digits = max(math.floor(math.log10(abs(value))) + 1, 0)
    return f"{value:.{max(digits, integer_digits)}g}"


def format_difference(value: float, digits: int = 4) -> str:
    """Format a difference with its sign; zero has none."""
    text = format_number(abs(value), digits)
    return "0" if text == "0" else f"+{text}" if value > 0 else f"{_MINUS}{text}"


def format_percent(value: float) -> str:
    """Format a relative difference with at most two decimals; a tiny one is not rounded to zero."""
    if value and abs(value) < 0.01:
        return f"{'+' if value > 0 else _MINUS}<0.01 %"
    text = "∞" if math.isinf(value) else f"{abs(value):.2f}" if abs(value) < 100 else f"{abs(value):.0f}"
    return f"{'+' if value > 0 else _MINUS if value < 0 else ''}{text} %"


def table_cell(value: Any) -> str:
    """Format any value as the Markdown of a table's cell."""
    if value is MISSING or value is None:
        return NO_VALUE
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number_cell(value)
    return markdown.code(truncate(as_text(value), _MAX_CELL))


def _number_cell(value: float) -> str:
    try:
        return format_number(value)
    except (OverflowError, ValueError):  # an integer too long to convert
        return "a huge number"


def as_text(value: Any) -> str:
    """Return a value as text for a file: text unchanged, a missing value empty, everything else as JSON."""
    if value is MISSING or value is None:
        return ""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(as_json(value), ensure_ascii=False)
    except (TypeError, ValueError):
        return str(value)


def as_json(value: Any, levels: int = _MAX_DEPTH) -> Any:
    """Return a value that every JSON reader accepts: numbers that JSON lacks become text, a missing value becomes null.

    Values nested deeper than `levels` become an ellipsis, since JSON readers and Python limit the depth.
    """
    if value is MISSING:
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {str(key): as_json(item, levels - 1) for key, item in value.items()} if levels else "…"
    if isinstance(value, list | tuple):
        return [as_json(item, levels - 1) for item in value] if levels else "…"
    return value


def fit_output(document: Mapping[str, Any]) -> Json:
    """Shorten texts and lists of a JSON object until a later step can take it as an environment variable."""
    for text, items in _CUTS:
        fitted: Json = _cut(document, text, items)
        if len(json.dumps(fitted)) <= _MAX_OUTPUT:
            break
    return fitted


def _cut(value: Any, text: int, items: int) -> Any:
    if isinstance(value, str):
        return truncate(value, text)
    if isinstance(value, dict):
        return {truncate(key, text): _cut(item, text, items) for key, item in value.items()}
    if isinstance(value, list):
        return [_cut(item, text, items) for item in value[:items]]
    return value


def truncate(text: str, length: int) -> str:
    """Cut text to a number of characters; an ellipsis marks the cut."""
    return text if len(text) <= length else f"{text[: length - 1]}…"
