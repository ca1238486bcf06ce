"""Hold declarations of commands against the JSON Schema that `docs/schemas/` publishes."""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft202012Validator

from mlops_actions.chatops.command_schema import COMMANDS_SCHEMA
from mlops_actions.core import parsers

_VALIDATOR = Draft202012Validator(COMMANDS_SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)


def schema_problems(text: str) -> list[str]:
    """Return the messages of the schema's validation of a declaration, as YAML reads it."""
    value: Any = parsers.yaml_value(text)
    # To JSON and back: a key that is no text becomes one.
    return [error.message for error in _VALIDATOR.iter_errors(json.loads(json.dumps(value)))]
