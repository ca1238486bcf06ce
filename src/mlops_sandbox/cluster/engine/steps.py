"""Steps templates: groups one after another, the steps of a group at the same time."""

from __future__ import annotations

import functools

from mlops_actions.core.types import Json
from mlops_sandbox.cluster.engine.calls import CallScope, NodeResult, Runner, Variables, in_parallel
from mlops_sandbox.cluster.engine.loops import run_task
from mlops_sandbox.cluster.engine.nodes import UNSUCCESSFUL


def run_steps(runner: Runner, frame: CallScope, template: Json, node_name: str) -> tuple[str, str, Variables]:
    """Run the groups in order; returns the phase, a message, and the names that the steps' outputs are known by."""
    names = frame.names
    parents = [frame.boundary]
    for number, group in enumerate(template["steps"]):
        if frame.stopper.reason is not None:
            return "Failed", frame.stopper.reason, names
        group_name = f"{node_name}[{number}]"
        steps: list[Json] = group if isinstance(group, list) else [group]
        group_id = runner.nodes.add(
            group_name,
            "StepGroup",
            parents=parents,
            displayName=f"[{number}]",
            boundaryID=frame.boundary,
            templateScope=frame.source.scope,
        )
        inner = CallScope(frame.source, names, frame.stopper, frame.boundary)
        outcomes = in_parallel(
            functools.partial(run_task, runner, inner, step, f"{group_name}.{step['name']}", [group_id], grouped=False)
            for step in steps
        )
        for step, outcome in zip(steps, outcomes, strict=True):
            names = names.with_outcome(f"steps.{step['name']}", outcome)
        failed = [one for step, one in zip(steps, outcomes, strict=True) if not _excused(step, one)]
        children = runner.nodes.field(group_id, "children") or []
        parents = [identity for child in children for identity in runner.nodes.outbound(child)] or [group_id]
        runner.nodes.update(frame.boundary, outboundNodes=parents)
        if failed:
            message = f"child '{failed[0].node_id}' failed"
            runner.nodes.update(group_id, phase=failed[0].phase, message=message)
            return failed[0].phase, message, names
        runner.nodes.update(group_id, phase="Succeeded")
    return "Succeeded", "", names


def _excused(step: Json, outcome: NodeResult) -> bool:
    if outcome.phase not in UNSUCCESSFUL:
        return True
    allowed = step.get("continueOn") or {}
    return bool(allowed.get("failed" if outcome.phase == "Failed" else "error"))
