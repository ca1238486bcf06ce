"""Tell the nodes that made a workflow fail from failures that it tolerates or has repaired. Pure.

Argo's own rules (workflow/controller/dag.go and steps.go): a retry has the phase of its last attempt; a failed task whose
dependents ran all the same does not fail its DAG, and one whose dependents were omitted does; `continueOn` tolerates the
failure of a task or step; the exit handler's failure fails a workflow that had succeeded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mlops_actions.argo_submit.node_status import COMPOSITES, GROUPS, NodeStatus
from mlops_actions.core.argo import FAILED_PHASES

# (name of the template, name of its task or step) → the phases in which `continueOn` tolerates it
ContinueOn = Mapping[tuple[str, str], frozenset[str]]
_EXIT_CODE = re.compile(r"\(exit code (\d+)\)")
_IGNORED = frozenset({"Succeeded", "Skipped", "Omitted", "Pending"})


@dataclass(frozen=True)
class Failures:
    """The nodes that failed for good, the first to end first, and the ids of these and of all that they made fail."""

    nodes: tuple[NodeStatus, ...] = ()
    ids: frozenset[str] = frozenset()


def failures_of(nodes: Mapping[str, NodeStatus], continue_on: ContinueOn) -> Failures:
    """Return what failed for good so far; of a retry the last attempt, of a container set its pod."""
    tree = _Tree(nodes, continue_on)
    found = list(tree.failed(tree.roots))
    leaves = sorted((path[-1] for path in found), key=lambda node: (node.finished is None, str(node.finished), node.name))
    return Failures(tuple(leaves), frozenset(node.id for path in found for node in path))


def continue_on_of(templates: Iterable[Any]) -> dict[tuple[str, str], frozenset[str]]:
    """Return the tasks and steps with `continueOn` of a workflow's templates."""
    found: dict[tuple[str, str], frozenset[str]] = {}
    for template in templates:
        if not isinstance(template, dict):
            continue
        tasks = (template.get("dag") or {}).get("tasks") or []
        groups = template.get("steps") or []
        steps = [step for group in groups for step in (group if isinstance(group, list) else [group])]
        for task in (*tasks, *steps):
            tolerated = task.get("continueOn") if isinstance(task, dict) else None
            if tolerated:
                phases = {"Failed" if tolerated.get("failed") else "", "Error" if tolerated.get("error") else ""}
                found[str(template.get("name")), str(task.get("name"))] = frozenset(phases - {""})
    return found


Path = tuple[NodeStatus, ...]


class _Tree:
    """A workflow's nodes by what holds them: a DAG or steps its members, a retry its attempts."""

    def __init__(self, nodes: Mapping[str, NodeStatus], continue_on: ContinueOn) -> None:
        self._nodes = nodes
        self._continue_on = continue_on
        self._attempts = {
            node.id: [
                nodes[child] for child in node.children if child in nodes and nodes[child].name.startswith(f"{node.name}(")
            ]
            for node in nodes.values()
            if node.type == "Retry"
        }
        attempts = {attempt.id for found in self._attempts.values() for attempt in found}
        self._members: dict[str, list[NodeStatus]] = {}
        for node in nodes.values():
            if node.id not in attempts:
                self._members.setdefault(node.boundary if node.boundary in nodes else "", []).append(node)

    @property
    def roots(self) -> list[NodeStatus]:
        """The entrypoint's node, and those of exit handlers and hooks of the workflow."""
        return self._members.get("", [])

    def failed(self, members: list[NodeStatus], boundary: NodeStatus | None = None) -> Iterator[Path]:
        """Yield the paths to what failed among the members of one boundary; hooks count only where nothing else failed."""
        names = {member.name for member in members}
        hooks = {one.id for one in members if boundary is not None and _hook_owner(one.name) in names}
        found = [path for one in members if one.id not in hooks for path in self._fatal(one, boundary)]
        yield from found or [path for one in members if one.id in hooks for path in self._fatal(one, boundary)]

    def _fatal(self, node: NodeStatus, boundary: NodeStatus | None) -> Iterator[Path]:
        if node.phase in _IGNORED or (node.phase in FAILED_PHASES and self._is_tolerated(node, boundary)):
            return
        if node.type in GROUPS and any(child in self._nodes for child in node.children):
            return  # the members of the group are members of the same boundary
        below: list[Path] = []
        if node.type == "Retry":
            if node.phase in FAILED_PHASES:
                below = [path for last in self._attempts[node.id][-1:] for path in self._fatal(last, None)]
        elif node.type in COMPOSITES:
            below = list(self.failed(self._members.get(node.id, []), node))
        if below:
            yield from ((node, *path) for path in below)
        elif node.phase in FAILED_PHASES:
            yield (self._with_container(node),)

    def _with_container(self, node: NodeStatus) -> NodeStatus:
        """Return the pod of a container set with the container that failed first, and what Argo says of it."""
        failed = [one for one in self._members.get(node.id, []) if one.type == "Container" and one.phase in FAILED_PHASES]
        if not failed:
            return node
        first = min(failed, key=lambda one: (one.finished is None, str(one.finished), one.name))
        name, said = first.display_name, first.message.rstrip(": ")
        message = node.message or (said if said.startswith(f"{name}: ") else f"{name}: {said or first.phase}")
        exit_code = _EXIT_CODE.search(said)
        return replace(
            node,
            failed_container=name,
            message=message,
            exit_code=node.exit_code or first.exit_code or (exit_code[1] if exit_code else ""),
        )

    def _is_tolerated(self, node: NodeStatus, boundary: NodeStatus | None) -> bool:
        if boundary is None:
            return False
        tolerated = {node.phase} <= self._continue_on.get((boundary.template, node.loop_name), frozenset())
        return tolerated or self._is_continued(node)

    def _is_continued(self, node: NodeStatus) -> bool:
        """Tell whether what depends on the node ran all the same; Argo lists it at the last nodes inside of this one."""
        found = False
        waiting, seen = list(node.children), {node.id}
        while waiting:
            child = self._nodes.get(waiting.pop())
            if child is None or child.id in seen or child.name.startswith(f"{node.name}."):  # a hook of the node
                continue
            seen.add(child.id)
            if child.boundary != node.boundary or child.name.startswith(f"{node.name}("):
                waiting.extend(child.children)
            elif child.phase == "Omitted":
                return False
            else:
                found = True
        return found


def _hook_owner(name: str) -> str:
    """Return the name of the node that a hook or a task's exit handler belongs to."""
    return name.removesuffix(".onExit") if name.endswith(".onExit") else name.rpartition(".hooks.")[0]
