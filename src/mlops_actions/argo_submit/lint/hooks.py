"""Find lifecycle hooks that Argo can start only to fail: their template is missing, or one of its inputs. Pure.

Argo's own linter checks neither: the workflow fails when the hook runs. So these are warnings, and no refusals.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlops_actions.argo_submit.lint.references import Reference, ReferencedSpecs, reference_of
from mlops_actions.argo_submit.lint.template import missing_inputs
from mlops_actions.argo_submit.schema import Path, Problem, text
from mlops_actions.core.suggest import did_you_mean
from mlops_actions.core.types import Json

_LATE = "; Argo notices it only when the hook runs"
_WHOLE: Path = ("workflowTemplateRef",)


def late_failures(spec: Json, referenced: ReferencedSpecs) -> Iterator[Problem]:
    """Yield the hooks of a workflow, its steps and its tasks that fail whenever they run.

    The spec must have passed the linter, and hold no nulls. `referenced` holds the templates of other objects as far as they
    are known. A hook in one of these stands where the workflow refers to it.
    """
    whole = spec.get("workflowTemplateRef")
    hooks = _Hooks(spec, referenced, reference_of(whole) if whole else None)
    if whole and hooks.workflow not in referenced:
        return
    yield from hooks.problems()


class _Hooks:
    def __init__(self, spec: Json, referenced: ReferencedSpecs, workflow: Reference | None) -> None:
        """`workflow` is the object whose templates the workflow's own hooks name; None: the workflow's own."""
        self._spec = spec
        self._referenced = referenced
        self.workflow = workflow
        self._templates: dict[Reference | None, dict[str, Json]] = {}

    def problems(self) -> Iterator[Problem]:
        own = self._spec.get("hooks") or {}
        for path, hook in _named(own, ("hooks",)):
            yield from self._late(hook, path, self.workflow)
        for path, hook in _in_templates(self._spec.get("templates"), ("templates",)):
            yield from self._late(hook, path, None)
        for reference, found, place in self._elsewhere(own):
            spec = self._spec_of(reference)
            for path, hook in found:
                for problem in self._late(hook, path, reference, inside=reference):
                    cause = f"refers to the {reference[0]} '{reference[1]}', where {text(spec, problem)}"
                    yield Problem(place, cause, f"{problem.remedy}, and apply the {reference[0]} again")

    def _elsewhere(self, own: Mapping[str, Any]) -> Iterator[tuple[Reference, list[tuple[Path, Json]], Path]]:
        """Yield the hooks in other objects that the workflow reaches, and where it refers to these objects."""
        waiting: list[tuple[Reference | None, Json, Path]] = []
        if self.workflow:
            spec = self._spec_of(self.workflow)
            inherited = {name: hook for name, hook in (spec.get("hooks") or {}).items() if name not in own}
            yield self.workflow, list(_named(inherited, ("hooks",))), _WHOLE
            waiting += [(self.workflow, {"template": name}, _WHOLE) for name in self._named(self.workflow)]
        waiting += [(self.workflow, hook, path) for path, hook in _named(own, ("hooks",))]
        waiting += [(None, call, path) for path, call in _calls(self._spec.get("templates"), ("templates",))]
        seen = set()
        for holder, call, place in waiting:  # which grows
            reference, name = self._target(call, holder)
            if reference is None or (reference, name) in seen or name not in self._named(reference):
                continue
            seen.add((reference, name))
            number = [template.get("name") for template in self._spec_of(reference)["templates"]].index(name)
            templates: list[Json] = [{}] * number + [self._named(reference)[name]]
            yield reference, list(_in_templates(templates, ("templates",))), place
            waiting += [(reference, inner, place) for _, inner in _calls(templates, ("templates",))]

    def _late(self, hook: Json, path: Path, holder: Reference | None, inside: Reference | None = None) -> Iterator[Problem]:
        """Check a hook in the object `inside` (None: the workflow) that names templates of `holder`."""
        reference, name = self._target(hook, holder)
        if "{{" in name or (reference and reference not in self._referenced):
            return
        templates = self._named(reference)
        of = f" of the {reference[0]} '{reference[1]}'" if reference and reference != inside else ""
        if name in templates:
            for problem in missing_inputs(templates[name], hook.get("arguments") or {}, path, "arguments"):
                yield Problem(problem.path, problem.cause + _LATE, problem.remedy)
            return
        if not name:
            yield Problem(path, f"names no template{_LATE}", "give 'template' or 'templateRef'")
            return
        if path[-2] == "hooks":
            path = (*path, "templateRef" if hook.get("templateRef") else "template")
        if reference and self._referenced[reference] is None:
            cause = f"refers to the {reference[0]} '{reference[1]}', which the cluster does not have"
            yield Problem(path, cause + _LATE, f"create the {reference[0]} first")
        elif not self._spec_of(reference).get("workflowTemplateRef"):
            cause = f"names no template{of}: '{name}'{did_you_mean(name, templates)}"
            yield Problem(path, cause + _LATE, "correct the name")

    def _target(self, call: Json, holder: Reference | None) -> tuple[Reference | None, str]:
        """Return the object (None: the workflow) and the name of the template that a step, task or hook runs."""
        other = call.get("templateRef")
        if not other:
            return holder, call.get("template") or ""
        return reference_of(other) or ("", ""), other.get("template") or ""

    def _spec_of(self, reference: Reference | None) -> Json:
        return self._spec if reference is None else self._referenced.get(reference) or {}

    def _named(self, reference: Reference | None) -> dict[str, Json]:
        if reference not in self._templates:
            templates = self._spec_of(reference).get("templates") or []
            self._templates[reference] = {one["name"]: one for one in templates if one.get("name")}
        return self._templates[reference]


def _named(hooks: Mapping[str, Any] | None, path: Path) -> Iterator[tuple[Path, Json]]:
    yield from (((*path, name), hook) for name, hook in (hooks or {}).items())


def _in_templates(templates: Any, path: Path) -> Iterator[tuple[Path, Json]]:
    """Yield the hooks of all steps and tasks with their places; the older field `onExit` is one too."""
    for place, call in _steps_and_tasks(templates, path):
        yield from _named(call.get("hooks"), (*place, "hooks"))
        if call.get("onExit"):
            yield (*place, "onExit"), {"template": call["onExit"], "arguments": call.get("arguments")}


def _calls(templates: Any, path: Path) -> Iterator[tuple[Path, Json]]:
    """Yield what runs a template: steps, tasks and their hooks."""
    yield from _steps_and_tasks(templates, path)
    yield from _in_templates(templates, path)


def _steps_and_tasks(templates: Any, path: Path) -> Iterator[tuple[Path, Json]]:
    for number, template in enumerate(templates or []):
        yield from _of_template(template, (*path, number))


def _of_template(template: Json, path: Path) -> Iterator[tuple[Path, Json]]:
    groups = enumerate(template.get("steps") or [])
    found = [((*path, "steps", group, number), step) for group, steps in groups for number, step in enumerate(steps or [])]
    tasks = (template.get("dag") or {}).get("tasks") or []
    found += [((*path, "dag", "tasks", number), task) for number, task in enumerate(tasks)]
    for place, call in found:
        yield place, call
        if call.get("inline"):
            yield from _of_template(call["inline"], (*place, "inline"))
