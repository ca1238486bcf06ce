"""What an action hands back to the composition root."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlops_actions.core.errors import ActionError

RESULT_SCHEMA = 1


@dataclass(frozen=True)
class Outcome:
    """Outputs and the `result` document; `error` is a failure that still has outputs to give (a failed workflow).

    `outputs` maps an output's name to its text (see `flag` for booleans). `result` is everything that was learned, as JSON
    values; the composition root adds `schema` and emits it as the output `result`.
    """

    outputs: Mapping[str, str] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)
    error: ActionError | None = None


def flag(value: bool) -> str:
    """Spell a boolean output: `true` or `false`."""
    return "true" if value else "false"


def legacy_flag(value: bool) -> str:
    """Spell a boolean output as the replaced actions did: `True` or `False`."""
    return "True" if value else "False"
