"""Find lifecycle hooks whose template is missing. Pure.

Argo's own linter does not check the templates of hooks: a missing one is noticed only when the hook runs. So it is a
warning, and no refusal.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlops_actions.argo_submit.schema import Path, Problem
from mlops_actions.core.suggest import did_you_mean
from mlops_actions.core.types import Json

_REMEDY = "correct the name"


def missing_templates(spec: Json) -> Iterator[Problem]:
    """Yield the hooks of a workflow, its steps and its tasks that name a template which the workflow does not hold."""
    if spec.get("workflowTemplateRef"):
        return
    names = [template.get("name") for template in spec.get("templates") or []]
    for path, hook in _hooks(spec, ()):
        name = hook.get("template") or ""
        if name and "{{" not in name and name not in names:
            cause = f"names no template: '{name}'{did_you_mean(name, names)}; Argo notices it only when the hook runs"
            yield Problem((*path, "template"), cause, _REMEDY)


def _hooks(value: Any, path: Path) -> Iterator[tuple[Path, Json]]:
    """Yield the hooks below a value with their places: those of the workflow, of steps and of tasks."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "hooks" and isinstance(item, dict):
                yield from (((*path, key, name), hook) for name, hook in item.items() if isinstance(hook, dict))
            elif key in ("templates", "steps", "dag", "tasks", "inline"):
                yield from _hooks(item, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _hooks(item, (*path, number))
