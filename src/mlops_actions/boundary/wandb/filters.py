"""A tracker-neutral query in W&B's filter language: MongoDB operators on `config.…`, `tags`, `state` and the like.

W&B calls a run's id `name`, and its name `displayName`. The operators are those that its SDK documents (`wandb.Api.runs`).
W&B answers HTTP 500 to any other and to a list of tags without one, so such a filter is refused before it is sent.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlops_actions.core.errors import BadInput
from mlops_actions.core.runs import Run, RunQuery, logged_number, value_at
from mlops_actions.core.suggest import did_you_mean
from mlops_actions.core.types import Json

_OF_FILTERS = ("$and", "$or", "$nor")
_OF_LISTS = ("$in", "$nin")
_OF_ONE_FIELD = (*_OF_LISTS, "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$exists", "$regex")
_OPERATORS = (*_OF_FILTERS, *_OF_ONE_FIELD)


def filter_of(query: RunQuery, *, nested: bool = False) -> Json:
    """Return the filter of a query; raises BadInput where its own filter is one that W&B cannot read.

    The filter leaves out what W&B cannot select by (see `is_complete`); `matches` then chooses among its answers. With
    `nested` a dot in a config key only leads into nested values, by which W&B can select.
    """
    conditions: list[Json] = []
    if query.run_ids:
        conditions.append({"name": _any_of(query.run_ids)})
    if query.states:
        conditions.append({"state": _any_of(query.states)})
    if query.any_commit and (nested or not _has_dot(query.commit_config_key)):
        commit = _any_of(query.any_commit)
        claimed = [{path: commit} for path in _config_paths(query.commit_config_key)]
        conditions.append({"$or": [*claimed, {"commit": commit}]})
    for key, value in query.config.items():
        if nested or not _has_dot(key):
            alternatives = [{path: _as_logged(value)} for path in _config_paths(key)]
            conditions.append(_joined("$or", alternatives))
    if query.group:
        conditions.append({"group": query.group})
    if query.sweep:
        conditions.append({"sweep": query.sweep})
    if query.tags:
        conditions.append({"tags": {"$in": list(query.tags)}})
    if query.tracker_filter:
        _check(query.tracker_filter)
        conditions.append(dict(query.tracker_filter))
    if query.any_of:
        alternatives = [filter_of(alternative, nested=nested) for alternative in query.any_of]
        # An alternative without a condition matches every run.
        conditions += [_joined("$or", alternatives)] if all(alternatives) else []
    return _joined("$and", conditions)


def is_complete(query: RunQuery) -> bool:
    """Return whether W&B can select the runs: it finds no config key whose name holds a dot (wandb/wandb#2819, #3087)."""
    keys = [*query.config, *([query.commit_config_key] if query.any_commit else [])]
    return not any(map(_has_dot, keys)) and all(map(is_complete, query.any_of))


def matches(query: RunQuery, run: Run) -> bool:
    """Return whether a run fulfils a query, apart from the filter in W&B's own language."""
    commits = query.any_commit
    return (
        (not query.run_ids or run.id in query.run_ids)
        and (not query.states or run.state in query.states)
        and (not commits or run.commit in commits or value_at(run.config, query.commit_config_key) in commits)
        and all(_is_logged_as(value, value_at(run.config, key)) for key, value in query.config.items())
        and (not query.group or run.group == query.group)
        and (not query.sweep or run.sweep == query.sweep)
        and (not query.tags or not set(query.tags).isdisjoint(run.tags))
        and (not query.any_of or any(matches(alternative, run) for alternative in query.any_of))
    )


def config_keys(query: RunQuery) -> Iterator[str]:
    """Yield the config keys that a query names."""
    if query.any_commit:
        yield query.commit_config_key
    yield from query.config
    for alternative in query.any_of:
        yield from config_keys(alternative)


def run_fields(query: RunQuery) -> Iterator[str]:
    """Yield the fields of a run that `matches` needs, apart from those that every server has."""
    yield from ["commit"] if query.any_commit else []
    yield from ["group"] if query.group else []
    yield from ["sweepName"] if query.sweep else []
    yield from ["tags"] if query.tags else []
    for alternative in query.any_of:
        yield from run_fields(alternative)


def dotted_paths(condition: Any) -> Iterator[str]:
    """Yield the paths in a filter of W&B's language that could be meant as a config key whose name holds a dot."""
    if isinstance(condition, Mapping):
        for key, value in condition.items():
            if key.startswith("config.") and _has_dot(key.removeprefix("config.").removesuffix(".value")):
                yield key
            elif key in _OF_FILTERS and isinstance(value, list):
                for item in value:
                    yield from dotted_paths(item)


def _has_dot(key: str) -> bool:
    return "." in key


def _config_paths(key: str) -> list[str]:
    """Return the paths of a config key in a filter. W&B wraps each value of the first level as `{"value": …}`.

    Its filters take a path with and without that level (wandb/wandb#9406); servers may know only one of the two.
    """
    first, dot, rest = key.partition(".")
    return [f"config.{key}", f"config.{first}.value.{rest}"] if dot else [f"config.{key}"]


def _as_logged(value: str) -> str | Json:
    """Return the condition that a config value is this text, or the number that it writes: inputs are text."""
    number = _number(value)
    return value if number is None else {"$in": [value, number]}


def _is_logged_as(value: str, logged: Any) -> bool:
    number = _number(value)
    return bool(logged == value or (number is not None and not isinstance(logged, bool) and logged == number))


def _number(text: str) -> int | float | None:
    number = logged_number(text)
    if number is None or not math.isfinite(number):
        return None
    return int(text) if text.lstrip("-").isdigit() else number


def _check(condition: Any) -> None:
    """Check a filter as far as W&B's language is known; fields and values are W&B's to judge."""
    if not isinstance(condition, Mapping):
        raise _bad(f"it has {condition!r} where a JSON object must stand", "write each filter as an object")
    for key, value in condition.items():
        if key in _OF_FILTERS:
            if not isinstance(value, list) or not value:
                raise _bad(f"{key} needs a list of filters that is not empty", f'write {{"{key}": [{{…}}, {{…}}]}}')
            for item in value:
                _check(item)
        elif key in _OF_ONE_FIELD:
            raise _bad(f"{key} stands without a field", f'write {{"FIELD": {{"{key}": …}}}}')
        elif key.startswith("$"):
            raise _unknown(key)
        elif key == "tags" and isinstance(value, list):
            raise _bad("'tags' is given a list without an operator", 'write {"tags": {"$in": […]}}')
        elif key.startswith("summary."):
            better = f"summary_metrics.{key.removeprefix('summary.')}"
            raise _bad(f"W&B has no field {key!r}", f"write {better!r}")
        elif isinstance(value, Mapping):
            _check_operators(value)


def _check_operators(condition: Mapping[str, Any]) -> None:
    for operator, operand in condition.items():
        if operator in _OF_FILTERS:
            raise _bad(f"{operator} stands below a field", f'write {{"{operator}": [{{FIELD: …}}, {{FIELD: …}}]}}')
        if operator.startswith("$") and operator not in _OF_ONE_FIELD:
            raise _unknown(operator)
        if operator in _OF_LISTS and not isinstance(operand, list):
            raise _bad(f"{operator} needs a list", f'write {{"{operator}": […]}}')


def _unknown(operator: str) -> BadInput:
    hint = did_you_mean(operator, _OPERATORS)
    return _bad(f"W&B has no operator {operator}{hint}", f"use {', '.join(_OPERATORS)}")


def _bad(cause: str, remedy: str) -> BadInput:
    return BadInput(f"input 'filters' is no filter of W&B: {cause}", remedy)


def _any_of(values: Sequence[str]) -> str | Json:
    return values[0] if len(values) == 1 else {"$in": list(values)}


def _joined(operator: str, conditions: list[Json]) -> Json:
    if not conditions:
        return {}
    return conditions[0] if len(conditions) == 1 else {operator: conditions}
