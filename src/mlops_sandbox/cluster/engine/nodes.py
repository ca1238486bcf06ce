"""The `status.nodes` of a workflow: one entry for each node that ran, runs, or was skipped."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from typing import Any

from mlops_actions.core.types import Json
from mlops_sandbox.timestamps import timestamp

FNV_OFFSET = 0x811C9DC5
FNV_PRIME = 0x01000193
ENDED_PHASES = frozenset({"Succeeded", "Failed", "Error", "Skipped", "Omitted"})
UNSUCCESSFUL = frozenset({"Failed", "Error"})


def fnv1a_32(text: str) -> int:
    """Return the 32-bit FNV-1a hash, from which Argo builds node and pod names."""
    value = FNV_OFFSET
    for byte in text.encode():
        value = ((value ^ byte) * FNV_PRIME) & 0xFFFFFFFF
    return value


def node_id(workflow: str, name: str) -> str:
    """Return the id of a node; the root node is named as the workflow, and its id is that name."""
    return name if name == workflow else f"{workflow}-{fnv1a_32(name)}"


def pod_name(workflow: str, name: str, template: str) -> str:
    """Return the name of a node's pod (Argo's version 2): it contains the template's name, within Kubernetes' limit."""
    if name == workflow:
        return workflow
    suffix = str(fnv1a_32(name))
    prefix = f"{workflow}-{template}" if template else workflow
    return f"{prefix[: 253 - len(suffix) - 1]}-{suffix}"


class NodeTree:
    """All nodes of one workflow; safe to use from any thread. `changed` is called after every change."""

    def __init__(self, workflow: str, changed: Callable[[], None]) -> None:
        self._workflow = workflow
        self._changed = changed
        self._lock = threading.RLock()
        self._nodes: dict[str, Json] = {}

    def is_of(self, kind: str, identity: str) -> bool:
        """Return whether the node exists and is of this type."""
        with self._lock:
            return self._nodes.get(identity, {}).get("type") == kind

    def add(
        self, name: str, kind: str, *, phase: str = "Running", parents: list[str] | None = None, **fields: object
    ) -> str:
        """Add a node (or reuse the one of this name) below `parents` and return its id; `fields` as Argo names them."""
        identity = node_id(self._workflow, name)
        now = timestamp()
        with self._lock:
            node = self._nodes.setdefault(identity, {"id": identity, "name": name, "startedAt": now})
            node.update({key: value for key, value in fields.items() if value not in (None, "", {}, [])})
            node.update(type=kind, phase=phase)
            node.setdefault("displayName", name)
            if phase in ENDED_PHASES:
                node["finishedAt"] = now
            for parent in parents or []:
                children = self._nodes[parent].setdefault("children", [])
                if identity not in children:
                    children.append(identity)
        self._changed()
        return identity

    def update(self, identity: str, **fields: object) -> None:
        """Set fields of a node; a final phase also sets `finishedAt`."""
        with self._lock:
            node = self._nodes[identity]
            node.update({key: value for key, value in fields.items() if value not in (None, "", {}, [])})
            if fields.get("phase") in ENDED_PHASES:
                node.setdefault("finishedAt", timestamp())
        self._changed()

    def field(self, identity: str, name: str) -> Any:
        """Return one field of a node, None where it has none."""
        with self._lock:
            return copy.deepcopy(self._nodes[identity].get(name))

    def outbound(self, identity: str) -> list[str]:
        """Return the nodes that become parents of the next node: this one, or the last ones inside it."""
        with self._lock:
            node = self._nodes[identity]
            if node["type"] in ("DAG", "Steps"):
                return list(node.get("outboundNodes", [])) or [identity]
            if node["type"] == "TaskGroup":
                members = [outbound for child in node.get("children", []) for outbound in self.outbound(child)]
                return members or [identity]
            if node["type"] == "Retry" and node.get("children"):
                return self.outbound(node["children"][-1])
            return [identity]

    def snapshot(self) -> dict[str, Json]:
        """Return a copy of all nodes by id."""
        with self._lock:
            return copy.deepcopy(self._nodes)

    def progress(self) -> str:
        """Return `ended/known` of the pods."""
        with self._lock:
            pods = [node for node in self._nodes.values() if node["type"] == "Pod"]
            return f"{sum(node['phase'] in ENDED_PHASES for node in pods)}/{len(pods)}"

    def unsuccessful(self) -> list[Json]:
        """Return the failed nodes, in the form of `{{workflow.failures}}`."""
        with self._lock:
            return [
                {
                    "displayName": node["displayName"],
                    "message": node.get("message", ""),
                    "templateName": node.get("templateName", ""),
                    "phase": node["phase"],
                    "podName": node["id"],
                    "finishedAt": node.get("finishedAt"),
                }
                for node in self._nodes.values()
                if node["phase"] in UNSUCCESSFUL and node["type"] == "Pod"
            ]
