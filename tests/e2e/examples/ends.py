"""Run examples to their ends, several at a time, and read what the controller recorded of each."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import os
import queue
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx

from mlops_actions.core.types import Json
from tests.e2e.cluster.real import ARGO, PATIENCE, PAUSE, RealCluster
from tests.e2e.examples.manifests import Example
from tests.support.forking import Forker
from tests.support.step import LocalRunner, Step, StepRecord

WORKERS = 8
TIMEOUT = "180s"  # far more than any needs
ENDED = ("Succeeded", "Failed", "Error")
_FAILED = ("Failed", "Error")
# Nodes that only hold others.
_GROUPS = ("Steps", "StepGroup", "DAG", "TaskGroup", "Retry")


@dataclass(frozen=True)
class Ended:
    """What argo-submit left of an example, and the controller's last record."""

    step: StepRecord
    recorded: Json

    def differences(self) -> Iterator[str]:
        """Say where argo-submit's outputs are not what the controller recorded."""
        status = self.recorded.get("status") or {}
        nodes = _nodes(status)
        phase = str(status.get("phase"))
        if self.step.exit_code != (0 if phase == "Succeeded" else 1):
            yield f"exit code {self.step.exit_code} for {phase}: {self.step.log[-500:]}"
        if (ours := self.step.outputs.get("phase")) != phase:
            yield f"phase: {ours}, recorded {phase}"
        if (ours := self.step.outputs.get("message", "")) != (message := status.get("message", "")):
            yield f"message: {ours!r}, recorded {message!r}"
        root = nodes.get(self.recorded["metadata"]["name"]) or {}
        outputs = {
            one["name"]: one["value"]
            for holder in (root, status)
            for one in (holder.get("outputs") or {}).get("parameters") or []
            if "value" in one
        }
        if (given := json.loads(self.step.outputs.get("outputs") or "null")) != outputs:
            yield f"outputs: {given}, recorded {outputs}"
        reported = json.loads(self.step.outputs.get("failed-nodes") or "null")
        yield from _differences_of_failed(reported, nodes, phase)


def _differences_of_failed(reported: list[Json], nodes: Mapping[str, Json], phase: str) -> Iterator[str]:
    by_id = {one["id"]: one for one in reported}
    for key, one in by_id.items():
        recorded = nodes.get(key) or {}
        for field in ("phase", "message"):
            if one[field] != recorded.get(field, ""):
                yield f"{field} of {key}: {one[field]!r}, recorded {recorded.get(field)!r}"
    expected = failed_nodes(nodes) if phase != "Succeeded" else set()
    if expected and by_id.keys() != expected:
        yield f"failed nodes: {sorted(by_id)}, recorded {sorted(expected)}"
    failed = {key for key, node in nodes.items() if node["phase"] in _FAILED}
    if not expected and (phase == "Succeeded" or not failed) and by_id:
        yield f"failed nodes: {sorted(by_id)}, recorded none"
    if not expected and phase != "Succeeded" and failed and not (by_id and by_id.keys() <= failed):
        yield f"failed nodes: {sorted(by_id)}, recorded groups alone: {sorted(failed)}"


def failed_nodes(nodes: Mapping[str, Json]) -> set[str]:
    """Return the ids of the nodes that did something and failed; of one that was tried again, the last attempt alone."""
    superseded: set[str] = set()
    for node in nodes.values():
        if node["type"] == "Retry":
            attempts = [key for key in node.get("children") or [] if nodes.get(key, {}).get("phase") in _FAILED]
            superseded.update(attempts if node["phase"] not in _FAILED else attempts[:-1])
    return {
        key
        for key, node in nodes.items()
        if node["phase"] in _FAILED and node["type"] not in _GROUPS and key not in superseded
    }


def _nodes(status: Json) -> dict[str, Json]:
    if packed := status.get("compressedNodes"):
        return dict(json.loads(gzip.decompress(base64.b64decode(packed))))
    return dict(status.get("nodes") or {})


class Records:
    """The last state of every workflow, also of one that is deleted; resumes what is suspended."""

    def __init__(self, cluster: RealCluster) -> None:
        self._connection = cluster.connection
        self._last: dict[str, Json] = {}
        self._closing = threading.Event()

    def of(self, name: str) -> Json:
        """Wait until the controller has recorded the end of a workflow, and return the workflow."""
        deadline = time.monotonic() + PATIENCE
        while True:
            found = self._last.get(name) or {}
            if (found.get("status") or {}).get("phase") in ENDED or time.monotonic() > deadline:
                return found
            time.sleep(PAUSE)

    def _listen(self) -> None:
        while not self._closing.is_set():
            try:
                for event in self._connection.watch(f"{ARGO}/workflows?watch=1"):
                    if event["type"] in ("ADDED", "MODIFIED", "DELETED"):
                        self._see(event["object"])
            except (httpx.HTTPError, RuntimeError):
                pass  # the cluster is being stopped
            self._closing.wait(PAUSE)

    def _see(self, workflow: Json) -> None:
        name = workflow["metadata"]["name"]
        self._last[name] = workflow
        for key, node in _nodes(workflow.get("status") or {}).items():
            if node["type"] == "Suspend" and node["phase"] == "Running":
                patch: Json = {"phase": "Succeeded"}
                if parameters := (node.get("outputs") or {}).get("parameters"):
                    patch["outputs"] = {"parameters": [{**one, "value": one.get("value", "1")} for one in parameters]}
                change = {"status": {"nodes": {key: patch}}}
                self._connection.call("PATCH", f"{ARGO}/workflows/{name}", change, accept=(404, 409))

    def __enter__(self) -> Records:
        threading.Thread(target=self._listen, name="records", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()


class Follower:
    """Runs examples, each in a process of its own, WORKERS at a time."""

    def __init__(self, cluster: RealCluster, directory: Path) -> None:
        self._environment = {"KUBECONFIG": str(cluster.kubeconfig())}
        self._records = Records(cluster)
        self._directory = directory
        self._forkers: queue.Queue[Forker] = queue.Queue()

    def follow(self, chosen: Sequence[Example]) -> dict[str, Ended]:
        """Run the examples; return their ends by their names."""
        with contextlib.ExitStack() as stack, ThreadPoolExecutor(WORKERS) as pool:
            stack.enter_context(self._records)
            for _ in range(WORKERS):
                self._forkers.put(
                    stack.enter_context(Forker("mlops_actions.argo_submit.run", "mlops_actions.boundary.cluster"))
                )
            return dict(zip([one.name for one in chosen], pool.map(self._run, chosen), strict=True))

    def _run(self, example: Example) -> Ended:
        runner = LocalRunner(self._directory / "".join(c if c.isalnum() else "-" for c in example.name))
        (runner.workspace / "workflow.yaml").write_text(example.text, encoding="utf-8")
        environment = {**self._environment, "PATH": os.environ["PATH"], "HOME": str(runner.home)}
        source = {"workflow": "workflow.yaml"} if example.kind == "Workflow" else {"from": example.reference}
        given = {**source, "idempotency": "none", "timeout": TIMEOUT, "on-timeout": "terminate"}
        forker = self._forkers.get()

        try:
            step = runner.run(Step("argo-submit", inputs=given, environ=environment), forker.run)
            assert "workflow-name" in step.outputs, (example.name, step.log)
            return Ended(step, self._records.of(step.outputs["workflow-name"]))
        finally:
            self._forkers.put(forker)
