"""How fields and pages of a GraphQL schema are written down."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from functools import partial
from operator import itemgetter
from typing import Any

from mlops_sandbox.wandb.execute import FieldType, Refused, Resolver

PAGE = 50


def _reading(read: Callable[[Any], Any]) -> Resolver:
    return lambda parent, _arguments, _context: read(parent)


def constants(**values: Any) -> dict[str, FieldType]:
    """Scalar fields that have one value everywhere."""
    return {name: FieldType(_reading(partial(_constant, value))) for name, value in values.items()}


def _constant(value: Any, _parent: Any) -> Any:
    return value


def readers(**reads: Callable[[Any], Any]) -> dict[str, FieldType]:
    """Scalar fields, each by how it is read off its parent."""
    return {name: FieldType(_reading(read)) for name, read in reads.items()}


def leads_to(of: str, read: Callable[[Any], Any]) -> FieldType:
    """A field that leads to an object (or a list of them) of the type `of`."""
    return FieldType(_reading(read), of)


def computed(resolve: Resolver, of: str = "", arguments: str = "") -> FieldType:
    """A field with arguments, whose names `arguments` lists."""
    return FieldType(resolve, of, frozenset(arguments.split()))


def items(*names: str) -> dict[str, FieldType]:
    """Scalar fields of parents that are mappings."""
    return {name: FieldType(_reading(itemgetter(name))) for name in names}


def connection(name: str, node: str) -> dict[str, dict[str, FieldType]]:
    """The types of a paged list of `node`, for parents that resolve to what `page` makes."""
    edge = f"{name}Edge"
    return {
        f"{name}Connection": {
            "edges": leads_to(edge, lambda page: page["edges"]),
            "pageInfo": leads_to("PageInfo", lambda page: page["pageInfo"]),
            "totalCount": readers(totalCount=lambda page: page["total"])["totalCount"],
        },
        edge: {"node": leads_to(node, lambda item: item["node"]), "cursor": items("cursor")["cursor"]},
    }


def _cursor(index: int, identifier: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([index, identifier]).encode()).decode()


def _place(everything: list[Any], index: int, identifier: str, identify: Callable[[Any], str]) -> int:
    """Where a cursor's item is now; where it is gone, the place before its own."""
    if index < len(everything) and identify(everything[index]) == identifier:
        return index
    places = (place for place, item in enumerate(everything) if identify(item) == identifier)
    return next(places, index - 1)


def page(everything: list[Any], arguments: Mapping[str, Any], identify: Callable[[Any], str]) -> dict[str, Any]:
    """One page of `everything`. A cursor names its item, so that what is added or deleted before it shifts nothing."""
    start = 0
    if arguments.get("after"):
        try:
            index, identifier = json.loads(base64.urlsafe_b64decode(str(arguments["after"]).encode()))
        except ValueError:
            raise Refused("invalid cursor") from None
        start = 1 + _place(everything, int(index), identifier, identify)
    first = arguments.get("first")
    size = PAGE if first is None else max(int(first), 0)
    edges = [
        {"node": item, "cursor": _cursor(place, identify(item))}
        for place, item in enumerate(everything[start : start + size], start)
    ]
    end = edges[-1]["cursor"] if edges else None
    return {
        "edges": edges,
        "pageInfo": {"hasNextPage": start + size < len(everything), "endCursor": end},
        "total": len(everything),
    }
