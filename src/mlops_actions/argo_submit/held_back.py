"""Find the tasks and steps that `parallelism` keeps from starting. Pure.

Argo creates no node for them and writes no message: see checkParallelism in workflow/controller/operator.go, and
https://argo-workflows.readthedocs.io/en/latest/parallelism/. So a task counts as held back where a limit is reached, what it
depends on has succeeded, and it has no node.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mlops_actions.argo_submit.node_status import NodeStatus
from mlops_actions.core.argo import FAILED_PHASES

_ACTIVE = frozenset({"Pending", "Running"})
_COUNTED = frozenset({"Pod", "Steps", "DAG"})
# A `depends` that names tasks alone; of others only Argo knows whether they are fulfilled.
_PLAIN_DEPENDS = re.compile(r"\s*[\w-]+(\s*&&\s*[\w-]+)*\s*")


@dataclass(frozen=True)
class HeldBack:
    """What one limit keeps from starting, and since when."""

    limit: str
    names: tuple[str, ...]
    since: datetime | None


def held_back(nodes: Mapping[str, NodeStatus], templates: Iterable[Any], parallelism: object) -> tuple[HeldBack, ...]:
    """Return what is held back; `parallelism` is the workflow's, `templates` are all that are known."""
    known = {str(one.get("name")): one for one in templates if isinstance(one, dict)}
    if not any(_limit(one) for one in (parallelism, *(template.get("parallelism") for template in known.values()))):
        return ()
    members: dict[str, list[NodeStatus]] = defaultdict(list)
    for node in nodes.values():
        members[node.boundary].append(node)
    pods = sum(node.type == "Pod" and node.phase in _ACTIVE for node in nodes.values())
    found = []
    for node in nodes.values():
        template = known.get(node.template)
        if node.type not in ("DAG", "Steps") or node.phase != "Running" or template is None:
            continue
        own = members[node.id]
        limit = _reached(_limit(parallelism), pods, "the workflow") or _reached(
            _limit(template.get("parallelism")),
            sum(one.type in _COUNTED and one.phase in _ACTIVE for one in own),
            f"the template '{node.template}'",
        )
        has_failed = template.get("failFast") is not False and any(one.phase in FAILED_PHASES for one in own)
        if not limit or has_failed:
            continue
        waiting = list((_tasks if node.type == "DAG" else _steps)(node, template, {one.name: one for one in own}))
        times = [since for _, since in waiting if since is not None]
        if waiting:
            found.append(HeldBack(limit, tuple(name for name, _ in waiting), min(times, default=None)))
    return tuple(found)


def _reached(limit: int | None, active: int, subject: str) -> str:
    return f"{subject} runs at most {limit} at a time (parallelism)" if limit is not None and active >= limit else ""


def _limit(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


_Waiting = Iterator[tuple[str, datetime | None]]


def _tasks(dag: NodeStatus, template: Mapping[str, Any], members: Mapping[str, NodeStatus]) -> _Waiting:
    for task in _dicts(_mapping(template.get("dag")).get("tasks")):
        name = str(task.get("name"))
        node = members.get(f"{dag.name}.{name}")
        if node is not None:
            yield from _items(task, node.name, node.started, members)
            continue
        needed = _dependencies(task)
        before = None if needed is None else [members.get(f"{dag.name}.{one}") for one in needed]
        if before is not None and all(one is not None and one.phase == "Succeeded" for one in before):
            times = [one.finished for one in before if one is not None and one.finished is not None]
            yield name, max(times, default=dag.started)


def _steps(steps: NodeStatus, template: Mapping[str, Any], members: Mapping[str, NodeStatus]) -> _Waiting:
    for number, group in enumerate(_list(template.get("steps"))):
        node = members.get(f"{steps.name}[{number}]")
        if node is None or node.phase != "Running":
            continue
        for step in _dicts(group if isinstance(group, list) else [group]):
            name = f"{node.name}.{step.get('name')}"
            if _is_loop(step):
                yield from _items(step, name, node.started, members)
            elif name not in members:
                yield str(step.get("name")), node.started


def _items(task: Mapping[str, Any], name: str, since: datetime | None, members: Mapping[str, NodeStatus]) -> _Waiting:
    """Yield how many items of a loop have no node, where the manifest says how many there are."""
    items, sequence = task.get("withItems"), _mapping(task.get("withSequence"))
    count = len(items) if isinstance(items, list) else _number(sequence.get("count"))
    if count is None:
        return
    left = count - sum(one.startswith(f"{name}(") for one in members)
    if left > 0:
        yield f"{task.get('name')} ({left} of {count} items)", since


def _number(text: object) -> int | None:
    return int(str(text)) if re.fullmatch(r"\d{1,9}", str(text)) else None


def _is_loop(task: Mapping[str, Any]) -> bool:
    return any(task.get(field) for field in ("withItems", "withSequence", "withParam"))


def _dependencies(task: Mapping[str, Any]) -> Sequence[str] | None:
    """Return the tasks that have to succeed first; None where the condition says more than their names."""
    depends = task.get("depends")
    if not depends:
        return [str(one) for one in _list(task.get("dependencies"))]
    return [one.strip() for one in str(depends).split("&&")] if _PLAIN_DEPENDS.fullmatch(str(depends)) else None


def _dicts(value: object) -> list[Mapping[str, Any]]:
    return [one for one in _list(value) if isinstance(one, dict)]


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
