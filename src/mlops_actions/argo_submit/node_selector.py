"""Selectors of nodes, as `--node-field-selector` of Argo's CLI takes them. Pure.

See https://argo-workflows.readthedocs.io/en/latest/node-field-selector/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_FIELD = r"(?:displayName|id|name|phase|templateName|templateRef\.(?:name|template)|inputs\.parameters\.[\w-]+\.value)"
_TERM = rf"{_FIELD}(?:==?|!=)(?:\\.|[^,=\\])+"
_PARTS = re.compile(r"([\w.-]+)(==?|!=)((?:\\.|[^,=\\])+)")


def read(text: str) -> str:
    """Return a selector; raises ValueError. Argo lets one with an unknown field select nothing, and says nothing."""
    selector = text.strip()
    if re.fullmatch(rf"{_TERM}(,{_TERM})*", selector) is None:
        raise ValueError(
            "must be FIELD=VALUE or FIELD!=VALUE, joined by commas, with a field such as displayName or templateName"
        )
    return selector


def matches(selector: str, node: Mapping[str, Any]) -> bool:
    """Tell whether a selector that `read` accepts selects a node of a workflow's record."""
    fields = dict(_fields(node))
    return all(
        (fields.get(field, "") == re.sub(r"\\(.)", r"\1", text)) is (operator != "!=")
        for field, operator, text in _PARTS.findall(selector)
    )


def _fields(node: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the fields of a node, as `SelectorMatchesNode` of Argo's workflow/util/util.go names them."""
    reference = node.get("templateRef") or {}
    for name in ("displayName", "id", "name", "phase"):
        yield name, str(node.get(name) or "")
    yield "templateName", str((reference.get("template") if reference else node.get("templateName")) or "")
    for name in ("name", "template"):
        yield f"templateRef.{name}", str(reference.get(name) or "")
    for parameter in (node.get("inputs") or {}).get("parameters") or ():
        yield f"inputs.parameters.{parameter.get('name')}.value", str(parameter.get("value") or "")
