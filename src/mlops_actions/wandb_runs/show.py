"""Values as text: numbers to as many digits as help, and everything else as what it is."""

from __future__ import annotations

import json
import math
from typing import Any

from mlops_actions.core import markdown
from mlops_actions.wandb_runs.model import MISSING

NOTHING = "–"
_LONGEST = 80  # characters of a value in a table; more makes it unreadable


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
    text = f"{abs(value):.2f}" if abs(value) < 100 else f"{abs(value):.0f}"
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
    return markdown.code(text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…")


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


def jsonable(value: Any) -> Any:
    """A value that any JSON reader takes: numbers that JSON does not have become text, what is missing null."""
    if value is MISSING:
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    return value
