"""Run steps templates: the groups one after another, the steps of a group at the same time."""

from __future__ import annotations

import functools

from mlops_actions.core.types import Json
from mlops_sandbox.cluster.engine.calls import CallScope, NodeResult, TaskRunner, Variables, in_parallel
from mlops_sandbox.cluster.engine.loops import run_task
from mlops_sandbox.cluster.engine.nodes import UNSUCCESSFUL


def run_steps(runner: TaskRunner, scope: CallScope, template: Json, node_name: str) -> tuple[str, str, Variables]:
    """Run the groups in order; returns the phase, a message, and the variables that hold the steps' outputs."""
    variables = scope.variables
    parents = [scope.boundary]
    for number, group in enumerate(template["steps"]):
        if scope.stopper.reason is not None:
            return "Failed", scope.stopper.reason, variables
        group_name = f"{node_name}[{number}]"
        steps: list[Json] = group if isinstance(group, list) else [group]
        group_id = runner.nodes.add(
            group_name,
            "StepGroup",
            parents=parents,
            displayName=f"[{number}]",
            boundaryID=scope.boundary,
            templateScope=scope.source.scope,
        )
        inner = CallScope(source=scope.source, variables=variables, stopper=scope.stopper, boundary=scope.boundary)
        results = in_parallel(
            functools.partial(run_task, runner, inner, step, f"{group_name}.{step['name']}", [group_id], grouped=False)
            for step in steps
        )
        for step, result in zip(steps, results, strict=True):
            variables = variables.with_result(f"steps.{step['name']}", result)
        failed = [result for step, result in zip(steps, results, strict=True) if not _is_accepted(step, result)]
        children = runner.nodes.field(group_id, "children") or []
        parents = [identity for child in children for identity in runner.nodes.outbound(child)] or [group_id]
        runner.nodes.update(scope.boundary, outboundNodes=parents)
        if failed:
            message = f"child '{failed[0].node_id}' failed"
            runner.nodes.update(group_id, phase=failed[0].phase, message=message)
            return failed[0].phase, message, variables
        runner.nodes.update(group_id, phase="Succeeded")
    return "Succeeded", "", variables


def _is_accepted(step: Json, result: NodeResult) -> bool:
    if result.phase not in UNSUCCESSFUL:
        return True
    allowed = step.get("continueOn") or {}
    return bool(allowed.get("failed" if result.phase == "Failed" else "error"))
