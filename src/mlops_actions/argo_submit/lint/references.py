"""Templates of other objects that a workflow refers to. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from mlops_actions.core.types import Json

# The kind, as the input `from` names it, and the name of an object that holds templates.
Reference: TypeAlias = tuple[str, str]
# The spec of each object that was read; None where the cluster does not have the object.
ReferencedSpecs: TypeAlias = Mapping[Reference, Json | None]


def reference_of(entry: Mapping[str, Any]) -> Reference | None:
    """Return what a `workflowTemplateRef` or `templateRef` refers to; None where only the running workflow knows it."""
    name = entry.get("name")
    if not isinstance(name, str) or not name or "{{" in name:
        return None
    return "clusterworkflowtemplate" if entry.get("clusterScope") else "workflowtemplate", name


def references(spec: Mapping[str, Any]) -> list[Reference]:
    """Return everything that a workflow's spec refers to, each once, in the order of the document."""
    found = [entry for key, entry in _mappings(spec) if key in ("workflowTemplateRef", "templateRef")]
    return list(dict.fromkeys(reference for entry in found if (reference := reference_of(entry))))


def _mappings(value: Any) -> Iterator[tuple[str, Json]]:
    """Yield each mapping below a value with its key."""
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, dict):
                yield key, item
            yield from _mappings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _mappings(item)
