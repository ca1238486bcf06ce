"""The server's executable GraphQL schema: `schema.graphql` with the resolvers of queries and mutations."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from graphql import GraphQLObjectType, GraphQLSchema

from mlops_sandbox.graphql_execution import executable_schema
from mlops_sandbox.wandb import mutations, queries


@cache
def wandb_schema(*, keyed: bool = True) -> GraphQLSchema:
    """Return the schema; not `keyed` is an older server, which can only give `config` and `summaryMetrics` whole."""
    definitions = (files(__package__) / "schema.graphql").read_text(encoding="utf-8")
    resolvers = {**queries.RESOLVERS, **mutations.RESOLVERS}
    schema = executable_schema(definitions, resolvers, interfaces={"ArtifactCollection": "ArtifactSequence"})
    run = schema.type_map["Run"]
    assert isinstance(run, GraphQLObjectType)  # noqa: S101 - narrows the type of a schema member
    if not keyed:
        for name in ("config", "summaryMetrics"):
            del run.fields[name].args["keys"]
    return schema
