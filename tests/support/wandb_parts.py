"""The fields and arguments that the product asks W&B for, found in its own requests."""

from __future__ import annotations

from collections.abc import Iterable

from graphql import ArgumentNode, FieldNode, GraphQLNamedType, TypeInfo, TypeInfoVisitor, Visitor, parse, visit

from mlops_actions.boundary.wandb import requests
from mlops_actions.boundary.wandb.partial import PartialSchema
from mlops_sandbox.wandb.schema import wandb_schema

REQUESTS = (
    requests.runs(("candidates", "baselines")),
    requests.states("candidates", selected_here=True),
    requests.summary_names(("candidates", "baselines")),
    requests.of_runs([requests.datasets(0)]),
    requests.of_runs([requests.patches(0)]),
    requests.of_runs([requests.whole_config(0)]),
    requests.of_runs([requests.history(0)]),
    requests.sweep(),
    requests.logged_artifacts(),
)


class _Parts(Visitor):
    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self._types = types
        self.found: set[str] = set()

    def _field(self) -> str:
        owner, field = self._types.get_parent_type(), self._types.get_field_def()
        assert isinstance(owner, GraphQLNamedType)
        name = next(name for name, known in getattr(owner, "fields").items() if known is field)  # noqa: B009
        return f"{owner.name}.{name}"

    def enter_field(self, _node: FieldNode, *_: object) -> None:
        self.found.add(self._field())

    def enter_argument(self, node: ArgumentNode, *_: object) -> None:
        self.found.add(f"{self._field()}({node.name.value})")


def parts(documents: Iterable[str]) -> frozenset[str]:
    """Return `Type.field` and `Type.field(argument)` of everything that the documents ask for."""
    types = TypeInfo(wandb_schema())
    visitor = _Parts(types)
    for document in documents:
        visit(parse(document), TypeInfoVisitor(types, visitor))
    return frozenset(visitor.found)


ASKED = parts(PartialSchema("").document("Q", request)[0] for request in REQUESTS)
# What no report can do without: whose runs, which states, values and pages.
NECESSARY = frozenset(
    {
        "Query.project", "Query.project(name)", "Query.project(entityName)", "Project.runs", "RunConnection.edges",
        "RunEdge.node", "RunConnection.pageInfo", "PageInfo.hasNextPage", "Run.name", "Run.state", "Run.config",
        "Run.summaryMetrics",
    }
)  # fmt: skip
OPTIONAL = ASKED - NECESSARY
