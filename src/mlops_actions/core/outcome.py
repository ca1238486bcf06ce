"""The result of an action, which the composition root writes for the runner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlops_actions.core.errors import ActionError, Cancelled

RESULT_SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Outcome:
    """The outputs and the `result` document; `error` ends a step that still has outputs: a failed workflow, a cancellation.

    `outputs` maps an output's name to its text (`flag` spells booleans). `result` holds everything that the action learned,
    as JSON values under kebab-case keys; the composition root adds `schema` and writes it as the output `result`.
    """

    outputs: Mapping[str, str] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)
    error: ActionError | Cancelled | None = None


def flag(value: bool) -> str:
    """Return the text of a boolean output: `true` or `false`."""
    return "true" if value else "false"


def legacy_flag(value: bool) -> str:
    """Return the text of a boolean output as the replaced actions wrote it: `True` or `False`."""
    return "True" if value else "False"
