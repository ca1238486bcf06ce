"""Hold what actions emit as `result` against the JSON Schemas that `docs/schemas/` publishes."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from mlops_actions.cli import action
from mlops_actions.core.result_schema import result_schema


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(result_schema(action(name)))


def check_result(name: str, text: str) -> dict[str, Any]:
    """Return the document of the output `result`; an AssertionError names what its schema does not allow."""
    document: dict[str, Any] = json.loads(text)
    problems = [f"{error.json_path}: {error.message[:300]}" for error in _validator(name).iter_errors(document)]
    assert not problems, f"'result' of {name} breaks its schema: " + "; ".join(problems)
    return document
