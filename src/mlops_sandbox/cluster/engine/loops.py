"""Run one task or step: not at all by `when`, once, or once for each item of a loop."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence

from mlops_actions.core.types import Json
from mlops_sandbox.cluster.engine import expressions
from mlops_sandbox.cluster.engine.calls import Call, CallScope, NodeResult, TaskRunner, combined_result, in_parallel
from mlops_sandbox.cluster.engine.substitution import WorkflowSpecError, as_text, substitute
from mlops_sandbox.timestamps import timestamp


def run_task(
    runner: TaskRunner, scope: CallScope, task: Json, node_name: str, parents: Sequence[str], *, grouped: bool
) -> NodeResult:
    """Run a DAG task or a step and return its result, which combines those of all items of a loop.

    `grouped`: a loop gets a TaskGroup node of its own, as in a DAG; in steps its items are children of the StepGroup.
    """
    display = str(task["name"])
    try:
        items = _items(task, scope)
    except WorkflowSpecError as problem:
        return _leaf(runner, scope, task, node_name, parents, "Error", str(problem))
    if items is None:
        return _run_one(runner, scope, task, node_name, display, parents)
    if not items:
        return _leaf(runner, scope, task, node_name, parents, "Skipped", "Skipped, empty params")
    started = timestamp()
    if grouped:
        group = runner.nodes.add(
            node_name,
            "TaskGroup",
            parents=list(parents),
            displayName=display,
            boundaryID=scope.boundary,
            templateName=task.get("template"),
            templateScope=scope.source.scope,
        )
        parents = [group]
    jobs = []
    for number, item in enumerate(items):
        label = f"({number}:{_label(item)})"
        inner = CallScope(
            source=scope.source,
            variables=scope.variables.with_texts(_item_texts(item)),
            stopper=scope.stopper,
            boundary=scope.boundary,
        )
        jobs.append(functools.partial(_run_one, runner, inner, task, node_name + label, display + label, parents))
    results = in_parallel(jobs)
    combined = combined_result(results[0].node_id, results, started_at=started, finished_at=timestamp())
    if grouped:
        runner.nodes.update(group, phase=combined.phase, message=combined.message)
        return combined_result(group, results, started_at=started, finished_at=timestamp())
    return combined


def _run_one(
    runner: TaskRunner, scope: CallScope, task: Json, node_name: str, display: str, parents: Sequence[str]
) -> NodeResult:
    if task.get("when"):
        try:
            holds = expressions.condition(str(task["when"]), scope.variables.texts)
        except WorkflowSpecError as problem:
            return _leaf(runner, scope, task, node_name, parents, "Error", str(problem), display)
        if not holds:
            message = f"when '{task['when']}' evaluated false"
            return _leaf(runner, scope, task, node_name, parents, "Skipped", message, display)
    return runner.call(Call(scope=scope, task=task, node_name=node_name, display_name=display, parents=parents))


def _leaf(
    runner: TaskRunner,
    scope: CallScope,
    task: Json,
    node_name: str,
    parents: Sequence[str],
    phase: str,
    message: str,
    display: str = "",
) -> NodeResult:
    identity = runner.nodes.add(
        node_name,
        "Skipped",
        phase=phase,
        parents=list(parents),
        displayName=display or task["name"],
        message=message,
        boundaryID=scope.boundary,
        templateName=task.get("template"),
        templateScope=scope.source.scope,
    )
    return NodeResult(identity, phase, message, started_at=timestamp(), finished_at=timestamp())


def _items(task: Json, scope: CallScope) -> list[object] | None:
    if "withItems" in task:
        items = substitute(task["withItems"], scope.variables.texts)
    elif "withParam" in task:
        text = str(substitute(task["withParam"], scope.variables.texts))
        try:
            items = json.loads(text)
        except ValueError:
            raise WorkflowSpecError(f"withParam value could not be parsed as a JSON list: {text}") from None
    elif "withSequence" in task:
        items = _sequence(substitute(task["withSequence"], scope.variables.texts))
    else:
        return None
    if not isinstance(items, list):
        raise WorkflowSpecError(f"a loop needs a list, not {as_text(items)}")
    return items


def _sequence(spec: Json) -> list[object]:
    try:
        start = int(spec.get("start", 0))
        if "count" in spec:
            numbers = range(start, start + int(spec["count"]))
        else:
            end = int(spec["end"])
            numbers = range(start, end + 1) if end >= start else range(start, end - 1, -1)
        pattern = str(spec.get("format", "%d"))
        return [pattern % number for number in numbers]
    except (KeyError, TypeError, ValueError):
        raise WorkflowSpecError(f"withSequence cannot be counted: {as_text(spec)}") from None


def _label(item: object) -> str:
    if isinstance(item, dict):
        return ",".join(f"{key}:{as_text(item[key])}" for key in sorted(item))
    return as_text(item)


def _item_texts(item: object) -> dict[str, str]:
    texts = {"item": as_text(item)}
    if isinstance(item, dict):
        texts |= {f"item.{key}": as_text(value) for key, value in item.items()}
    return texts
