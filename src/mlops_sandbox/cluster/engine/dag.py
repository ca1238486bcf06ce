"""DAG templates: tasks that start as soon as what they depend on allows it."""

from __future__ import annotations

import re
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from mlops_actions.core.types import Json
from mlops_sandbox.cluster.engine import expressions
from mlops_sandbox.cluster.engine.calls import CallScope, NodeResult, Runner, Variables, by_name
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
CHILD_OF_LOOP = re.compile(r"\.(AnySucceeded|AllFailed)$")


class Dag:
    """One run of a DAG template's body."""

    def __init__(self, runner: Runner, frame: CallScope, template: Json, node_name: str) -> None:
        self._runner = runner
        self._frame = frame
        self._node_name = node_name
        self._root = frame.boundary
        body = template["dag"]
        self._fail_fast = body.get("failFast", True)
        self._tasks = by_name(body.get("tasks"), "task")
        self._expressions = {name: _expression(task) for name, task in self._tasks.items()}
        self._needs = {name: self._needed(name) for name in self._tasks}
        self._leaves = [name for name in self._tasks if not any(name in needs for needs in self._needs.values())]
        if target := body.get("target"):
            self._leaves = str(target).split()
        self._wanted = self._reachable(self._leaves)
        self._outcomes: dict[str, NodeResult] = {}

    def run(self) -> tuple[str, str, Variables]:
        """Run all tasks; returns the phase, a message, and the names that the tasks' outputs are known by."""
        running: dict[Future[NodeResult], str] = {}
        with ThreadPoolExecutor(max_workers=max(len(self._wanted), 1), thread_name_prefix="sandbox-task") as pool:
            while True:
                self._start_ready(pool, running)
                if not running:
                    break
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    self._outcomes[running.pop(future)] = future.result()
        ended = [one.node_id for name in self._leaves if (one := self._outcomes.get(name))]
        outbound = [identity for one in ended for identity in self._runner.nodes.outbound(one)]
        self._runner.nodes.update(self._root, outboundNodes=outbound)
        return self._phase(), self._frame.stopper.reason or "", self._names()

    def _start_ready(self, pool: ThreadPoolExecutor, running: dict[Future[NodeResult], str]) -> None:
        while True:
            started = set(running.values()) | set(self._outcomes)
            if self._frame.stopper.reason is not None or (self._fail_fast and self._has_failed()):
                return
            ready = [
                name
                for name in self._wanted
                if name not in started and all(need in self._outcomes for need in self._needs[name])
            ]
            if not ready:
                return
            for name in ready:
                parents = self._parents(name)
                if expressions.dependency(self._expressions[name], self._holds) if self._needs[name] else True:
                    inner = CallScope(self._frame.source, self._names(), self._frame.stopper, self._root)
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
                    self._outcomes[name] = self._omit(name, parents)

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
            templateScope=self._frame.source.scope,
        )
        return NodeResult(identity, "Omitted", message)

    def _parents(self, name: str) -> list[str]:
        if not self._needs[name]:
            return [self._root]
        before = [self._outcomes[need].node_id for need in self._needs[name]]
        return [identity for one in before for identity in self._runner.nodes.outbound(one)]

    def _names(self) -> Variables:
        names = self._frame.names
        for name, outcome in self._outcomes.items():
            names = names.with_outcome(f"tasks.{name}", outcome)
        return names

    def _holds(self, operand: str) -> bool:
        task, _, condition = operand.rpartition(".")
        if operand in self._tasks:
            outcome = self._outcomes[operand]
            return outcome.phase in PLAIN_OPERAND or self._excused(operand)
        return self._outcomes[task].phase in CONDITIONS[condition]

    def _excused(self, name: str) -> bool:
        allowed = self._tasks[name].get("continueOn") or {}
        phase = self._outcomes[name].phase
        return (phase == "Failed" and bool(allowed.get("failed"))) or (phase == "Error" and bool(allowed.get("error")))

    def _effective(self, name: str) -> str | None:
        """Return the phase that a task stands for: one that was omitted inherits; None while that is open."""
        outcome = self._outcomes.get(name)
        if outcome is None:
            return None
        if outcome.phase == "Omitted":
            inherited = [self._effective(need) for need in self._needs[name]]
            return next((phase for phase in inherited if phase in ("Error", "Failed")), "Succeeded")
        return "Succeeded" if self._excused(name) else outcome.phase

    def _has_failed(self) -> bool:
        return any(self._effective(name) in ("Failed", "Error") for name in self._leaves)

    def _phase(self) -> str:
        for name in self._leaves:
            if (phase := self._effective(name)) in ("Failed", "Error"):
                return str(phase)
        stopped = self._frame.stopper.reason is not None and len(self._outcomes) < len(self._wanted)
        return "Failed" if stopped else "Succeeded"

    def _needed(self, name: str) -> list[str]:
        needs: list[str] = []
        for operand in expressions.operands(self._expressions[name]):
            task, _, condition = operand.rpartition(".")
            if operand in self._tasks:
                needs.append(operand)
            elif CHILD_OF_LOOP.search(operand):
                raise WorkflowSpecError(f"the sandbox does not know the condition {operand!r}")
            elif task in self._tasks and condition in CONDITIONS:
                needs.append(task)
            else:
                raise WorkflowSpecError(f"task {name!r} depends on {operand!r}, which is not a task")
        return list(dict.fromkeys(needs))

    def _reachable(self, targets: list[str]) -> list[str]:
        found: set[str] = set()
        waiting = list(targets)
        while waiting:
            name = waiting.pop()
            if name not in self._tasks:
                raise WorkflowSpecError(f"the target {name!r} is not a task")
            if name not in found:
                found.add(name)
                waiting += self._needs[name]
        if not found and self._tasks:
            raise WorkflowSpecError("the tasks depend on each other in a circle")
        self._refuse_circles(found)
        return [name for name in self._tasks if name in found]

    def _refuse_circles(self, names: set[str]) -> None:
        left = set(names)
        while left:
            free = {name for name in left if not left & set(self._needs[name])}
            if not free:
                raise WorkflowSpecError(f"the tasks {', '.join(sorted(left))} depend on each other in a circle")
            left -= free


def _expression(task: Json) -> str:
    if task.get("depends") and task.get("dependencies"):
        raise WorkflowSpecError(f"task {task['name']!r} has both depends and dependencies")
    return str(task.get("depends") or " && ".join(task.get("dependencies") or []))
