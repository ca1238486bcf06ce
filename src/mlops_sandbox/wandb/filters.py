"""W&B's filter language for runs, which is a part of MongoDB's query language.

Semantics are MongoDB's: a comparison matches only values of one type (numbers with numbers, text with text), a missing
field equals only null, and a list matches where one of its items does. The operators are those that the SDK documents
(`wandb.Api.runs`). The live service fails with HTTP 500 for any other (opentensor/validators#136) and for a list of tags
without an operator (wandb/wandb#4068); it refuses `summary.…` with 400 (wandb/wandb#1230).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

MISSING: Any = object()


class FilterError(ValueError):
    """A filter is invalid; the message names the part. `status` is that of the whole answer: 200 is a GraphQL error."""

    def __init__(self, message: str, *, status: int = 200) -> None:
        super().__init__(message)
        self.status = status


class Filterable(Protocol):
    """The part of a run that filters use."""

    def lookup(self, path: str) -> Any:
        """Return the value at `path` (`state`, `config.lr`, `summary_metrics.acc`), or `MISSING`."""


def _type_name(value: Any) -> str:
    # bool is a separate type: in MongoDB true is not 1.
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return type(value).__name__


def _equal(value: Any, operand: Any) -> bool:
    if operand is None:
        return value is None or value is MISSING
    if isinstance(value, list) and not isinstance(operand, list):
        return any(_equal(item, operand) for item in value)
    return value is not MISSING and _type_name(value) == _type_name(operand) and bool(value == operand)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def test(value: Any, operand: Any) -> bool:
        if isinstance(value, list):
            return any(test(item, operand) for item in value)
        operand_type = _type_name(operand)
        return operand_type in {"number", "str"} and _type_name(value) == operand_type and compare(value, operand)

    return test


def _in(value: Any, operand: Any) -> bool:
    if not isinstance(operand, list):
        raise FilterError("$in and $nin need a list")
    return any(_equal(value, item) for item in operand)


def _exists(value: Any, operand: Any) -> bool:
    return (value is not MISSING) == bool(operand)


def _regex(value: Any, operand: Any) -> bool:
    if isinstance(value, list):
        return any(_regex(item, operand) for item in value)
    try:
        return isinstance(value, str) and re.search(str(operand), value) is not None
    except re.error as error:
        raise FilterError(f"$regex {operand!r}: {error}") from None


_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "$eq": _equal,
    "$ne": lambda value, operand: not _equal(value, operand),
    "$gt": _ordered(lambda value, operand: bool(value > operand)),
    "$gte": _ordered(lambda value, operand: bool(value >= operand)),
    "$lt": _ordered(lambda value, operand: bool(value < operand)),
    "$lte": _ordered(lambda value, operand: bool(value <= operand)),
    "$in": _in,
    "$nin": lambda value, operand: not _in(value, operand),
    "$exists": _exists,
    "$regex": _regex,
}


def _test(value: Any, condition: Any) -> bool:
    if isinstance(condition, Mapping) and any(str(key).startswith("$") for key in condition):
        for operator, operand in condition.items():
            if operator not in _OPERATORS:
                raise FilterError(f"unknown operator {operator}", status=500)
            if not _OPERATORS[operator](value, operand):
                return False
        return True
    return _equal(value, condition)


def matches(condition: Any, run: Filterable) -> bool:
    """Return whether a run matches a filter document; raises FilterError for an invalid one."""
    if not isinstance(condition, Mapping):
        raise FilterError("a filter is an object")
    return all(_clause(key, value, run) for key, value in condition.items())


def _clause(key: str, value: Any, run: Filterable) -> bool:
    if key in {"$and", "$or", "$nor"}:
        if not isinstance(value, list) or not value:
            raise FilterError(f"{key} needs a list that is not empty")
        results = [matches(item, run) for item in value]
        return {"$and": all(results), "$or": any(results), "$nor": not any(results)}[key]
    if key.startswith("$"):
        raise FilterError(f"unknown operator {key}", status=500)
    if key == "tags" and isinstance(value, list):
        raise FilterError("unsupported type []interface {}", status=500)
    if key == "summary" or key.startswith("summary."):
        raise FilterError(f"invalid column {key}", status=400)
    return _test(run.lookup(key), value)


def nested_value(tree: Any, path: str) -> Any:
    """Return the value at a dotted path of nested mappings; `MISSING` where there is none.

    A dot always separates two levels: no filter finds a key whose name holds a dot (wandb/wandb#2819, #3087).
    """
    for part in path.split("."):
        if not isinstance(tree, Mapping) or part not in tree:
            return MISSING
        tree = tree[part]
    return tree


def follow(tree: Any, path: str) -> Any:
    """Return the value at a dotted path of nested mappings, a key with dots first; `MISSING` where there is none."""
    if not isinstance(tree, Mapping):
        return MISSING
    if path in tree:
        return tree[path]
    head, dot, rest = path.partition(".")
    while dot:
        if head in tree and (value := follow(tree[head], rest)) is not MISSING:
            return value
        next_part, dot, rest = rest.partition(".")
        head = f"{head}.{next_part}"
    return MISSING
