"""Pages of a list, in the form of a GraphQL connection."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from typing import Any

from mlops_actions.core.types import Json
from mlops_sandbox.graphql_execution import ResolverError

PAGE_SIZE = 50


def connection(
    items: Sequence[Any], identify: Callable[[Any], str], *, first: int | None = None, after: str | None = None
) -> Json:
    """Return the page of `first` items after the cursor `after`.

    A cursor names its item, so an item that is added or deleted before it shifts nothing.
    """
    start = _index_after(items, identify, after) if after else 0
    size = PAGE_SIZE if first is None else max(first, 0)
    edges = [
        {"node": item, "cursor": _cursor(index, identify(item))}
        for index, item in enumerate(items[start : start + size], start)
    ]
    return {
        "edges": edges,
        "pageInfo": {"hasNextPage": start + size < len(items), "endCursor": edges[-1]["cursor"] if edges else None},
        "totalCount": len(items),
    }


def _cursor(index: int, identifier: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([index, identifier]).encode()).decode()


def _index_after(items: Sequence[Any], identify: Callable[[Any], str], cursor: str) -> int:
    """Return the index that follows the cursor's item; where the item is gone, the index it had."""
    try:
        index, identifier = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        index = int(index)
    except (ValueError, TypeError):
        raise ResolverError("invalid cursor") from None
    if index < len(items) and identify(items[index]) == identifier:
        return index + 1
    return next((place + 1 for place, item in enumerate(items) if identify(item) == identifier), index)
