"""Read and choose fields of objects by path."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mlops_actions.core.types import Json


def text_at(value: object, path: Iterable[str]) -> str:
    """Return the field at a path as text; empty where the object has no such field."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return "" if value is None else str(value)


def select(value: Json, fields: str) -> Json:
    """Cut an object to the requested fields (dotted paths, separated by commas); no fields mean the whole object.

    A path leads through each item of a list.
    """
    if not fields:
        return value
    paths = [field.split(".") for field in fields.split(",")]
    return {name: _at_paths(value[name], inner) for name, inner in _heads(paths).items() if name in value}


def _heads(paths: list[list[str]]) -> dict[str, list[list[str]]]:
    return {head: [path[1:] for path in paths if path[0] == head] for head in dict.fromkeys(path[0] for path in paths)}


def _at_paths(value: Any, paths: list[list[str]]) -> Any:
    if [] in paths:
        return value
    if isinstance(value, list):
        return [_at_paths(item, paths) for item in value]
    if isinstance(value, dict):
        return {name: _at_paths(value[name], inner) for name, inner in _heads(paths).items() if name in value}
    return value
