"""W&B's filter language: the part of MongoDB's queries that its runs are chosen by.

Semantics are MongoDB's: a comparison only ever matches values of one kind (numbers with numbers, text with text), a
missing field equals null and nothing else, and a field that is a list matches where one of its items does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

MISSING: Any = object()


class FilterError(ValueError):
    """A filter that the language does not have; the message names the part."""


class Readable(Protocol):
    """A run as filters see it."""

    def lookup(self, path: str) -> Any:
        """The value at `path` (`state`, `config.lr`, `summary_metrics.acc`), or `MISSING`."""


def _kind(value: Any) -> str:
    # bool is a kind of its own: in MongoDB true is not 1.
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return type(value).__name__


def _equal(value: Any, wanted: Any) -> bool:
    if wanted is None:
        return value is None or value is MISSING
    if isinstance(value, list) and not isinstance(wanted, list):
        return any(_equal(item, wanted) for item in value)
    return value is not MISSING and _kind(value) == _kind(wanted) and bool(value == wanted)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def test(value: Any, wanted: Any) -> bool:
        if isinstance(value, list):
            return any(test(item, wanted) for item in value)
        kind = _kind(wanted)
        return kind in {"number", "str"} and _kind(value) == kind and compare(value, wanted)

    return test


def _in(value: Any, wanted: Any) -> bool:
    if not isinstance(wanted, list):
        raise FilterError("$in and $nin need a list")
    return any(_equal(value, item) for item in wanted)


def _exists(value: Any, wanted: Any) -> bool:
    return (value is not MISSING) == bool(wanted)


def _regex(value: Any, wanted: Any) -> bool:
    if isinstance(value, list):
        return any(_regex(item, wanted) for item in value)
    try:
        return isinstance(value, str) and re.search(str(wanted), value) is not None
    except re.error as error:
        raise FilterError(f"$regex {wanted!r}: {error}") from None


_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "$eq": _equal,
    "$ne": lambda value, wanted: not _equal(value, wanted),
    "$gt": _ordered(lambda value, wanted: bool(value > wanted)),
    "$gte": _ordered(lambda value, wanted: bool(value >= wanted)),
    "$lt": _ordered(lambda value, wanted: bool(value < wanted)),
    "$lte": _ordered(lambda value, wanted: bool(value <= wanted)),
    "$in": _in,
    "$nin": lambda value, wanted: not _in(value, wanted),
    "$exists": _exists,
    "$regex": _regex,
}


def _test(value: Any, condition: Any) -> bool:
    if isinstance(condition, Mapping) and any(str(key).startswith("$") for key in condition):
        for operator, wanted in condition.items():
            if operator not in _OPERATORS:
                raise FilterError(f"unknown operator {operator}")
            if not _OPERATORS[operator](value, wanted):
                return False
        return True
    return _equal(value, condition)


def matches(condition: Any, run: Readable) -> bool:
    """Whether a run fulfils a filter document; raises FilterError for what the language does not have."""
    if not isinstance(condition, Mapping):
        raise FilterError("a filter is an object")
    return all(_clause(key, value, run) for key, value in condition.items())


def _clause(key: str, value: Any, run: Readable) -> bool:
    if key in {"$and", "$or", "$nor"}:
        if not isinstance(value, list) or not value:
            raise FilterError(f"{key} needs a list that is not empty")
        results = [matches(item, run) for item in value]
        return {"$and": all(results), "$or": any(results), "$nor": not any(results)}[key]
    if key.startswith("$"):
        raise FilterError(f"unknown operator {key}")
    return _test(run.lookup(key), value)


def follow(tree: Any, path: str) -> Any:
    """The value at a dotted path of nested mappings, a whole dotted key first; `MISSING` where there is none."""
    if not isinstance(tree, Mapping):
        return MISSING
    if path in tree:
        return tree[path]
    head, dot, rest = path.partition(".")
    while dot:
        if head in tree and (found := follow(tree[head], rest)) is not MISSING:
            return found
        more, dot, rest = rest.partition(".")
        head = f"{head}.{more}"
    return MISSING
