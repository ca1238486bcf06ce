"""A node whose containers run nothing: each prints and writes one text, and ends at once."""

from __future__ import annotations

import json
import re
import threading
from typing import Any

import httpx

from mlops_actions.core.types import Json
from tests.e2e.cluster import pods
from tests.e2e.cluster.node import NAME, PAUSE, Node, Pod
from tests.e2e.cluster.pods import End
from tests.e2e.cluster.real import ARGO

TEXT = "1"  # a text, a number and JSON
LIST = "[1]"  # where a workflow loops over what a container printed
# By generateName: this workflow waits for ever where none of its numbers is even.
TEXTS = {"parameter-aggregation-": "even"}
SLOTS = 10_000  # a daemon and an agent wait: they must not keep the others from starting
_READ = {"path", "jsonPath", "jqFilter"}  # where the executor reads an output parameter
_SUM = re.compile(r"print\((\d+) ([+-]) (\d+)\)\n?")
FAILS = re.compile(r"\bexit[( ]+1|sys\.exit\(|\bfalse\b|intentional", re.IGNORECASE)


class ScriptedNode(Node):
    """A node that runs nothing.

    A script that prints a sum or a difference prints it here too, because a workflow counts by it and calls itself.
    A container whose command ends with an error on purpose fails the first time that its template runs in a workflow, and
    succeeds when it is tried again. A daemon runs until it is stopped. An agent, which serves the templates of HTTP
    requests and plugins, answers each task with success. Pods that are bound to no node are bound to this one, as a
    scheduler does.
    """

    slots = SLOTS

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._failed: set[tuple[str, str]] = set()
        self._texts: dict[str, str] = {}
        threading.Thread(target=self._schedule, name="scheduler", daemon=True).start()

    def run_pod(self, pod: Pod) -> None:
        """See `Node.run_pod`."""
        workflow = pod.value["metadata"]["labels"][pods.WORKFLOW]
        template = pods.template(pod.value)
        since = pods.now()
        self.report(pod, pods.running(pod.value, since))
        pod.started = True
        if not template:
            self._serve_tasks(pod, workflow)
            self.report(pod, pods.ended(pod.value, End(0), since))
            return
        text = _sum(template) or self._text(workflow)
        pod.log.write(text.encode())
        if template.get("daemon"):
            pod.stopped.wait()
        reason = pod.stopper.reason or ""
        code = pods.KILLED if reason else self._code(workflow, template)
        pod.log.end()
        self.report_outputs(pod, _outputs(pod.value, template, text))
        self.report(pod, pods.ended(pod.value, End(code, reason), since))

    def _code(self, workflow: str, template: Json) -> int:
        container = template.get("container") or template.get("script") or {}
        words = [*(container.get("command") or []), *(container.get("args") or []), container.get("source") or ""]
        attempt = (workflow, template.get("name", ""))
        if attempt in self._failed or not any(FAILS.search(str(word)) for word in words):
            return 0
        self._failed.add(attempt)
        return 1

    def _text(self, workflow: str) -> str:
        if workflow not in self._texts:
            found = self.connection.call("GET", f"{ARGO}/workflows/{workflow}", accept=(404,))
            base = found["metadata"].get("generateName", "")
            self._texts[workflow] = TEXTS.get(base) or (LIST if "withParam" in json.dumps(found) else TEXT)
        return self._texts[workflow]

    def _serve_tasks(self, pod: Pod, workflow: str) -> None:
        path = f"{ARGO}/workflowtasksets/{workflow}"
        while not pod.stopped.wait(PAUSE):
            task_set = self.connection.call("GET", path, accept=(404,))
            if task_set["kind"] == "Status":
                return  # a pod of the controller's own that serves nothing, such as that which removes artifacts
            waiting = (task_set.get("spec") or {}).get("tasks") or {}
            answered = (task_set.get("status") or {}).get("nodes") or {}
            nodes = {node: {"phase": "Succeeded", "outputs": {"result": TEXT}} for node in waiting if node not in answered}
            if nodes:
                self.connection.call("PATCH", f"{path}/status", {"status": {"nodes": nodes}})

    def _schedule(self) -> None:
        """Bind the pods whose own `podSpecPatch` has replaced that of the controller, which names the node."""
        while not self.closing.wait(PAUSE):
            try:
                found = self.connection.call("GET", "/api/v1/pods?fieldSelector=spec.nodeName%3D")["items"]
                for metadata in [one["metadata"] for one in found]:
                    path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/binding"
                    target = {"apiVersion": "v1", "kind": "Node", "name": NAME}
                    binding = {
                        "apiVersion": "v1",
                        "kind": "Binding",
                        "metadata": {"name": metadata["name"]},
                        "target": target,
                    }
                    self.connection.call("POST", path, binding, accept=(404, 409))
            except (httpx.HTTPError, RuntimeError):
                pass  # the cluster is being stopped


def _sum(template: Json) -> str:
    found = _SUM.fullmatch((template.get("script") or {}).get("source") or "")
    return str(int(found[1]) + int(found[2] + found[3])) if found else ""


def _outputs(pod: Json, template: Json, text: str) -> Json:
    """Return what Argo's executor reports of a pod that printed the text, and wrote it into each output."""
    declared = template.get("outputs") or {}
    parameters = [one for one in declared.get("parameters") or [] if _READ & {*(one.get("valueFrom") or {})}]
    outputs: Json = {"parameters": [{**one, "value": text} for one in parameters], "artifacts": []}
    for artifact in declared.get("artifacts") or []:
        stored = template.get("archiveLocation", {}).get("s3") or {}
        key = f"{stored.get('key')}/{artifact['name']}.tgz"
        is_placed = {*artifact} & {"s3", "gcs", "oss", "azure", "hdfs", "http", "artifactory", "raw", "plugin"}
        outputs["artifacts"].append(artifact if is_placed else {**artifact, "s3": {**stored, "key": key}})
    environment = {
        one["name"]: one.get("value") for container in pod["spec"]["containers"] for one in container.get("env", [])
    }
    if environment.get(pods.WITH_RESULT) == "true":
        outputs["result"] = text
    return {name: value for name, value in outputs.items() if value}
