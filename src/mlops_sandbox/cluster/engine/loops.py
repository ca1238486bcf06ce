"""One task or step: left out by `when`, run once, or once for each item of a loop."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence

from mlops_actions.core.types import Json
from mlops_sandbox.cluster.engine import expressions
from mlops_sandbox.cluster.engine.calls import Call, CallScope, NodeResult, Runner, combined_result, in_parallel
from mlops_sandbox.cluster.engine.substitution import WorkflowSpecError, as_text, substitute
from mlops_sandbox.timestamps import timestamp


def run_task(
    runner: Runner, frame: CallScope, user: Json, node_name: str, parents: Sequence[str], *, grouped: bool
) -> NodeResult:
    """Run a DAG task or a step (`user`) and return its outcome, of all items combined_result where it is a loop.

    `grouped`: a loop gets a TaskGroup node of its own, as in a DAG; in steps its items hang from the StepGroup.
    """
    display = str(user["name"])
    try:
        items = _items(user, frame)
    except WorkflowSpecError as problem:
        return _leaf(runner, frame, user, node_name, parents, "Error", str(problem))
    if items is None:
        return _run_one(runner, frame, user, node_name, display, parents)
    if not items:
        return _leaf(runner, frame, user, node_name, parents, "Skipped", "Skipped, empty params")
    started = timestamp()
    if grouped:
        group = runner.nodes.add(
            node_name,
            "TaskGroup",
            parents=list(parents),
            displayName=display,
            boundaryID=frame.boundary,
            templateName=user.get("template"),
            templateScope=frame.source.scope,
        )
        parents = [group]
    jobs = []
    for number, item in enumerate(items):
        label = f"({number}:{_label(item)})"
        inner = CallScope(frame.source, frame.names.with_texts(_item_texts(item)), frame.stopper, frame.boundary)
        jobs.append(functools.partial(_run_one, runner, inner, user, node_name + label, display + label, parents))
    outcomes = in_parallel(jobs)
    whole = combined_result(outcomes[0].node_id, outcomes, started_at=started, finished_at=timestamp())
    if grouped:
        runner.nodes.update(group, phase=whole.phase, message=whole.message)
        return combined_result(group, outcomes, started_at=started, finished_at=timestamp())
    return whole


def _run_one(
    runner: Runner, frame: CallScope, user: Json, node_name: str, display: str, parents: Sequence[str]
) -> NodeResult:
    if user.get("when"):
        try:
            holds = expressions.condition(str(user["when"]), frame.names.texts)
        except WorkflowSpecError as problem:
            return _leaf(runner, frame, user, node_name, parents, "Error", str(problem), display)
        if not holds:
            message = f"when '{user['when']}' evaluated false"
            return _leaf(runner, frame, user, node_name, parents, "Skipped", message, display)
    return runner.call(Call(frame, user, node_name, display, parents))


def _leaf(
    runner: Runner,
    frame: CallScope,
    user: Json,
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
        displayName=display or user["name"],
        message=message,
        boundaryID=frame.boundary,
        templateName=user.get("template"),
        templateScope=frame.source.scope,
    )
    return NodeResult(identity, phase, message, started_at=timestamp(), finished_at=timestamp())


def _items(user: Json, frame: CallScope) -> list[object] | None:
    if "withItems" in user:
        items = substitute(user["withItems"], frame.names.texts)
    elif "withParam" in user:
        text = str(substitute(user["withParam"], frame.names.texts))
        try:
            items = json.loads(text)
        except ValueError:
            raise WorkflowSpecError(f"withParam value could not be parsed as a JSON list: {text}") from None
    elif "withSequence" in user:
        items = _sequence(substitute(user["withSequence"], frame.names.texts))
    else:
        return None
    if not isinstance(items, list):
        raise WorkflowSpecError(f"a loop needs a list, not {as_text(items)}")
    return items


def _sequence(wanted: Json) -> list[object]:
    try:
        start = int(wanted.get("start", 0))
        if "count" in wanted:
            numbers = range(start, start + int(wanted["count"]))
        else:
            end = int(wanted["end"])
            numbers = range(start, end + 1) if end >= start else range(start, end - 1, -1)
        layout = str(wanted.get("format", "%d"))
        return [layout % number for number in numbers]
    except (KeyError, TypeError, ValueError):
        raise WorkflowSpecError(f"withSequence cannot be counted: {as_text(wanted)}") from None


def _label(item: object) -> str:
    if isinstance(item, dict):
        return ",".join(f"{key}:{as_text(item[key])}" for key in sorted(item))
    return as_text(item)


def _item_texts(item: object) -> dict[str, str]:
    texts = {"item": as_text(item)}
    if isinstance(item, dict):
        texts |= {f"item.{key}": as_text(value) for key, value in item.items()}
    return texts
