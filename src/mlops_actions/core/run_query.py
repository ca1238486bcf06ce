"""A query for runs as JSON, so that a statement tells how its runs were found, and a verifier can ask again.

    {"commit": "…", "commitConfigKey": "github_sha", "group": "seeds"}

The keys are the attributes of `RunQuery` in camelCase; conditions that restrict nothing are left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from mlops_actions.core.runs import RunQuery
from mlops_actions.core.types import Json

# The config keys in which a training logs its commit, unless an input names another, and the version of its data.
SHA_CONFIG_KEY, SECONDARY_KEY = "github_sha", "secondary_sha"
_MAX_ENTRIES, _MAX_DEPTH = 1000, 3
_ALTERNATIVES = "any_of"


def document(query: RunQuery) -> Json:
    """Return the query as a JSON object."""
    values = {field.name: getattr(query, field.name) for field in fields(query)}
    return {condition(name): _json(value) for name, value in values.items() if value}


def read(value: Any, depth: int = 0) -> RunQuery:
    """Read a query; raises ValueError, also for an unknown condition: without it the query would find other runs."""
    if not isinstance(value, dict) or depth > _MAX_DEPTH:
        raise ValueError("a query is no JSON object")
    names = {condition(field.name): field.name for field in fields(RunQuery)}
    if unknown := sorted(set(value) - set(names)):
        raise ValueError(f"a query has the unknown condition {unknown[0]!r}")
    return RunQuery(**{names[key]: _value(names[key], entry, depth) for key, entry in value.items()})


def condition(name: str) -> str:
    """Return the JSON key of an attribute of `RunQuery`."""
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), name)


def _value(name: str, value: Any, depth: int) -> Any:
    """Return a condition of the type that its default has."""
    default = getattr(RunQuery(), name)
    if name == _ALTERNATIVES and isinstance(value, list) and len(value) <= _MAX_ENTRIES:
        return tuple(read(entry, depth + 1) for entry in value)
    if isinstance(default, tuple) and isinstance(value, list) and len(value) <= _MAX_ENTRIES:
        if all(isinstance(entry, str) for entry in value):
            return tuple(value)
    elif isinstance(default, Mapping) or default is None:
        if isinstance(value, dict):
            return value
    elif type(value) is type(default):
        return value
    raise ValueError(f"the condition {condition(name)!r} of a query has another form")


def _json(value: Any) -> Any:
    if isinstance(value, RunQuery):
        return document(value)
    if isinstance(value, tuple):
        return [_json(entry) for entry in value]
    return dict(value) if isinstance(value, Mapping) else value
