"""Execute GraphQL requests by graphql-core on a schema file with resolvers, with answers in the form of W&B's server."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    SelectionSetNode,
    ValidationRule,
    build_schema,
    execute_sync,
    parse,
    specified_rules,
    validate,
)

from mlops_actions.core.types import Json

# A resolver takes the parent object, the request's context, and the field's arguments by name.
Resolver = Callable[..., Any]
Resolvers = Mapping[str, Mapping[str, Resolver]]
# A document of more tokens is refused before it is read.
MAX_TOKENS = 20_000
# A client sends few documents, each many times: servers keep what they read (gqlgen's query cache holds 1,000).
_KEPT_DOCUMENTS = 100


class NonEmptySelections(ValidationRule):
    """Refuse `{}`: the specification demands a selection, but graphql-core parses a set without one."""

    def enter_selection_set(self, node: SelectionSetNode, *_: Any) -> None:
        """Report an empty selection set with the message of a parser that refuses it."""
        if not node.selections:
            self.report_error(GraphQLError("Syntax Error: Expected Name, found }.", node))


RULES = (*specified_rules, NonEmptySelections)


class ResolverError(GraphQLError):
    """A resolver refuses its arguments; the client reads the message, and the field becomes null."""


class RequestFailed(GraphQLError):
    """A resolver fails in a way that loses the whole request: the client gets `status` and no data."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class GraphQLAnswer:
    """The answer to a request; `status` is 400 where nothing was executed, and that of a RequestFailed."""

    status: int = 200
    data: Json | None = None
    errors: list[Json] = field(default_factory=list)

    def body(self) -> Json:
        """Return the JSON body."""
        return {"data": self.data, **({"errors": self.errors} if self.errors else {})}


def executable_schema(
    definitions: str, resolvers: Resolvers, *, interfaces: Mapping[str, str] | None = None
) -> GraphQLSchema:
    """Build a schema from its definition language; `resolvers` are by type and field.

    A field without a resolver reads the item of its name, or the attribute of its name in snake case. `interfaces` maps
    an interface to the object type that every value of it has. Raises KeyError for a resolver that the schema has no
    field for.
    """
    schema = build_schema(definitions)
    for type_name, fields in resolvers.items():
        object_type = schema.type_map[type_name]
        assert isinstance(object_type, GraphQLObjectType)  # noqa: S101 - narrows the type of a schema member
        for name, resolver in fields.items():
            object_type.fields[name].resolve = _with_context(resolver)
    for interface, object_name in (interfaces or {}).items():
        interface_type = schema.type_map[interface]
        assert isinstance(interface_type, GraphQLInterfaceType)  # noqa: S101 - narrows the type of a schema member
        interface_type.resolve_type = lambda _value, _info, _type, name=object_name: name
    return schema


def execute(
    schema: GraphQLSchema, query: str, variables: Json | None = None, operation_name: str = "", context: object = None
) -> GraphQLAnswer:
    """Run the operation `operation_name` (empty: the only one) of the document `query`.

    The whole document is validated first, so an unknown field or argument anywhere means that nothing runs. A resolver that
    fails makes its field null, and `errors` names it beside the partial data.
    """
    try:
        document, problems = _read(schema, query)
        if problems:
            return _refusal(problems)
        result = execute_sync(
            schema,
            document,
            context_value=context,
            variable_values=variables or {},
            operation_name=operation_name or None,
            field_resolver=_default_resolver,
        )
    except GraphQLError as error:
        return _refusal([error])
    assert isinstance(result, ExecutionResult)  # noqa: S101 - no resolver is asynchronous
    failure = next(
        (cause for error in result.errors or () if isinstance(cause := error.original_error, RequestFailed)), None
    )
    if failure:
        return GraphQLAnswer(status=failure.status, errors=[{"message": failure.message}])
    if result.data is None and result.errors:
        return _refusal(result.errors)
    errors = [{"message": error.message, "path": list(error.path or ())} for error in result.errors or ()]
    return GraphQLAnswer(data=result.data, errors=errors)


@lru_cache(maxsize=_KEPT_DOCUMENTS)
def _read(schema: GraphQLSchema, query: str) -> tuple[DocumentNode, list[GraphQLError]]:
    document = parse(query, no_location=True, max_tokens=MAX_TOKENS)
    return document, validate(schema, document, RULES, hide_suggestions=True)


def _refusal(errors: list[GraphQLError]) -> GraphQLAnswer:
    """Write names in double quotes, as W&B's server does: its SDK recognises messages by them."""
    return GraphQLAnswer(status=400, errors=[{"message": error.message.replace("'", '"')} for error in errors])


def _with_context(resolver: Resolver) -> Resolver:
    return lambda parent, info, **arguments: resolver(parent, info.context, **arguments)


def _default_resolver(parent: Any, info: GraphQLResolveInfo[Any], **_: Any) -> Any:
    if isinstance(parent, Mapping):
        return parent[info.field_name]
    return getattr(parent, _snake_case(info.field_name))


@cache
def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
