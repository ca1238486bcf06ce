"""Numbers and other values as the report shows them: with the digits that help a reader."""

from __future__ import annotations

import math
from typing import Any

from mlops_actions.core import markdown
from mlops_actions.core.runs import MISSING
from mlops_actions.wandb_runs.values import as_text, truncate

NO_VALUE = "–"
_MINUS = "\u2212"
_MAX_CELL = 80  # characters of a value in a table; a longer one makes the table unreadable


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
