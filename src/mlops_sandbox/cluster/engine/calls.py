"""What passes between the parts of the engine: calls of templates, the names visible to them, what came of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, TypeVar

from mlops_actions.core.types import Json
from mlops_sandbox.cluster.engine.executors import StopSignal
from mlops_sandbox.cluster.engine.nodes import NodeTree
from mlops_sandbox.cluster.engine.substitution import WorkflowSpecError

T = TypeVar("T")


@dataclass(frozen=True)
class Variables:
    """What tags stand for: texts, and artifacts (`inputs.artifacts.x` → a file or directory of this machine)."""

    texts: Mapping[str, str] = field(default_factory=dict)
    artifacts: Mapping[str, Path] = field(default_factory=dict)

    def with_texts(self, more: Mapping[str, str]) -> Variables:
        """Return these names and more texts, which win."""
        return replace(self, texts={**self.texts, **more})

    def with_outcome(self, prefix: str, outcome: NodeResult) -> Variables:
        """Return these names and what a task or step left: `prefix` is `tasks.NAME` or `steps.NAME`."""
        texts = {
            f"{prefix}.id": outcome.node_id,
            f"{prefix}.status": outcome.phase,
            f"{prefix}.startedAt": outcome.started_at,
            f"{prefix}.finishedAt": outcome.finished_at,
        }
        texts |= {f"{prefix}.outputs.parameters.{name}": text for name, text in outcome.parameters.items()}
        if outcome.collected is not None:
            texts[f"{prefix}.outputs.parameters"] = outcome.collected
        if outcome.result is not None:
            texts[f"{prefix}.outputs.result"] = outcome.result
        if outcome.exit_code is not None:
            texts[f"{prefix}.exitCode"] = outcome.exit_code
        artifacts = {f"{prefix}.outputs.artifacts.{name}": path for name, path in outcome.artifacts.items()}
        return Variables({**self.texts, **texts}, {**self.artifacts, **artifacts})


@dataclass(frozen=True)
class NodeResult:
    """How a node ended, and what it left."""

    node_id: str
    phase: str
    message: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    artifacts: Mapping[str, Path] = field(default_factory=dict)
    result: str | None = None
    exit_code: str | None = None
    collected: str | None = None  # of a loop: the parameters of all its items, as a JSON list
    started_at: str = ""
    finished_at: str = ""

    def json_outputs(self) -> Json:
        """Return the outputs as they stand in `status.nodes`."""
        outputs: Json = {}
        if self.parameters:
            outputs["parameters"] = [{"name": name, "value": text} for name, text in self.parameters.items()]
        if self.artifacts:
            outputs["artifacts"] = [{"name": name} for name in self.artifacts]
        if self.result is not None:
            outputs["result"] = self.result
        if self.exit_code is not None:
            outputs["exitCode"] = self.exit_code
        return outputs


@dataclass(frozen=True)
class Source:
    """Where template names are looked up: the workflow itself, or the template object that a templateRef leads to."""

    scope: str  # as Argo writes it: `local/NAME`, `namespaced/NAME`, `cluster/NAME`
    templates: Mapping[str, Json]


@dataclass(frozen=True)
class CallScope:
    """The surroundings of a template's body."""

    source: Source
    names: Variables
    stopper: StopSignal
    boundary: str = ""  # id of the DAG or Steps node that the nodes made here belong to


@dataclass(frozen=True)
class Call:
    """A template to run as a node: `user` is the task, step or entrypoint that names the template."""

    frame: CallScope
    user: Json
    node_name: str
    display_name: str
    parents: Sequence[str] = ()
    flag: Json | None = None


class Runner(Protocol):
    """What DAGs and steps need of the run that they are part of."""

    nodes: NodeTree

    def call(self, call: Call) -> NodeResult:
        """Run a template; problems of the workflow become an Error node, they do not raise."""


def in_parallel(jobs: Iterable[Callable[[], T]]) -> list[T]:
    """Run jobs at the same time and return what they returned, in order."""
    waiting = list(jobs)
    if not waiting:
        return []
    with ThreadPoolExecutor(max_workers=len(waiting), thread_name_prefix="sandbox-node") as pool:
        return [future.result() for future in [pool.submit(job) for job in waiting]]


def combined_result(node_id: str, outcomes: Sequence[NodeResult], *, started_at: str, finished_at: str) -> NodeResult:
    """Return the outcome of a loop: failed if one item failed; texts become JSON lists in the items' order."""
    bad = next((one for one in outcomes if one.phase in ("Failed", "Error")), None)
    done = [one for one in outcomes if one.phase == "Succeeded"]
    names = {name for one in done for name in one.parameters}
    return NodeResult(
        node_id=node_id,
        phase=bad.phase if bad else "Succeeded",
        message=f"child '{bad.node_id}' failed" if bad else "",
        parameters={name: json.dumps([one.parameters.get(name, "") for one in done]) for name in sorted(names)},
        result=json.dumps([one.result for one in done]) if any(one.result is not None for one in done) else None,
        collected=json.dumps([dict(one.parameters) for one in done]),
        started_at=started_at,
        finished_at=finished_at,
    )


def by_name(entries: object, what: str) -> dict[str, Json]:
    """Return a list of objects with names as a mapping; raises WorkflowSpecError for a name that comes twice."""
    found: dict[str, Json] = {}
    for entry in entries if isinstance(entries, list) else []:
        name = str(entry.get("name", ""))
        if not name or name in found:
            raise WorkflowSpecError(f"{what} {name!r} is nameless or not unique")
        found[name] = entry
    return found
