"""Read the templates of the cluster that a workflow refers to, so that it can be checked against them before it is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mlops_actions.argo_submit import schema
from mlops_actions.argo_submit.lint.references import Reference, ReferencedSpecs, references
from mlops_actions.argo_submit.ports import Cluster, NotFound
from mlops_actions.core.errors import BadInput, Refused
from mlops_actions.core.types import Json

MAX_REFERENCES = 20  # each is a request


@dataclass(frozen=True)
class ClusterTemplates:
    """The templates that were read, and why others were not."""

    specs: ReferencedSpecs
    unread: tuple[str, ...] = ()

    def of_workflow(self, spec: Mapping[str, Any]) -> Json | None:
        """Return the spec of the template that the whole workflow refers to; None where none was read."""
        found = references({"workflowTemplateRef": spec.get("workflowTemplateRef") or {}})
        return self.specs.get(found[0]) if found else None


def read(
    spec: Mapping[str, Any],
    namespace: Callable[[], str],
    cluster: Callable[[], Cluster],
    known: ReferencedSpecs | None = None,
) -> ClusterTemplates:
    """Read the templates that a workflow refers to, and those that these refer to; `known` are read already.

    Raises BadInput where one has a type that Argo cannot read. One that may not be read is no error: submitting a workflow
    takes no right to read templates.
    """
    specs: dict[Reference, Json | None] = dict(known or {})
    unread: list[str] = []
    waiting = [*references(spec), *(one for other in specs.values() for one in references(other or {}))]
    seen = {*specs}
    for kind, name in waiting:  # which grows
        if (kind, name) in seen:
            continue
        if len(seen) >= MAX_REFERENCES:
            unread.append(f"further templates: more than {MAX_REFERENCES}")
            break
        seen.add((kind, name))
        try:
            found = schema.without_unknown(*checked(kind, name, cluster().get_template(kind, namespace(), name)["spec"]))
            specs[kind, name] = found
            waiting += references(found)
        except NotFound:
            specs[kind, name] = None
        except Refused as refused:
            unread.append(f"{kind}/{name}: {refused.cause}")
    return ClusterTemplates(specs, tuple(unread))


def checked(kind: str, name: str, spec: Mapping[str, Any]) -> tuple[Json, str]:
    """Return a spec of the cluster with texts where Argo makes texts, and the line of Argo that can read it.

    Raises BadInput where none can.
    """
    converted: Json = schema.with_texts(spec)
    problems, line = schema.refusals(converted)
    if wrong := [problem for problem in problems if not problem.is_unknown]:
        raise BadInput(
            f"the {kind} '{name}' in the cluster cannot be run: {schema.text(converted, wrong[0])} (Argo {line})",
            f"{wrong[0].remedy}, and apply the {kind} again",
        )
    return converted, line
