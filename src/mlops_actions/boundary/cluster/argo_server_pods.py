"""The pods of the workflow that is followed through the Argo Server, as far as its own record tells of them."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator

from mlops_actions.argo_submit import pods
from mlops_actions.argo_submit.ports import Event, NotFound
from mlops_actions.core.types import Json


class Pods:
    """What was learned of one workflow's pods, for any number of threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._known: dict[str, Json] = {}  # by name, each as often in `_order` as it changed
        self._order: list[str] = []
        self.workflow = ""

    def learn(self, workflow: Json) -> list[str]:
        """Take in a workflow's record, and tell the watchers; returns the pods that have ended since the last one."""
        ended = []
        with self._changed:
            self.workflow = str((workflow.get("metadata") or {}).get("name") or "")
            for pod in pods.of_record(workflow):
                name = pod["metadata"]["name"]
                if self._known.get(name) == pod:
                    continue
                self._known[name] = pod
                self._order.append(name)
                if pod["status"]["phase"] in pods.ENDED:
                    ended.append(name)
            self._changed.notify_all()
        return ended

    def find(self, name: str) -> Json:
        """Return what is known of a pod, for the caller to keep; raises NotFound."""
        with self._changed:
            if name not in self._known:
                raise NotFound(f"the workflow's record knows no pod {name!r}", "see the workflow itself")
            return copy.deepcopy(self._known[name])

    def has_ended(self, name: str) -> bool:
        """Tell whether the record says so."""
        with self._changed:
            return name in self._known and self._known[name]["status"]["phase"] in pods.ENDED

    def watch(self) -> PodsWatch:
        """Return the pods that are known, and then each that changes, until it is closed."""
        return PodsWatch(self)

    def wait(self, position: int, watch: PodsWatch) -> list[Json]:
        """Return what has changed from a position on, as soon as there is something, or nothing once it is closed."""
        with self._changed:
            self._changed.wait_for(lambda: watch.closed or len(self._order) > position)
            return [] if watch.closed else [copy.deepcopy(self._known[name]) for name in self._order[position:]]

    def wake(self) -> None:
        """Have every watcher look whether it was closed."""
        with self._changed:
            self._changed.notify_all()


class PodsWatch:
    """A stream of pods; see `ports.Stream`."""

    def __init__(self, pods_: Pods) -> None:
        self._pods = pods_
        self.closed = False

    def __iter__(self) -> Iterator[Event]:
        position = 0
        while found := self._pods.wait(position, self):
            position += len(found)
            for pod in found:
                yield Event("MODIFIED", pod)

    def close(self) -> None:
        """End it from any thread."""
        self.closed = True
        self._pods.wake()
