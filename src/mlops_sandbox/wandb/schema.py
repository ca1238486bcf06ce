"""The server's executable GraphQL schema: `schema.graphql` with the resolvers of queries and mutations."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema

from mlops_sandbox.graphql_execution import executable_schema
from mlops_sandbox.wandb import mutations, queries

_PART = re.compile(r"(\w+)\.(\w+)(?:\((\w+)\))?")


@cache
def wandb_schema(lacks: frozenset[str] = frozenset()) -> GraphQLSchema:
    """Return the schema without the fields and arguments that `lacks` names, as `Run.commit` or `Project.runs(filters)`.

    Servers that speak a part of W&B's language exist; an older W&B lacks `Run.config(keys)`. Raises KeyError for a part
    that the schema does not have.
    """
    definitions = (files(__package__) / "schema.graphql").read_text(encoding="utf-8")
    resolvers = {**queries.RESOLVERS, **mutations.RESOLVERS}
    schema = executable_schema(definitions, resolvers, interfaces={"ArtifactCollection": "ArtifactSequence"})
    for part in sorted(lacks, key=lambda part: "(" not in part):  # arguments before the fields that have them
        match = _PART.fullmatch(part)
        if not match:
            raise KeyError(part)
        type_name, field, argument = match.groups()
        object_type = schema.type_map[type_name]
        assert isinstance(object_type, GraphQLObjectType | GraphQLInterfaceType)  # noqa: S101 - narrows the type of a schema member
        if argument:
            del object_type.fields[field].args[argument]
        else:
            del object_type.fields[field]
            for interface in object_type.interfaces:
                interface.fields.pop(field, None)
    return schema
