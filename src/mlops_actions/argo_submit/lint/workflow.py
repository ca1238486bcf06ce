"""Find in a workflow what its schema cannot say and Argo refuses when the workflow starts. Pure.

The rules are those of Argo's own linter, https://github.com/argoproj/argo-workflows/blob/main/workflow/validate/validate.go.
Where a rule depends on what is only known in the cluster, such as a template of another object, nothing is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from mlops_actions.argo_submit.lint.names import NAME, NAME_RULE, check_name, check_names, cycle
from mlops_actions.argo_submit.lint.references import Reference, ReferencedSpecs, reference_of
from mlops_actions.argo_submit.lint.template import TYPES, check_template, has_location, missing_inputs, types_of
from mlops_actions.argo_submit.lint.variables import Variables, ancestors, of_workflow, of_workflow_elsewhere
from mlops_actions.argo_submit.schema import Path, Problem, text
from mlops_actions.core.suggest import did_you_mean
from mlops_actions.core.types import Json

MAX_PROBLEMS = 50
_TAG = re.compile(r"\{\{[-a-zA-Z0-9]+(\.[-a-zA-Z0-9_]+)*\}\}")
_RESULT = re.compile(r"([a-zA-Z0-9][-a-zA-Z0-9]*?)\.([A-Z][a-zA-Z]+)|([a-zA-Z0-9][-a-zA-Z0-9]*)")
_RESULTS = ("Succeeded", "Failed", "Errored", "Skipped", "Omitted", "Daemoned", "AnySucceeded", "AllFailed")
_OF_ITEMS = ("AnySucceeded", "AllFailed")
_POD_GC = ("OnPodCompletion", "OnPodSuccess", "OnWorkflowCompletion", "OnWorkflowSuccess")
_SOURCES = ("withItems", "withParam", "withSequence")


def problems(workflow: Json, referenced: ReferencedSpecs | None = None) -> list[Problem]:
    """Return the first problems that Argo would refuse, at most MAX_PROBLEMS; the spec must have passed the schema.

    `referenced` holds the templates of other objects as far as they are known.
    """
    spec = without_nulls(workflow["spec"])
    linter = _Linter({**workflow, "spec": spec}, referenced or {})
    found = linter.reference_problems() if spec.get("workflowTemplateRef") else linter.problems()
    # Each problem costs a search for a similar name, and a hostile manifest can hold any number of them.
    return list(islice(found, MAX_PROBLEMS))


def without_nulls(value: Any) -> Any:
    """Return the value without fields that are null, which Go leaves as they are."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


class _Linter:
    def __init__(self, workflow: Json, referenced: ReferencedSpecs) -> None:
        self._spec = workflow["spec"]
        self._referenced = {reference: without_nulls(other) for reference, other in referenced.items()}
        self._templates: dict[str, Json] = {
            template["name"]: template for template in self._spec.get("templates") or [] if template.get("name")
        }
        self._variables = Variables(self._templates, of_workflow(workflow))
        self._known_elsewhere = of_workflow_elsewhere(workflow, self._referenced)
        self._others: dict[Reference, _OtherLinter] = {}

    def _other(self, reference: Reference) -> _OtherLinter:
        """Return the linter of another object that is known and exists."""
        if reference not in self._others:
            spec = self._referenced[reference] or {}
            defaults = {**(self._spec.get("templateDefaults") or {}), **(spec.get("templateDefaults") or {})}
            workflow = {"metadata": {}, "spec": {**spec, "templateDefaults": defaults}}
            self._others[reference] = _OtherLinter(workflow, self._referenced, self._known_elsewhere, self._others)
        return self._others[reference]

    def problems(self) -> Iterator[Problem]:
        yield from _arguments(self._spec.get("arguments"), ("arguments",), needs_values=False)
        yield from _hooks(self._spec, ())
        yield from _pod_gc(self._spec)
        yield from self._entries()
        names: set[str] = set()
        for number, template in enumerate(self._spec.get("templates") or []):
            path: Path = ("templates", number)
            if template.get("name") in names:
                yield Problem((*path, "name"), f"is given twice: '{template['name']}'", "rename one of them")
            names.add(template.get("name") or "")
            if not NAME.fullmatch(template.get("name") or ""):
                yield Problem((*path, "name"), f"is not a name for Argo: {template.get('name')!r}", NAME_RULE)
            yield from self._template(template, path)

    def reference_problems(self) -> Iterator[Problem]:
        """Check a workflow that runs the templates of another object."""
        place: Path = ("workflowTemplateRef",)
        yield from _arguments(self._spec.get("arguments"), ("arguments",), needs_values=False)
        yield from _hooks(self._spec, ())
        yield from _pod_gc(self._spec)
        if self._spec.get("templates"):
            cause = "stands beside 'workflowTemplateRef', and Argo takes only one of them"
            yield Problem(("templates",), cause, "call the other object's templates by 'templateRef'")
        reference = reference_of(self._spec["workflowTemplateRef"])
        if reference is None:
            yield Problem((*place, "name"), "is no name: Argo puts no values in here", "name the object")
        if reference is None or reference not in self._referenced:
            return
        other = self._referenced[reference]
        if other is None:
            yield _missing_object(reference, place)
            return
        entry = self._spec.get("entrypoint") or other.get("entrypoint")
        if not entry:
            yield Problem(
                place, f"refers to the {reference[0]} '{reference[1]}', which names no entrypoint", "give 'entrypoint'"
            )
        own = self._spec.get("arguments") or {}
        merged = {
            key: [*(own.get(key) or []), *((other.get("arguments") or {}).get(key) or [])]
            for key in ("parameters", "artifacts")
        }
        on_exit = self._spec.get("onExit") or other.get("onExit")
        # An exit handler is given the workflow's own arguments alone.
        for key, name, arguments in (("entrypoint", entry, merged), ("onExit", on_exit, own)):
            if name:
                yield from self._referenced_template(reference, name, arguments, (key,) if self._spec.get(key) else place)
        for name in [template.get("name") or "" for template in other.get("templates") or []]:
            yield from self._within(reference, name, place)

    def _within(self, reference: Reference, name: str, path: Path) -> Iterator[Problem]:
        """Check a template of another object, and all that it runs; the problems stand where this workflow refers to it."""
        for spec, problem in self._other(reference).reached(name):
            cause = f"refers to the {reference[0]} '{reference[1]}', which Argo refuses: {text(spec, problem)}"
            yield Problem(path, cause, f"{problem.remedy}, and apply the {reference[0]} again")

    def _referenced_template(
        self, reference: Reference, name: str, arguments: Mapping[str, Any], path: Path
    ) -> Iterator[Problem]:
        """Check that another object, as far as it is known, has a template, and that its inputs are given."""
        if reference not in self._referenced or "{{" in name:
            return
        other = self._referenced[reference]
        if other is None:
            yield _missing_object(reference, path)
            return
        templates = {one["name"]: one for one in other.get("templates") or [] if one.get("name")}
        if name in templates:
            yield from missing_inputs(templates[name], arguments, path, "arguments")
            yield from self._within(reference, name, path)
        elif not other.get("workflowTemplateRef"):
            cause = f"names no template of the {reference[0]} '{reference[1]}': '{name}'{did_you_mean(name, templates)}"
            yield Problem(path, cause, "correct the name")

    def _entries(self) -> Iterator[Problem]:
        """Check that the workflow's arguments supply the inputs of the first template and of the exit handler."""
        arguments = self._spec.get("arguments") or {}
        if not self._spec.get("entrypoint"):
            yield Problem((), "has no entrypoint", "name the template to start with in 'entrypoint'")
        for key in ("entrypoint", "onExit"):
            name = self._spec.get(key) or ""
            if name in self._templates:
                template = self._templates[name]
                yield from missing_inputs(template, arguments, (key,), "arguments")
                number = next(n for n, one in enumerate(self._spec["templates"]) if one is template)
                yield from self._variables.of_entry(template, arguments, ("templates", number))
            elif name:
                yield Problem(
                    (key,), f"names no template: '{name}'{did_you_mean(name, self._templates)}", "correct the name"
                )

    def _template(self, template: Json, path: Path) -> Iterator[Problem]:
        types = types_of(template)
        if len(types) != 1:
            found = "has no type" if not types else f"has several types: {', '.join(types)}"
            yield Problem(path, found, f"give exactly one of {', '.join(TYPES)}")
            return
        [kind] = types
        yield from check_template(template, path, kind, self._spec.get("templateDefaults") or {})
        if kind == "steps":
            yield from self._steps(template, (*path, "steps"))
        elif kind == "dag":
            yield from self._dag(template, (*path, "dag"))
        yield from self._variables.problems(template, path, kind)

    def _steps(self, template: Json, path: Path) -> Iterator[Problem]:
        names: set[str] = set()
        for group, steps in enumerate(template["steps"] or []):
            for number, step in enumerate(steps or []):
                place = (*path, group, number)
                yield from check_name(step, place, "step", names)
                yield from self._call(step, place)

    def _dag(self, template: Json, path: Path) -> Iterator[Problem]:
        tasks = template["dag"].get("tasks") or []
        if not tasks:
            yield Problem(path, "has no tasks", "give at least one task")
            return
        names: set[str] = set()
        for number, task in enumerate(tasks):
            yield from check_name(task, (*path, "tasks", number), "task", names)
        by_name = {task["name"]: task for task in tasks if task.get("name")}
        dependencies = {name: dependencies_of(task) for name, task in by_name.items()}
        uses_depends = any(task.get("depends") for task in tasks)
        for number, task in enumerate(tasks):
            place = (*path, "tasks", number)
            yield from self._call(task, place)
            yield from _dependencies(task, place, by_name, uses_depends=uses_depends)
            yield from _unordered_arguments(task, place, dependencies)
        if circle := cycle(dependencies):
            cause = f"has tasks that wait for each other: {' → '.join(circle)}"
            yield Problem((*path, "tasks"), cause, "remove one dependency")
        for target in str(template["dag"].get("target") or "").split(" "):
            if target and not _TAG.search(target) and target not in by_name:
                yield Problem((*path, "target"), f"names no task: '{target}'{did_you_mean(target, by_name)}", "name a task")

    def _call(self, call: Json, path: Path) -> Iterator[Problem]:
        """Check a step or task: what it runs, its arguments, items and hooks."""
        yield from _arguments(call.get("arguments"), (*path, "arguments"), needs_values=True)
        yield from _hooks(call, path)
        given = [key for key in _SOURCES if call.get(key)]
        if len(given) > 1:
            yield Problem(path, f"has {' and '.join(given)}", "give one of them")
        sequence = call.get("withSequence") or {}
        if sequence.get("count") is not None and sequence.get("end") is not None:
            yield Problem((*path, "withSequence"), "has both 'count' and 'end'", "give one of them")
        name, reference, inline = call.get("template") or "", call.get("templateRef"), call.get("inline")
        if reference is not None:
            if name:
                yield Problem((*path, "template"), "stands beside 'templateRef'", "give one of them")
            for key in ("name", "template"):
                if not reference.get(key):
                    yield Problem((*path, "templateRef"), f"has no '{key}'", f"give '{key}'")
            if (other := reference_of(reference)) and reference.get("template"):
                arguments = call.get("arguments") or {}
                yield from self._referenced_template(other, reference["template"], arguments, (*path, "templateRef"))
        elif inline is not None:
            yield from self._template({"name": "inline", **inline}, (*path, "inline"))
        elif not name:
            yield Problem(path, "names no template", "give 'template', 'templateRef' or 'inline'")
        elif "{{" not in name:
            target = self._templates.get(name)
            if target is None:
                near = did_you_mean(name, self._templates)
                yield Problem((*path, "template"), f"names no template: '{name}'{near}", "correct the name")
            else:
                yield from missing_inputs(target, call.get("arguments") or {}, path, "arguments")
                yield from self._runs(name)

    def _runs(self, name: str) -> Iterator[Problem]:  # noqa: ARG002
        """Check a template that a step or task runs; a workflow's own templates are all checked anyway."""
        return iter(())


class _OtherLinter(_Linter):
    """Checks the templates of another object that a workflow reaches, each once.

    The calling workflow decides which `workflow.…` variables there are: those in `known`.
    """

    def __init__(
        self, workflow: Json, referenced: ReferencedSpecs, known: set[str], others: dict[Reference, _OtherLinter]
    ) -> None:
        super().__init__(workflow, referenced)
        self._variables = Variables(self._templates, known)
        self._known_elsewhere = known
        self._others = others
        self._seen: set[str] = set()

    def reached(self, name: str) -> Iterator[tuple[Json, Problem]]:
        """Yield the problems of a template and of what it runs, with the spec that they stand in."""
        yield from ((self._spec, problem) for problem in self._runs(name))

    def _runs(self, name: str) -> Iterator[Problem]:
        if name in self._seen:
            return
        self._seen.add(name)
        for number, template in enumerate(self._spec.get("templates") or []):
            if template.get("name") == name:
                yield from self._template(template, ("templates", number))


def _missing_object(reference: Reference, path: Path) -> Problem:
    kind, name = reference
    return Problem(path, f"refers to the {kind} '{name}', which the cluster does not have", f"create the {kind} first")


def dependencies_of(task: Mapping[str, Any]) -> dict[str, bool]:
    """Return the tasks that a task waits for, and whether it asks for results of items (`.AnySucceeded`)."""
    if not task.get("depends"):
        return dict.fromkeys(task.get("dependencies") or (), False)
    found: dict[str, bool] = {}
    for match in _RESULT.finditer(str(task["depends"])):
        name = match[1] or match[3]
        found[name] = found.get(name, False) or match[2] in _OF_ITEMS
    return found


def _arguments(arguments: Json | None, path: Path, *, needs_values: bool) -> Iterator[Problem]:
    arguments = arguments or {}
    for key in ("parameters", "artifacts"):
        yield from check_names(arguments.get(key), (*path, key))
    for number, parameter in enumerate(arguments.get("parameters") or []):
        place = (*path, "parameters", number)
        source = parameter.get("valueFrom")
        if needs_values and source is None and parameter.get("value") is None:
            yield Problem(place, f"gives parameter '{parameter.get('name')}' no value", "give 'value' or 'valueFrom'")
        if source is not None and (
            (not any(source.get(key) for key in ("configMapKeyRef", "event")) and source.get("supplied") is None)
            or any(source.get(key) for key in ("path", "jsonPath", "parameter", "expression"))
        ):
            cause = "needs configMapKeyRef, event or supplied, and no other source"
            yield Problem((*place, "valueFrom"), cause, "give one of them")
        choices = parameter.get("enum")
        if choices is not None and not choices:
            yield Problem((*place, "enum"), "is empty", "list the values, or remove 'enum'")
        elif needs_values and choices and parameter.get("value") not in choices:
            yield Problem((*place, "value"), f"must be one of {', '.join(map(str, choices))}", "give one of them")
    for number, artifact in enumerate(arguments.get("artifacts") or []):
        if not artifact.get("from") and not has_location(artifact):
            cause = "has neither 'from' nor a location nor a key"
            yield Problem((*path, "artifacts", number), cause, "say where it comes from")
        if artifact.get("from") and artifact.get("fromExpression"):
            yield Problem((*path, "artifacts", number), "has both 'from' and 'fromExpression'", "give one of them")


def _hooks(owner: Json, path: Path) -> Iterator[Problem]:
    for name, hook in (owner.get("hooks") or {}).items():
        if name != "exit" and not (hook or {}).get("expression"):
            yield Problem((*path, "hooks", name), "has no expression", "say in 'expression' when it runs")


def _pod_gc(spec: Json) -> Iterator[Problem]:
    strategy = (spec.get("podGC") or {}).get("strategy") or ""
    if strategy and strategy not in _POD_GC:
        yield Problem(("podGC", "strategy"), f"is not one of {', '.join(_POD_GC)}: '{strategy}'", "give one of them")


def _dependencies(task: Json, path: Path, tasks: Mapping[str, Json], *, uses_depends: bool) -> Iterator[Problem]:
    name = task.get("name") or ""
    if (uses_depends or task.get("dependencies")) and name[:1].isdigit():
        cause = f"begins with a digit, which Argo refuses beside dependencies: '{name}'"
        yield Problem((*path, "name"), cause, "rename the task")
    if uses_depends and task.get("dependencies"):
        yield Problem((*path, "dependencies"), "stands in a DAG with 'depends'", "use one of the two in all tasks")
    if uses_depends and task.get("continueOn") is not None:
        remedy = "write 'depends: task.Failed' in what follows"
        yield Problem((*path, "continueOn"), "stands in a DAG with 'depends'", remedy)
    key = "depends" if task.get("depends") else "dependencies"
    for match in _RESULT.finditer(str(task.get("depends") or "")):
        if match[2] and match[2] not in _RESULTS:
            cause = f"asks for an unknown result: '{match[0]}'"
            yield Problem((*path, key), cause, f"use one of {', '.join(_RESULTS)}")
    for dependency, of_items in dependencies_of(task).items():
        if dependency not in tasks:
            near = did_you_mean(dependency, tasks)
            yield Problem((*path, key), f"names no task: '{dependency}'{near}", "name a task of this DAG")
        elif of_items and not any(tasks[dependency].get(source) for source in _SOURCES):
            cause = f"asks for results of items, and task '{dependency}' has none"
            yield Problem((*path, key), cause, "use .Succeeded or .Failed")


def _unordered_arguments(task: Json, path: Path, dependencies: Mapping[str, Mapping[str, object]]) -> Iterator[Problem]:
    """Find values of tasks that this task does not wait for: it may start before they exist."""
    arguments = task.get("arguments") or {}
    before: set[str] | None = None
    for key, field in (("parameters", "value"), ("artifacts", "from")):
        for number, entry in enumerate(arguments.get(key) or []):
            text = str(entry.get(field) or "")
            if not text.startswith("{{tasks."):
                continue
            if before is None:
                before = ancestors(task.get("name") or "", dependencies)
            if (name := text.split(".")[1]) not in before:
                place = (*path, "arguments", key, number)
                cause = f"uses task '{name}', which this task does not wait for"
                yield Problem(place, cause, f"add '{name}' to 'dependencies'")
