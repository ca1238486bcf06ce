"""Parse JSON that another system sent: whatever is no JSON raises ValueError, and nothing else is raised."""

from __future__ import annotations

import json
from typing import Any, NoReturn


def parse_json(content: str | bytes) -> Any:
    """Parse a JSON document of RFC 8259; raises ValueError, also for NaN, Infinity, and too many levels of nesting."""
    try:
        return json.loads(content, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}, which JSON does not have")
