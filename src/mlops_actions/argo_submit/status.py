"""Read a workflow's status from its object. Pure; missing fields are tolerated."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from types import MappingProxyType
from typing import Any

from mlops_actions.argo_submit import compressed_nodes
from mlops_actions.argo_submit.approvals import Approval, approvals, suspended_at, suspended_by
from mlops_actions.argo_submit.artifact_places import bucket_of_repository, places
from mlops_actions.argo_submit.failures import ContinueOn, Failures, continue_on_of, failures_of
from mlops_actions.argo_submit.held_back import HeldBack, held_back
from mlops_actions.argo_submit.node_status import NodeStatus, seconds_between
from mlops_actions.core.argo import ENDED_PHASES, FAILED_PHASES, POD_NAME_FORMAT_ANNOTATION, pod_name

LABEL_COMPLETED = "workflows.argoproj.io/completed"
LABEL_PHASE = "workflows.argoproj.io/phase"
# With this value the Argo Server has read the workflow from its archive: see
# https://github.com/argoproj/argo-workflows/blob/v4.0.2/workflow/common/common.go
LABEL_ARCHIVING, READ_FROM_ARCHIVE = "workflows.argoproj.io/workflow-archiving-status", "Persisted"
NONE: Mapping[str, str] = MappingProxyType({})
NO_RESOURCES: Mapping[str, int] = MappingProxyType({})
UNREAD = "the nodes are shown only as far as their pods are known"
# The average size of a node in the object; see `WorkflowStatus.size`.
NODE_BYTES = 860
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class WorkflowStatus:
    """A workflow at one moment; `notes` says which parts could not be read."""

    name: str
    namespace: str
    uid: str
    resource_version: str
    phase: str
    message: str = ""
    ended: bool = False
    created: datetime | None = None  # Argo sets `started` only when the workflow runs
    started: datetime | None = None
    finished: datetime | None = None
    progress: str = ""
    nodes: Mapping[str, NodeStatus] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    size: int = 0  # the approximate bytes of the nodes in the object
    pods_by_id: bool = False  # pods have their node's id as name (pod-name-format v1)
    has_exit_handler: bool = False
    continue_on: ContinueOn = field(default_factory=dict)
    resources: Mapping[str, int] = field(default_factory=dict)
    is_suspended: bool = False  # by `argo suspend`, or before its start
    suspended_since: datetime | None = None
    suspended_by: str = ""
    approvals: Mapping[str, Approval] = field(default_factory=dict)  # of the suspend nodes that run, by id
    held_back: tuple[HeldBack, ...] = ()
    lock_holders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of the locks that are waited for
    artifact_bucket: str = ""
    is_gone: bool = False  # from the cluster: what is left of it is in the archive

    @classmethod
    def unread(cls, namespace: str, name: str) -> WorkflowStatus:
        """Return the status of a workflow of which only the name is known."""
        return cls(name=name, namespace=namespace, uid="", resource_version="", phase="")

    @property
    def seconds(self) -> float | None:
        """The workflow's duration; None while it runs."""
        return seconds_between(self.started, self.finished)

    @property
    def readable(self) -> bool:
        """Whether the record of the nodes could be read."""
        return bool(self.nodes) or not self.notes

    @property
    def root(self) -> NodeStatus | None:
        """The entrypoint's node: its id is the workflow's name."""
        return self.nodes.get(self.name)

    def pod_of(self, node: NodeStatus) -> str:
        """Return the name of the pod that a node runs in; empty where it runs in none."""
        if node.type != "Pod" or node.is_cached:
            return ""
        return node.id if self.pods_by_id else pod_name(self.name, node.name, node.template)

    @cached_property
    def failures(self) -> Failures:
        """What failed for good; nothing in a workflow that has succeeded."""
        return Failures() if self.phase == "Succeeded" else failures_of(self.nodes, self.continue_on)

    def failed(self) -> list[NodeStatus]:
        """Return the nodes that failed for good: neither tolerated (`continueOn`) nor repaired by another attempt."""
        return list(self.failures.nodes)

    def is_tolerated(self, node: NodeStatus) -> bool:
        """Tell whether a node has failed and the workflow, which has ended, did not fail for it."""
        return self.ended and node.phase in FAILED_PHASES and node.id not in self.failures.ids


def has_ended(metadata: Mapping[str, Any]) -> bool:
    """Emit from a workflow's metadata alone whether it has ended."""
    labels = metadata.get("labels") or {}
    return labels.get(LABEL_COMPLETED) == "true" or labels.get(LABEL_PHASE) in ENDED_PHASES


def read(workflow: Mapping[str, Any], before: WorkflowStatus | None = None) -> WorkflowStatus:
    """Read a whole workflow object; nodes that did not change since `before` are shared with it."""
    metadata, status = workflow.get("metadata") or {}, workflow.get("status") or {}
    notes: list[str] = []
    name = str(metadata.get("name") or "")
    known = before.nodes if before else {}
    nodes: dict[str, NodeStatus] = {}
    suspended: dict[str, Any] = {}
    for key, raw in _entries(status, notes):
        if isinstance(raw, dict):
            if raw.get("type") == "Suspend":
                suspended[str(key)] = raw
            node = _node(sys.intern(str(key)), raw, name)
            unchanged = known.get(node.id)
            nodes[node.id] = unchanged if unchanged == node else node
    if notes:
        nodes = {}  # the readable part of a damaged record would mislead
    phase = str(status.get("phase") or "")
    ended = phase in ENDED_PHASES or (metadata.get("labels") or {}).get(LABEL_COMPLETED) == "true"
    root = nodes.get(name)
    spec = workflow.get("spec") or {}
    templates = _templates(spec, status)
    is_suspended = spec.get("suspend") is True
    return WorkflowStatus(
        name=name,
        namespace=str(metadata.get("namespace") or ""),
        uid=str(metadata.get("uid") or ""),
        resource_version=str(metadata.get("resourceVersion") or ""),
        phase=phase,
        message=without_controls(str(status.get("message") or "")),
        ended=ended,
        created=parse_time(metadata.get("creationTimestamp")),
        started=parse_time(status.get("startedAt")),
        finished=parse_time(status.get("finishedAt")),
        progress=str(status.get("progress") or ""),
        nodes=nodes,
        outputs={**(root.parameters if root else {}), **_parameters(status.get("outputs"))},
        notes=tuple(notes),
        size=len(str(status.get("compressedNodes") or "")) or NODE_BYTES * len(nodes),
        pods_by_id=(metadata.get("annotations") or {}).get(POD_NAME_FORMAT_ANNOTATION) == "v1",
        has_exit_handler=_has_exit_handler(spec, status),
        continue_on=continue_on_of(templates),
        resources=_resources(status),
        is_suspended=is_suspended,
        suspended_since=parse_time(suspended_at(metadata)) if is_suspended else None,
        suspended_by=without_controls(suspended_by(metadata)) if is_suspended else "",
        approvals=approvals(suspended, templates),
        held_back=() if ended else held_back(nodes, templates, _parallelism(spec, status)),
        lock_holders=dict(_lock_holders(status.get("synchronization"))),
        artifact_bucket=bucket_of_repository(status),
        is_gone=(metadata.get("labels") or {}).get(LABEL_ARCHIVING) == READ_FROM_ARCHIVE,
    )


def _templates(spec: Mapping[str, Any], status: Mapping[str, Any]) -> list[Any]:
    """Return the workflow's own templates, and those of the cluster that Argo has stored with it."""
    stored = status.get("storedWorkflowTemplateSpec") or {}
    return [
        *(spec.get("templates") or ()),
        *(stored.get("templates") or ()),
        *(status.get("storedTemplates") or {}).values(),
    ]


def _parallelism(spec: Mapping[str, Any], status: Mapping[str, Any]) -> object:
    stored = status.get("storedWorkflowTemplateSpec") or {}
    return spec.get("parallelism") or stored.get("parallelism")


def _resources(entry: Mapping[str, Any]) -> Mapping[str, int]:
    used = entry.get("resourcesDuration") or {}
    return {sys.intern(str(name)): seconds for name, seconds in used.items()} or NO_RESOURCES


def _lock_holders(synchronization: object) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the locks that are waited for, and who holds them.

    See https://argo-workflows.readthedocs.io/en/latest/fields/#synchronizationstatus.
    """
    kinds = synchronization if isinstance(synchronization, dict) else {}
    for kind in ("mutex", "semaphore"):
        of_kind = kinds.get(kind)
        entries = of_kind.get("waiting") if isinstance(of_kind, dict) else None
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and entry.get(kind):
                holders = entry.get("holders") or [entry.get("holder")]
                names = [without_controls(str(one)) for one in holders if one] if isinstance(holders, list) else []
                yield str(entry[kind]), tuple(names)


def _has_exit_handler(spec: Mapping[str, Any], status: Mapping[str, Any]) -> bool:
    """Tell whether a template may follow the entrypoint's; also where a referenced spec is not stored yet."""
    stored = status.get("storedWorkflowTemplateSpec") or {}
    if spec.get("workflowTemplateRef") and not stored:
        return True
    return any(bool(one.get("onExit") or one.get("hooks")) for one in (spec, stored))


def _entries(status: Mapping[str, Any], notes: list[str]) -> Iterator[tuple[str, Any]]:
    nodes = status.get("nodes")
    if isinstance(nodes, dict) and nodes:
        yield from nodes.items()
    elif record := status.get("compressedNodes"):
        try:
            yield from compressed_nodes.read_nodes(str(record))
        except ValueError as problem:
            notes.append(f"{UNREAD}: {problem}")
    elif status.get("offloadNodeStatusVersion"):
        notes.append(f"{UNREAD}: Argo keeps the nodes of a workflow of this size in its database")


def _node(identity: str, raw: Mapping[str, Any], workflow: str) -> NodeStatus:
    whole = str(raw.get("name") or identity)
    display = str(raw.get("displayName") or whole)
    outputs = raw.get("outputs") or {}
    return NodeStatus(
        id=identity,
        name=whole,
        display_name=without_controls(display.removeprefix(f"{workflow}.")),  # an exit handler's is NAME.onExit
        type=sys.intern(str(raw.get("type") or "")),
        template=sys.intern(str(raw.get("templateName") or (raw.get("templateRef") or {}).get("template") or "")),
        phase=sys.intern(str(raw.get("phase") or "")),
        message=without_controls(str(raw.get("message") or "")),
        started=parse_time(raw.get("startedAt")),
        finished=parse_time(raw.get("finishedAt")),
        children=tuple(sys.intern(str(child)) for child in raw.get("children") or ()),
        boundary=sys.intern(str(raw.get("boundaryID") or "")),
        exit_code=str(outputs.get("exitCode") or ""),
        progress=str(raw.get("progress") or "") if raw.get("phase") == "Running" else "",
        parameters=_parameters(outputs) or NONE,
        host=sys.intern(str(raw.get("hostNodeName") or "")),
        is_cached=bool((raw.get("memoizationStatus") or {}).get("hit")),
        artifacts=places(outputs),
        resources=_resources(raw),
    )


def _parameters(outputs: object) -> dict[str, str]:
    entries = outputs.get("parameters") if isinstance(outputs, dict) else None
    return {
        str(entry["name"]): str(entry["value"])
        for entry in entries or ()
        if isinstance(entry, dict) and entry.get("name") and entry.get("value") is not None
    }


def without_controls(text: str) -> str:
    """Return a text without control characters, which could rewrite other text of a log; line ends are kept."""
    return text if text.isprintable() else _CONTROLS.sub("", text)


def parse_time(text: object) -> datetime | None:
    """Read a Kubernetes timestamp; None where the value is none."""
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
