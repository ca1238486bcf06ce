"""Render the JSON Schema of an action's output `result`, which `docs/schemas/` publishes.

An action declares in `RESULT` the properties of its `result`, by their kebab-case names:

    RESULT: Mapping[str, Json] = {
        "decision": {"enum": ["continue", "ignore", "deny"]},
        "details": {"type": "array", "items": {"type": "string"}, "description": "What explains the decision."},
    }

A property that has the name of an output has the same meaning, and takes over its description. Properties beyond these
are refused, so that a consumer can rely on the document and a test finds what is not declared.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from mlops_actions.core.declare import Action
from mlops_actions.core.outcome import RESULT_SCHEMA_VERSION
from mlops_actions.core.types import Json

DIALECT = "https://json-schema.org/draft/2020-12/schema"
BASE = "https://github.com/machine-learning-apps/mlops-actions/blob/main/docs/schemas"
_KEBAB_CASE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def result_schema(action: Action) -> Json:
    """Return the JSON Schema of an action's `result`."""
    descriptions = {output.name: output.help for output in action.outputs}
    properties: Json = {"schema": {"const": RESULT_SCHEMA_VERSION, "description": "The version of this document's form."}}
    for name, schema in action.result.items():
        description = {"description": descriptions[name]} if name in descriptions else {}
        properties[name] = {**description, **schema}
    return {
        "$schema": DIALECT,
        "$id": f"{BASE}/{action.name}.schema.json",
        "title": f"The output 'result' of {action.name}",
        "type": "object",
        "required": ["schema"],
        "properties": properties,
        "additionalProperties": False,
    }


def to_text(schema: Json) -> str:
    """Return a schema as the text of its file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def misspelled(schema: Mapping[str, object], path: str = "") -> Iterator[str]:
    """Yield the paths of declared properties that are not in kebab-case, at any depth."""
    properties = schema.get("properties")
    for name, value in properties.items() if isinstance(properties, Mapping) else ():
        if not _KEBAB_CASE.fullmatch(name):
            yield f"{path}/{name}"
        if isinstance(value, Mapping):
            yield from misspelled(value, f"{path}/{name}")
    for keyword in ("items", "additionalProperties"):
        value = schema.get(keyword)
        if isinstance(value, Mapping):
            yield from misspelled(value, f"{path}/{keyword}")
    for keyword in ("oneOf", "anyOf", "allOf"):
        value = schema.get(keyword)
        for number, branch in enumerate(value if isinstance(value, list) else ()):
            yield from misspelled(branch, f"{path}/{keyword}/{number}")
