"""Values as text: numbers to as many digits as help, and everything else as what it is."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from mlops_actions.core import markdown
from mlops_actions.wandb_runs.model import MISSING

NOTHING = "–"
_LONGEST = 80  # characters of a value in a table; more makes it unreadable
_DEEPEST = 30  # levels of a nested value
_ROOM = 100_000  # characters of the output `result`; Linux takes 128 KiB of one variable
_CUTS = ((1000, 100), (300, 50), (100, 25), (80, 10), (80, 3))  # characters of a text and items of a list, tried in turn


def figure(value: float, digits: int = 4) -> str:
    """A number to so many significant digits, never fewer than its integer part has."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value == 0:
        return "0"
    if isinstance(value, int) or (value == int(value) and abs(value) < 1e15):
        return str(int(value))
    whole = max(math.floor(math.log10(abs(value))) + 1, 0)
    return f"{value:.{max(digits, whole)}g}"


def signed(value: float, digits: int = 4) -> str:
    """A difference: with its sign, zero without."""
    text = figure(abs(value), digits)
    return "0" if text == "0" else f"+{text}" if value > 0 else f"\u2212{text}"


def percent(value: float) -> str:
    """A relative difference, to two decimals at most; a tiny one is not shown as nothing."""
    if value and abs(value) < 0.01:
        return f"{'+' if value > 0 else chr(0x2212)}<0.01 %"
    text = "∞" if math.isinf(value) else f"{abs(value):.2f}" if abs(value) < 100 else f"{abs(value):.0f}"
    return f"{'+' if value > 0 else chr(0x2212) if value < 0 else ''}{text} %"


def cell(value: Any) -> str:
    """Any value as the Markdown of a table's cell."""
    if value is MISSING or value is None:
        return NOTHING
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(value)
    text = plain(value)
    return markdown.code(shortened(text, _LONGEST))


def _number(value: float) -> str:
    try:
        return figure(value)
    except (OverflowError, ValueError):  # an integer too long to convert
        return "a huge number"


def plain(value: Any) -> str:
    """A value as text for a file: text as it is, everything else as JSON; nothing for what is missing."""
    if value is MISSING or value is None:
        return ""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(jsonable(value), ensure_ascii=False)
    except (TypeError, ValueError):
        return str(value)


def jsonable(value: Any, levels: int = _DEEPEST) -> Any:
    """A value that any JSON reader takes: numbers that JSON does not have become text, what is missing null.

    What is nested deeper than `levels` becomes an ellipsis: readers have limits, and so has Python.
    """
    if value is MISSING:
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {str(key): jsonable(item, levels - 1) for key, item in value.items()} if levels else "…"
    if isinstance(value, list | tuple):
        return [jsonable(item, levels - 1) for item in value] if levels else "…"
    return value


def trimmed(value: Any, text: int, items: int) -> Any:
    """A JSON value whose texts have so many characters at most, and its lists so many items."""
    if isinstance(value, str):
        return shortened(value, text)
    if isinstance(value, dict):
        return {shortened(key, text): trimmed(item, text, items) for key, item in value.items()}
    if isinstance(value, list):
        return [trimmed(item, text, items) for item in value[:items]]
    return value


def fitting(document: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON object as an output that a later step can take as a variable, less what makes it too large."""
    for text, items in _CUTS:
        found: dict[str, Any] = trimmed(document, text, items)
        if len(json.dumps(found)) <= _ROOM:
            break
    return found


def shortened(text: str, most: int) -> str:
    """Text of so many characters at most."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
