"""The pods of a workflow behind the Argo Server, as far as the workflow's record of its nodes implies them."""

from __future__ import annotations

import copy
import threading
from collections import Counter
from collections.abc import Iterator

from mlops_actions.argo_submit.ports import NotFound, WatchEvent
from mlops_actions.core.argo import (
    ENDED_PHASES,
    NODE_ID_ANNOTATION,
    NODE_NAME_ANNOTATION,
    POD_NAME_FORMAT_ANNOTATION,
    WORKFLOW_LABEL,
    pod_name,
)
from mlops_actions.core.types import Json

_STARTED_PHASES = ENDED_PHASES | {"Running"}


class RecordedPods:
    """The pods of one workflow, as far as its record shows them. Any number of threads may use it.

    The record has no uids. A pod that is made anew under the same name, as a retry does, is told from the one before by a
    number: its node has left the record meanwhile, or has begun later, or runs after it had ended.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._pods: dict[str, Json] = {}  # by name; `_order` names each as often as it changed
        self._order: list[str] = []
        self._made: Counter[str] = Counter()  # how many pods of a name there were before
        self.workflow = ""

    def update(self, workflow: Json) -> list[str]:
        """Read a workflow's record and wake the watches; return the pods that have ended since the last record."""
        ended = []
        with self._changed:
            self.workflow = str((workflow.get("metadata") or {}).get("name") or "")
            pods = {pod["metadata"]["name"]: pod for pod in pods_of(workflow)}
            for name in [name for name in self._pods if name not in pods]:
                del self._pods[name]
                self._made[name] += 1
            for name, pod in pods.items():
                known = self._pods.get(name)
                self._made[name] += known is not None and _is_anew(known, pod)
                pod["metadata"]["uid"] = f"{name}-{self._made[name]}"
                if known == pod:
                    continue
                self._pods[name] = pod
                self._order.append(name)
                if pod["status"]["phase"] in ENDED_PHASES:
                    ended.append(name)
            self._changed.notify_all()
        return ended

    def get(self, name: str) -> Json:
        """Return a copy of a pod; raises NotFound."""
        with self._changed:
            if name not in self._pods:
                raise NotFound(f"the workflow's record has no pod {name!r}", "see the workflow itself")
            return copy.deepcopy(self._pods[name])

    def has_ended(self, name: str) -> bool:
        """Tell whether a pod has ended, by the record."""
        with self._changed:
            return name in self._pods and self._pods[name]["status"]["phase"] in ENDED_PHASES

    def watch(self) -> RecordedPodsWatch:
        """Return the known pods, and then each pod that changes, until the watch is closed."""
        return RecordedPodsWatch(self)

    def wait(self, position: int, watch: RecordedPodsWatch) -> tuple[list[Json], int]:
        """Wait for changes after a position; return the pods, and the position after them."""
        with self._changed:
            self._changed.wait_for(lambda: watch.closed or len(self._order) > position)
            names = [] if watch.closed else list(dict.fromkeys(self._order[position:]))
            return [copy.deepcopy(self._pods[name]) for name in names if name in self._pods], len(self._order)

    def wake(self) -> None:
        """Have every watch check whether it was closed."""
        with self._changed:
            self._changed.notify_all()


class RecordedPodsWatch:
    """A stream of pods; see `ports.Stream`."""

    def __init__(self, pods: RecordedPods) -> None:
        self._pods = pods
        self.closed = False

    def __iter__(self) -> Iterator[WatchEvent]:
        position = 0
        while not self.closed:
            changed, position = self._pods.wait(position, self)
            for pod in changed:
                yield WatchEvent("MODIFIED", pod)

    def close(self) -> None:
        """End the stream from any thread."""
        self.closed = True
        self._pods.wake()


def _is_anew(known: Json, pod: Json) -> bool:
    before, now = known["status"], pod["status"]
    has_begun_later = bool(before["startTime"]) and before["startTime"] != now["startTime"]
    return has_begun_later or (before["phase"] in ENDED_PHASES and now["phase"] not in ENDED_PHASES)


def pods_of(workflow: Json) -> Iterator[Json]:
    """Yield the pods that a workflow's record of its nodes implies, with the fields that follow from it.

    Pods are named as Argo names them: by pod-name-format v2, or by v1, the node's id.
    """
    metadata, nodes = workflow.get("metadata") or {}, (workflow.get("status") or {}).get("nodes") or {}
    name = str(metadata.get("name") or "")
    is_v1 = (metadata.get("annotations") or {}).get(POD_NAME_FORMAT_ANNOTATION) == "v1"
    containers: dict[str, list[str]] = {}
    for node in nodes.values():
        if node.get("type") == "Container":  # of a container set
            containers.setdefault(str(node.get("boundaryID")), []).append(str(node.get("displayName")))
    for node_id, node in nodes.items():
        if node.get("type") != "Pod" or (node.get("memoizationStatus") or {}).get("hit"):
            continue
        node_name, phase = str(node.get("name") or node_id), str(node.get("phase") or "Pending")
        state: Json = {"terminated": {}} if phase in ENDED_PHASES else {"running": {}}
        started = containers.get(node_id, ["main"]) if phase in _STARTED_PHASES else []
        yield {
            "metadata": {
                "name": node_id if is_v1 else pod_name(name, node_name, _template_of(node)),
                "labels": {WORKFLOW_LABEL: name},
                "annotations": {NODE_ID_ANNOTATION: node_id, NODE_NAME_ANNOTATION: node_name},
            },
            "status": {
                "phase": {"Error": "Failed"}.get(phase, phase),
                "startTime": node.get("startedAt"),
                "containerStatuses": [{"name": container, "state": state} for container in started],
            },
        }


def _template_of(node: Json) -> str:
    reference = node.get("templateRef") or {}
    return str(reference.get("template") or node.get("templateName") or "")
