"""Parse JSON that another system sent: whatever is no JSON raises ValueError, and nothing else is raised."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

# What GitHub, Kubernetes, W&B and registries send has fewer than 30 levels.
MAX_DEPTH = 200


def parse_json(content: str | bytes) -> Any:
    """Parse a JSON document of RFC 8259; raises ValueError, also for NaN, Infinity, and more than MAX_DEPTH levels.

    Bytes are UTF-8, as RFC 8259 (section 8.1) requires between systems.
    """
    text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
    # The parser must not run into Python's recursion limit: finalizers that happen to run there fail as well.
    if _is_too_deep(text):
        raise ValueError("it is nested too deeply")
    return json.loads(text, parse_constant=_refuse_constant)


def _is_too_deep(text: str) -> bool:
    """Return whether brackets are nested too deeply, up to the place where a parser stops at the latest."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return False
    # Every second part between quotes is a string; a backslash stands in strings only.
    parts = text.replace("\\\\", "").replace('\\"', "").split('"')[::2]
    depth = 0
    for bracket in re.finditer(r"[\[\]{}]", "".join(parts)):
        depth += 1 if bracket.group() in "[{" else -1
        if depth > MAX_DEPTH:
            return True
    return False


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}, which JSON does not have")
