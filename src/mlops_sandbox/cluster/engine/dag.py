"""Run DAG templates: each task starts as soon as its dependencies allow it."""

from __future__ import annotations

import re
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from mlops_actions.core.types import Json
from mlops_sandbox.cluster.engine import expressions
from mlops_sandbox.cluster.engine.calls import CallScope, NodeResult, TaskRunner, Variables, by_name
from mlops_sandbox.cluster.engine.loops import run_task
from mlops_sandbox.cluster.engine.substitution import WorkflowSpecError

CONDITIONS = {
    "Succeeded": {"Succeeded"},
    "Failed": {"Failed"},
    "Errored": {"Error"},
    "Skipped": {"Skipped"},
    "Omitted": {"Omitted"},
    "Daemoned": set[str](),
}
PLAIN_OPERAND = {"Succeeded", "Skipped"}
LOOP_CONDITION = re.compile(r"\.(AnySucceeded|AllFailed)$")


class Dag:
    """One run of the body of a DAG template."""

    def __init__(self, runner: TaskRunner, scope: CallScope, template: Json, node_name: str) -> None:
        self._runner = runner
        self._scope = scope
        self._node_name = node_name
        self._root = scope.boundary
        body = template["dag"]
        self._fail_fast = body.get("failFast", True)
        self._tasks = by_name(body.get("tasks"), "task")
        self._expressions = {name: _expression(task) for name, task in self._tasks.items()}
        self._needs = {name: self._dependencies(name) for name in self._tasks}
        self._leaves = [name for name in self._tasks if not any(name in needs for needs in self._needs.values())]
        if target := body.get("target"):
            self._leaves = str(target).split()
        self._selected = self._reachable(self._leaves)
        self._results: dict[str, NodeResult] = {}

    def run(self) -> tuple[str, str, Variables]:
        """Run all tasks; returns the phase, a message, and the variables that hold the tasks' outputs."""
        running: dict[Future[NodeResult], str] = {}
        with ThreadPoolExecutor(max_workers=max(len(self._selected), 1), thread_name_prefix="sandbox-task") as pool:
            while True:
                self._start_ready(pool, running)
                if not running:
                    break
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    self._results[running.pop(future)] = future.result()
        ended = [result.node_id for name in self._leaves if (result := self._results.get(name))]
        outbound = [identity for node in ended for identity in self._runner.nodes.outbound(node)]
        self._runner.nodes.update(self._root, outboundNodes=outbound)
        return self._phase(), self._scope.stopper.reason or "", self._variables()

    def _start_ready(self, pool: ThreadPoolExecutor, running: dict[Future[NodeResult], str]) -> None:
        while True:
            started = set(running.values()) | set(self._results)
            if self._scope.stopper.reason is not None or (self._fail_fast and self._has_failed()):
                return
            ready = [
                name
                for name in self._selected
                if name not in started and all(need in self._results for need in self._needs[name])
            ]
            if not ready:
                return
            for name in ready:
                parents = self._parents(name)
                if expressions.dependency(self._expressions[name], self._is_met) if self._needs[name] else True:
                    inner = CallScope(
                        source=self._scope.source,
                        variables=self._variables(),
                        stopper=self._scope.stopper,
                        boundary=self._root,
                    )
                    future = pool.submit(
                        run_task,
                        self._runner,
                        inner,
                        self._tasks[name],
                        f"{self._node_name}.{name}",
                        parents,
                        grouped=True,
                    )
                    running[future] = name
                else:
                    self._results[name] = self._omit(name, parents)

    def _omit(self, name: str, parents: list[str]) -> NodeResult:
        message = f"omitted: depends condition not met: {self._expressions[name]}"
        identity = self._runner.nodes.add(
            f"{self._node_name}.{name}",
            "Skipped",
            phase="Omitted",
            parents=parents,
            displayName=name,
            message=message,
            boundaryID=self._root,
            templateScope=self._scope.source.scope,
        )
        return NodeResult(identity, "Omitted", message)

    def _parents(self, name: str) -> list[str]:
        if not self._needs[name]:
            return [self._root]
        needed = [self._results[need].node_id for need in self._needs[name]]
        return [identity for node in needed for identity in self._runner.nodes.outbound(node)]

    def _variables(self) -> Variables:
        variables = self._scope.variables
        for name, result in self._results.items():
            variables = variables.with_result(f"tasks.{name}", result)
        return variables

    def _is_met(self, operand: str) -> bool:
        task, _, condition = operand.rpartition(".")
        if operand in self._tasks:
            result = self._results[operand]
            return result.phase in PLAIN_OPERAND or self._failure_allowed(operand)
        return self._results[task].phase in CONDITIONS[condition]

    def _failure_allowed(self, name: str) -> bool:
        allowed = self._tasks[name].get("continueOn") or {}
        phase = self._results[name].phase
        return (phase == "Failed" and bool(allowed.get("failed"))) or (phase == "Error" and bool(allowed.get("error")))

    def _effective_phase(self, name: str) -> str | None:
        """Return the phase that counts for a task: an omitted task inherits it; None while it is not known."""
        result = self._results.get(name)
        if result is None:
            return None
        if result.phase == "Omitted":
            inherited = [self._effective_phase(need) for need in self._needs[name]]
            return next((phase for phase in inherited if phase in ("Error", "Failed")), "Succeeded")
        return "Succeeded" if self._failure_allowed(name) else result.phase

    def _has_failed(self) -> bool:
        return any(self._effective_phase(name) in ("Failed", "Error") for name in self._leaves)

    def _phase(self) -> str:
        for name in self._leaves:
            if (phase := self._effective_phase(name)) in ("Failed", "Error"):
                return str(phase)
        stopped = self._scope.stopper.reason is not None and len(self._results) < len(self._selected)
        return "Failed" if stopped else "Succeeded"

    def _dependencies(self, name: str) -> list[str]:
        needs: list[str] = []
        for operand in expressions.operands(self._expressions[name]):
            task, _, condition = operand.rpartition(".")
            if operand in self._tasks:
                needs.append(operand)
            elif LOOP_CONDITION.search(operand):
                raise WorkflowSpecError(f"the sandbox does not support the condition {operand!r}")
            elif task in self._tasks and condition in CONDITIONS:
                needs.append(task)
            else:
                raise WorkflowSpecError(f"task {name!r} depends on {operand!r}, which is not a task")
        return list(dict.fromkeys(needs))

    def _reachable(self, targets: list[str]) -> list[str]:
        reachable: set[str] = set()
        pending = list(targets)
        while pending:
            name = pending.pop()
            if name not in self._tasks:
                raise WorkflowSpecError(f"the target {name!r} is not a task")
            if name not in reachable:
                reachable.add(name)
                pending += self._needs[name]
        if not reachable and self._tasks:
            raise WorkflowSpecError("the tasks depend on each other in a circle")
        self._refuse_cycles(reachable)
        return [name for name in self._tasks if name in reachable]

    def _refuse_cycles(self, names: set[str]) -> None:
        remaining = set(names)
        while remaining:
            free = {name for name in remaining if not remaining & set(self._needs[name])}
            if not free:
                raise WorkflowSpecError(f"the tasks {', '.join(sorted(remaining))} depend on each other in a circle")
            remaining -= free


def _expression(task: Json) -> str:
    if task.get("depends") and task.get("dependencies"):
        raise WorkflowSpecError(f"task {task['name']!r} has both depends and dependencies")
    return str(task.get("depends") or " && ".join(task.get("dependencies") or []))
