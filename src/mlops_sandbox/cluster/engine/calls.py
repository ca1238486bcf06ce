"""The data that the parts of the engine pass on: calls of templates, the variables they see, and their results."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, TypeVar

from mlops_actions.core.types import Json
from mlops_sandbox.cluster.engine.executor import StopSignal
from mlops_sandbox.cluster.engine.nodes import NodeTree
from mlops_sandbox.cluster.engine.substitution import WorkflowSpecError

T = TypeVar("T")


@dataclass(frozen=True)
class Variables:
    """The values of tags: texts, and artifacts (`inputs.artifacts.x` → a file or directory of this machine)."""

    texts: Mapping[str, str] = field(default_factory=dict)
    artifacts: Mapping[str, Path] = field(default_factory=dict)

    def with_texts(self, texts: Mapping[str, str]) -> Variables:
        """Return these variables with more texts, which override."""
        return replace(self, texts={**self.texts, **texts})

    def with_result(self, prefix: str, result: NodeResult) -> Variables:
        """Return these variables with the result of a task or step; `prefix` is `tasks.NAME` or `steps.NAME`."""
        texts = {
            f"{prefix}.id": result.node_id,
            f"{prefix}.status": result.phase,
            f"{prefix}.startedAt": result.started_at,
            f"{prefix}.finishedAt": result.finished_at,
        }
        texts |= {f"{prefix}.outputs.parameters.{name}": text for name, text in result.parameters.items()}
        if result.collected is not None:
            texts[f"{prefix}.outputs.parameters"] = result.collected
        if result.result is not None:
            texts[f"{prefix}.outputs.result"] = result.result
        if result.exit_code is not None:
            texts[f"{prefix}.exitCode"] = result.exit_code
        artifacts = {f"{prefix}.outputs.artifacts.{name}": path for name, path in result.artifacts.items()}
        return Variables({**self.texts, **texts}, {**self.artifacts, **artifacts})


@dataclass(frozen=True)
class NodeResult:
    """The phase in which a node ended, and its outputs."""

    node_id: str
    phase: str
    message: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    artifacts: Mapping[str, Path] = field(default_factory=dict)
    result: str | None = None
    exit_code: str | None = None
    collected: str | None = None  # the parameters of all items of a loop, as a JSON list
    started_at: str = ""
    finished_at: str = ""

    def json_outputs(self) -> Json:
        """Return the outputs in the form of `status.nodes`."""
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
    """The templates that names refer to: those of the workflow, or of the object that a templateRef names."""

    scope: str  # as Argo writes it: `local/NAME`, `namespaced/NAME`, `cluster/NAME`
    templates: Mapping[str, Json]


@dataclass(frozen=True)
class CallScope:
    """The templates, variables and stop signal that apply to the body of a template."""

    source: Source
    variables: Variables
    stopper: StopSignal
    boundary: str = ""  # id of the DAG or Steps node that contains the nodes of this body


@dataclass(frozen=True)
class Call:
    """A template to run as a node; `task` is the DAG task, step or entrypoint that names the template."""

    scope: CallScope
    task: Json
    node_name: str
    display_name: str
    parents: Sequence[str] = ()
    flag: Json | None = None


class TaskRunner(Protocol):
    """The part of a workflow run that DAGs and steps use."""

    nodes: NodeTree

    def call(self, call: Call) -> NodeResult:
        """Run a template; an error in the workflow becomes an Error node and is not raised."""


def in_parallel(jobs: Iterable[Callable[[], T]]) -> list[T]:
    """Run jobs at the same time and return their results in order."""
    pending = list(jobs)
    if not pending:
        return []
    with ThreadPoolExecutor(max_workers=len(pending), thread_name_prefix="sandbox-node") as pool:
        return [future.result() for future in [pool.submit(job) for job in pending]]


def combined_result(node_id: str, results: Sequence[NodeResult], *, started_at: str, finished_at: str) -> NodeResult:
    """Return the result of a loop: failed if one item failed; texts become JSON lists in the order of the items."""
    failed = next((result for result in results if result.phase in ("Failed", "Error")), None)
    succeeded = [result for result in results if result.phase == "Succeeded"]
    names = {name for result in succeeded for name in result.parameters}
    return NodeResult(
        node_id=node_id,
        phase=failed.phase if failed else "Succeeded",
        message=f"child '{failed.node_id}' failed" if failed else "",
        parameters={name: json.dumps([result.parameters.get(name, "") for result in succeeded]) for name in sorted(names)},
        result=json.dumps([result.result for result in succeeded])
        if any(result.result is not None for result in succeeded)
        else None,
        collected=json.dumps([dict(result.parameters) for result in succeeded]),
        started_at=started_at,
        finished_at=finished_at,
    )


def by_name(entries: object, kind: str) -> dict[str, Json]:
    """Return a list of named objects as a mapping; raises WorkflowSpecError for a duplicate name."""
    objects: dict[str, Json] = {}
    for entry in entries if isinstance(entries, list) else []:
        name = str(entry.get("name", ""))
        if not name or name in objects:
            raise WorkflowSpecError(f"{kind} {name!r} has no name or is not unique")
        objects[name] = entry
    return objects
