"""Find `{{variables}}` in a workflow that Argo cannot resolve. Pure.

Argo checks variables that begin with `item.`, `steps.`, `inputs.`, `outputs.`, `pod.`, `workflow.` and `tasks.`; others, and
expressions (`{{=…}}`), are left to the run. Of a template of another object nothing is known, so that each of its outputs
counts as known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from mlops_actions.argo_submit.lint.references import ReferencedSpecs, reference_of
from mlops_actions.argo_submit.lint.template import LEAVES, types_of
from mlops_actions.argo_submit.schema import Path, Problem
from mlops_actions.core.suggest import did_you_mean
from mlops_actions.core.types import Json

_TAG = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_CHECKED = ("item.", "steps.", "inputs.", "outputs.", "pod.", "workflow.", "tasks.")
# What is always known, or known only while the workflow runs.
_OPEN = (
    "outputs.", "workflow.creationTimestamp", "workflow.scheduledTime", "workflow.duration", "tasks.name", "steps.name",
)  # fmt: skip
_WORKFLOW = (
    "name", "namespace", "mainEntrypoint", "serviceAccountName", "uid", "status",
    "annotations", "annotations.json", "labels", "labels.json",
)  # fmt: skip
_PARAMETER = "workflow.parameters."
_PODS = {"container", "containerSet", "script", "resource", "data"}
_WITH_RESULT = {"container", "script", "data", "http", "plugin"}
_NODE = ("id", "startedAt", "finishedAt", "hostNodeName")
# The fields of inputs that Argo checks: the call replaces the others, save where the workflow itself is the call.
_OF_INPUTS = {"parameters": ("default", "enum", "description"), "artifacts": ("path",)}
_OF_ENTRY: Mapping[str, tuple[str, ...]] = {"parameters": ("value", "valueFrom"), "artifacts": ()}  # (): all others
ANY = "*"  # at the end of a name: every name that begins so is known


def ancestors(task: str, dependencies: Mapping[str, Mapping[str, object]]) -> set[str]:
    """Return the tasks that have ended when this one starts."""
    found: set[str] = set()
    waiting = list(dependencies.get(task, ()))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += dependencies.get(name, ())
    return found - {task}


class Variables:
    """The variables that each template of a workflow may use."""

    def __init__(self, templates: Mapping[str, Json], of_workflow: AbstractSet[str]) -> None:
        """`of_workflow` holds the `workflow.…` variables."""
        self._templates = templates
        self._globals = of_workflow

    def problems(self, template: Json, path: Path, kind: str) -> Iterator[Problem]:
        """Yield the variables of a template, its steps or tasks, and its outputs, that nothing defines."""
        known = {*self._globals, *_own(template, kind)}
        if kind == "steps":
            yield from self._steps(template, (*path, "steps"), known)
        elif kind == "dag":
            yield from self._dag(template, (*path, "dag"), known)
        else:
            body = {key: value for key, value in template.items() if key not in ("inputs", "outputs")}
            yield from _unknown(body, path, known)
            yield from _in_inputs(template, path, known, _OF_INPUTS)
        yield from _unknown(template.get("outputs"), (*path, "outputs"), known)

    def of_entry(self, template: Json, arguments: Mapping[str, Any], path: Path) -> Iterator[Problem]:
        """Yield what nothing defines in the inputs of a template with which the workflow starts or ends.

        `arguments` are the workflow's. Where they give an input, they take the place of its value.
        """
        kind = next(iter(types_of(template)), "")
        if kind in ("steps", "dag"):
            return
        known = {*self._globals, *_own(template, kind)}
        given = {
            (key, entry.get("name")): (number, entry)
            for key in _OF_ENTRY
            for number, entry in enumerate(arguments.get(key) or [])
        }
        for key, _, entry in _inputs(template):
            if (key, entry.get("name")) in given:
                at, argument = given[key, entry.get("name")]
                yield from _unknown(argument.get("value"), ("arguments", key, at, "value"), known)
        yield from _in_inputs(template, path, known, _OF_ENTRY, {*given})

    def _steps(self, template: Json, path: Path, known: set[str]) -> Iterator[Problem]:
        for group, steps in enumerate(template["steps"] or []):
            for number, step in enumerate(steps or []):
                prefix = f"steps.{step.get('name')}"
                known.add(f"{prefix}.status")
                known |= _items(step)
                outputs = self._outputs(step, prefix)
                own = outputs if (step.get("hooks") or {}).get("exit") or step.get("onExit") else set()
                yield from _unknown(_without_inline(step), (*path, group, number), known, own)
                known |= outputs

    def _dag(self, template: Json, path: Path, known: set[str]) -> Iterator[Problem]:
        tasks = template["dag"].get("tasks") or []
        for task in tasks:
            known |= self._outputs(task, f"tasks.{task.get('name')}")
        yield from _unknown(template["dag"].get("target"), (*path, "target"), known)
        # Whether a task's status is known depends on the order of tasks, which its arguments are checked for.
        known = known | {f"tasks.{task.get('name')}.status" for task in tasks}
        for number, task in enumerate(tasks):
            yield from _unknown(_without_inline(task), (*path, "tasks", number), known, _items(task))

    def _outputs(self, call: Json, prefix: str) -> set[str]:
        """Return the variables that a step or task defines for those that follow."""
        known = {f"{prefix}.{name}" for name in _NODE}
        name = call.get("template") or ""
        template = call.get("inline") or self._templates.get(name)
        if template is None:
            return {f"{prefix}.{ANY}"}
        kind = next(iter(types_of(template)), "")
        outputs = template.get("outputs") or {}
        containers = (template.get("containerSet") or {}).get("containers") or []
        if kind in _WITH_RESULT or any(container.get("name") == "main" for container in containers):
            known |= {f"{prefix}.outputs.result", f"{prefix}.exitCode"}
        if template.get("daemon"):
            known.add(f"{prefix}.ip")
        for key in ("parameters", "artifacts"):
            known |= {f"{prefix}.outputs.{key}.{entry.get('name')}" for entry in outputs.get(key) or []}
        if call.get("withItems") or call.get("withParam"):
            known |= {f"{prefix}.outputs.parameters"}
            if kind in ("script", "containerSet"):
                known |= {f"{prefix}.outputs.result", f"{prefix}.exitCode"}
        return known


def of_workflow(workflow: Json) -> set[str]:
    """Return the `workflow.…` variables that a workflow's own templates may use."""
    metadata, spec = workflow["metadata"], workflow["spec"]
    extra = spec.get("workflowMetadata") or {}
    known = {f"workflow.{name}" for name in _WORKFLOW}
    for key in ("labels", "annotations"):
        known |= {f"workflow.{key}.{name}" for name in {**(metadata.get(key) or {}), **(extra.get(key) or {})}}
    known |= {f"workflow.labels.{name}" for name in extra.get("labelsFrom") or {}}
    parameters = (spec.get("arguments") or {}).get("parameters") or []
    known |= {f"workflow.parameters.{entry.get('name')}" for entry in parameters}
    if parameters:
        known |= {"workflow.parameters", "workflow.parameters.json"}
    if spec.get("priority") is not None:
        known.add("workflow.priority")
    if spec.get("onExit"):
        known.add("workflow.failures")
    for template in spec.get("templates") or []:
        for key in ("parameters", "artifacts"):
            for entry in (template.get("outputs") or {}).get(key) or []:
                if name := entry.get("globalName"):
                    known.add(f"workflow.outputs.{key}.{ANY if '{{' in name else name}")
        if _calls_elsewhere(template):
            known.add(f"workflow.outputs.{ANY}")
    return known


def of_workflow_elsewhere(workflow: Json, referenced: ReferencedSpecs) -> set[str]:
    """Return the `workflow.…` variables that templates of other objects may use when this workflow runs them.

    They are those of the calling workflow and of the object in its `workflowTemplateRef`. Where that object is not known,
    each variable counts as known. Outputs always do: any template can make them.
    """
    known = of_workflow(workflow) | {f"workflow.outputs.{ANY}"}
    whole = workflow["spec"].get("workflowTemplateRef")
    if not whole:
        return known
    reference = reference_of(whole)
    other = referenced.get(reference) if reference else None
    if other is None or other.get("workflowTemplateRef"):
        return {f"workflow.{ANY}"}
    return known | of_workflow({"metadata": {}, "spec": other})


def _calls_elsewhere(template: Json) -> bool:
    """Return whether a step or task runs a template that this workflow does not hold, with outputs that are not known."""
    calls = [step for group in template.get("steps") or [] for step in group or []]
    calls += (template.get("dag") or {}).get("tasks") or []
    return any(call.get("templateRef") or call.get("inline") for call in calls)


def _own(template: Json, kind: str) -> set[str]:
    inputs = template.get("inputs") or {}
    parameters = [entry.get("name") for entry in inputs.get("parameters") or []]
    artifacts = [entry.get("name") for entry in inputs.get("artifacts") or []]
    known = {f"inputs.parameters.{name}" for name in parameters} | {f"inputs.artifacts.{name}" for name in artifacts}
    if parameters:
        known.add("inputs.parameters")
    if kind in LEAVES:
        known |= {f"inputs.artifacts.{name}.path" for name in artifacts}
    if kind in _PODS:
        known.add("pod.name")
    return known


def _inputs(template: Json) -> Iterator[tuple[str, int, Json]]:
    for key in _OF_INPUTS:
        for number, entry in enumerate((template.get("inputs") or {}).get(key) or []):
            yield key, number, entry


def _in_inputs(
    template: Json,
    path: Path,
    known: set[str],
    fields: Mapping[str, tuple[str, ...]],
    given: AbstractSet[tuple[str, Any]] = frozenset(),
) -> Iterator[Problem]:
    """Yield what nothing defines in some fields of the inputs that are not given."""
    for key, number, entry in _inputs(template):
        if (key, entry.get("name")) not in given:
            for field in fields[key] or (field for field in entry if field != "path"):
                yield from _unknown(entry.get(field), (*path, "inputs", key, number, field), known)


def _items(call: Json) -> set[str]:
    known: set[str] = set()
    if call.get("withParam"):
        known.add(f"item.{ANY}")
    for item in call.get("withItems") or []:
        if isinstance(item, dict):
            known |= {f"item.{name}" for name in item}
        elif isinstance(item, list):
            known |= {f"item.[{number}]" for number in range(len(item))}
        elif isinstance(item, str) and item.strip()[:1] in ("{", "["):
            known.add(f"item.{ANY}")
    return known


def _without_inline(call: Json) -> Json:
    """Return the call without its own template, which is checked by itself, with its own inputs."""
    return {key: value for key, value in call.items() if key != "inline"}


def _unknown(value: Any, path: Path, known: set[str], more: AbstractSet[str] = frozenset()) -> Iterator[Problem]:
    """Yield the variables in any text below `value`, also in keys, that are in neither set."""
    prefixes: tuple[str, ...] | None = None
    for place, text in _texts(value, path):
        for match in _TAG.finditer(text):
            name = match[1].strip()
            if name.startswith("=") or not name.startswith(_CHECKED) or name.startswith(_OPEN):
                continue
            if name in known or name in more:
                continue
            if prefixes is None:
                prefixes = tuple(entry[:-1] for names in (known, more) for entry in names if entry.endswith(ANY))
            if name.startswith(prefixes):
                continue
            cause = f"uses a variable that nothing defines: '{{{{{name}}}}}'{did_you_mean(name, [*known, *more])}"
            remedy = (
                "give it in 'parameters', or correct its name"
                if name.startswith(_PARAMETER)
                else "define it, or correct its name"
            )
            yield Problem(place, cause, remedy)


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield (*path, key), key
            yield from _texts(item, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _texts(item, (*path, number))
