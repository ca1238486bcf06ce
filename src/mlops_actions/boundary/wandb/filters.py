"""A tracker-neutral query in W&B's filter language: MongoDB operators on `config.…`, `tags`, `state` and the like.

W&B calls a run's id `name`, and its name `displayName`. The operators are those that its SDK documents (`wandb.Api.runs`).
W&B answers HTTP 500 to any other and to a list of tags without one, so such a filter is refused before it is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlops_actions.core.errors import BadInput
from mlops_actions.core.runs import RunQuery
from mlops_actions.core.suggest import did_you_mean
from mlops_actions.core.types import Json

_OF_FILTERS = ("$and", "$or", "$nor")
_OF_LISTS = ("$in", "$nin")
_OF_ONE_FIELD = (*_OF_LISTS, "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$exists", "$regex")
_OPERATORS = (*_OF_FILTERS, *_OF_ONE_FIELD)


def filter_of(query: RunQuery) -> Json:
    """Return the filter of a query; raises BadInput where its own filter is one that W&B cannot read."""
    conditions: list[Json] = []
    if query.run_ids:
        conditions.append({"name": _any_of(query.run_ids)})
    if query.states:
        conditions.append({"state": _any_of(query.states)})
    if query.commit:
        conditions.append({"$or": [{f"config.{query.commit_config_key}": query.commit}, {"commit": query.commit}]})
    conditions += [{f"config.{key}": value} for key, value in query.config.items()]
    if query.group:
        conditions.append({"group": query.group})
    if query.tags:
        conditions.append({"tags": {"$in": list(query.tags)}})
    if query.tracker_filter:
        _check(query.tracker_filter)
        conditions.append(dict(query.tracker_filter))
    if query.any_of:
        conditions.append(_joined("$or", [filter_of(alternative) for alternative in query.any_of]))
    return _joined("$and", conditions)


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
