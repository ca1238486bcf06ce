"""Replace `{{tags}}` in a template, each once: a tag inside a value stays as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

TAG = re.compile(r"\{\{\s*(?P<tag>[^{}]*?)\s*\}\}")


class WorkflowSpecError(Exception):
    """The workflow's spec is invalid; the message goes to the node and to the workflow."""


def substitute(value: Any, values: Mapping[str, str]) -> Any:
    """Return `value` (text, or any JSON) with all tags replaced; raises WorkflowSpecError for an unknown tag."""
    if isinstance(value, str):
        return TAG.sub(lambda match: _resolve(match["tag"], values), value)
    if isinstance(value, dict):
        return {key: substitute(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [substitute(item, values) for item in value]
    return value


def as_text(value: object) -> str:
    """Return a parameter's value as Argo stores it: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def only_tag(value: str) -> str:
    """Return the tag that is all of `value`, as in `from: "{{tasks.a.outputs.artifacts.model}}"`."""
    match = TAG.fullmatch(value.strip())
    if match is None:
        raise WorkflowSpecError(f"{value!r} is not a single {{{{reference}}}}")
    return match["tag"]


def _resolve(tag: str, values: Mapping[str, str]) -> str:
    if tag.startswith("="):
        raise WorkflowSpecError(f"the sandbox does not evaluate expression tags: {{{{{tag}}}}}")
    if tag not in values:
        raise WorkflowSpecError(f"failed to resolve {{{{{tag}}}}}")
    return values[tag]
