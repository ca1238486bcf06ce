"""The workflow controller: it runs each new workflow, and each that is retried, in a thread."""

from __future__ import annotations

import threading

from mlops_actions.core.types import Json
from mlops_sandbox.cluster.engine.lifecycle import WorkflowRun
from mlops_sandbox.cluster.engine.pods import Services
from mlops_sandbox.cluster.resources import PODS, WORKFLOWS
from mlops_sandbox.cluster.store import Change

ENDED = ("Succeeded", "Failed", "Error")


def _phase(workflow: Json | None) -> str:
    return str(((workflow or {}).get("status") or {}).get("phase") or "")


class Controller:
    """Runs the workflows of a store; `stop` ends them and waits."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lock = threading.Lock()
        self._runs: dict[str, tuple[WorkflowRun, threading.Thread]] = {}
        self._unsubscribe = services.store.subscribe(self._on_change)

    def stop(self, seconds: float = 10.0) -> None:
        """Start no more workflows, end the running ones, and wait for each at most this long."""
        self._unsubscribe()
        with self._lock:
            runs = list(self._runs.values())
        for run, _ in runs:
            run.stop()
        for _, thread in runs:
            thread.join(seconds)

    def _on_change(self, change: Change) -> None:
        if change.resource is WORKFLOWS:
            self._on_workflow_change(change)
        elif change.resource is PODS and change.kind == "DELETED":
            self._services.logs.drop(change.value["metadata"]["uid"])
            for owner in change.value["metadata"].get("ownerReferences") or []:
                if run := self._run(owner.get("uid", "")):
                    run.pods.stop_deleted(change.value["metadata"]["name"])

    def _on_workflow_change(self, change: Change) -> None:
        uid = change.value["metadata"]["uid"]
        is_new = not _phase(change.value) and (change.kind == "ADDED" or _phase(change.before) in ENDED)  # ENDED: retried
        if change.kind != "DELETED" and is_new:
            self._start(uid, change)
        elif change.kind == "ADDED":
            return
        elif run := self._run(uid):
            if change.kind == "MODIFIED":
                run.update(change.value)
            else:
                run.stop()

    def _start(self, uid: str, change: Change) -> None:
        run = WorkflowRun(change.value, self._services)

        def body() -> None:
            try:
                run.run()
            finally:
                with self._lock:
                    if uid in self._runs and self._runs[uid][0] is run:
                        del self._runs[uid]

        thread = threading.Thread(target=body, name=f"workflow-{change.value['metadata']['name']}", daemon=True)
        with self._lock:
            self._runs[uid] = (run, thread)
        thread.start()

    def _run(self, uid: str) -> WorkflowRun | None:
        with self._lock:
            entry = self._runs.get(uid)
        return entry[0] if entry else None
