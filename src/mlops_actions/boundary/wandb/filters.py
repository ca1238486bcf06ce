"""A tracker-neutral query in W&B's filter language: MongoDB operators on `config.…`, `tags`, `state` and the like.

W&B calls a run's id `name`, and its name `displayName`.
"""

from __future__ import annotations

from collections.abc import Sequence

from mlops_actions.core.runs import RunQuery
from mlops_actions.core.types import Json


def filter_of(query: RunQuery) -> Json:
    """Return the filter of a query."""
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
        conditions.append(dict(query.tracker_filter))
    if query.any_of:
        conditions.append(_joined("$or", [filter_of(alternative) for alternative in query.any_of]))
    return _joined("$and", conditions)


def _any_of(values: Sequence[str]) -> str | Json:
    return values[0] if len(values) == 1 else {"$in": list(values)}


def _joined(operator: str, conditions: list[Json]) -> Json:
    if not conditions:
        return {}
    return conditions[0] if len(conditions) == 1 else {operator: conditions}
