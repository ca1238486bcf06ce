"""Values as JSON and as text for files, and as an output that a later step can take."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from mlops_actions.core.runs import MISSING
from mlops_actions.core.types import Json

_MAX_DEPTH = 30  # levels of a nested value
_MAX_OUTPUT = 100_000  # characters of the output `result`; Linux allows 128 KiB for one variable
_CUTS = ((1000, 100), (300, 50), (100, 25), (80, 10), (80, 3))  # (characters of a text, items of a list), tried in turn


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
    if value is None or isinstance(value, str):  # nearly all values of a large report
        return value
    if value is MISSING:
        return None
    if isinstance(value, float):
        return value if math.isfinite(value) else "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
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


def tell_apart(*numbers: float) -> tuple[str, ...]:
    """Write finite numbers with four significant digits, and with more where two that differ would look alike."""
    for digits in range(4, 17):
        texts = tuple(f"{number:.{digits}g}" for number in numbers)
        if len(set(texts)) == len(set(numbers)):
            return texts
    return tuple(map(repr, numbers))
