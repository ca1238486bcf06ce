"""The node: runs the pods that are bound to it, and reports their status to the API server."""

from __future__ import annotations

import base64
import shutil
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from mlops_actions.core.types import Json
from mlops_sandbox.cluster import ContainerStartError, StopSignal
from mlops_sandbox.cluster.logs import ContainerLog
from tests.e2e.cluster import pods
from tests.e2e.cluster.connection import Connection
from tests.e2e.cluster.containers import Containers, ImageMissing
from tests.e2e.cluster.kubelet import Kubelet
from tests.e2e.cluster.pods import MAIN, End, Work
from tests.support.cluster_certificates import Certificate

NAME = "node"
SLOTS = 8
PAUSE = 0.2
TRY_AGAIN = 2.0
BOUND = f"fieldSelector=spec.nodeName%3D{NAME}"
ENDED = ("Succeeded", "Failed")


class Node:
    """Runs up to `slots` pods at a time; `reporter` is the connection of the workflows' own account."""

    slots = SLOTS

    def __init__(
        self, connection: Connection, reporter: Connection, containers: Containers, directory: Path, certificate: Certificate
    ) -> None:
        self.connection = connection
        self._reporter = reporter
        self._containers = containers
        self._directory = directory
        self._slots = threading.Semaphore(self.slots)
        self._lock = threading.Lock()
        self._pods: dict[str, Pod] = {}  # by uid
        self._by_name: dict[tuple[str, str], Pod] = {}
        self.closing = threading.Event()
        self._kubelet = Kubelet(certificate, self._find_log, self._execute)

    def _register(self) -> None:
        moment = pods.now()
        self.connection.apply("/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NAME}})
        self.connection.call(
            "PATCH",
            f"/api/v1/nodes/{NAME}/status",
            {
                "status": {
                    "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
                    "daemonEndpoints": {"kubeletEndpoint": {"Port": self._kubelet.port}},
                    "conditions": [
                        {
                            "type": "Ready",
                            "status": "True",
                            "reason": "KubeletReady",
                            "lastHeartbeatTime": moment,
                            "lastTransitionTime": moment,
                        }
                    ],
                }
            },
        )

    def _listen(self) -> None:
        while not self.closing.is_set():
            try:
                listed = self.connection.call("GET", f"/api/v1/pods?{BOUND}")
                for pod in listed["items"]:
                    self._see(pod)
                version = listed["metadata"]["resourceVersion"]
                for event in self.connection.watch(f"/api/v1/pods?{BOUND}&watch=1&resourceVersion={version}"):
                    if event["type"] == "ERROR" or self.closing.is_set():
                        break
                    self._see(event["object"], deleted=event["type"] == "DELETED")
            except httpx.HTTPError:
                pass
            self.closing.wait(PAUSE)

    def _see(self, pod: Json, *, deleted: bool = False) -> None:
        metadata = pod["metadata"]
        uid = metadata["uid"]
        with self._lock:
            known = self._pods.get(uid)
            if known is None and not deleted and pod["status"].get("phase") not in ENDED:
                known = self._pods[uid] = Pod(pod)
                self._by_name[metadata["namespace"], metadata["name"]] = known
                threading.Thread(target=self._run, args=(known,), name=f"pod-{metadata['name']}", daemon=True).start()
        if known is not None and (deleted or "deletionTimestamp" in metadata):
            known.stopper.stop("deleted")
            if known.ended.is_set() and not deleted:
                self._forget(known)

    def _run(self, pod: Pod) -> None:
        try:
            with self._slots:
                self.run_pod(pod)
        except httpx.HTTPError:
            pass  # the pod is gone, or the cluster is being stopped
        finally:
            pod.log.end()
            pod.ended.set()
            if pod.stopper.reason == "deleted":
                self._forget(pod)

    def run_pod(self, pod: Pod) -> None:
        """Run a pod to its end, and report its status."""
        since = pods.now()
        if pod.stopper.reason is not None:
            return
        seconds = pod.value["spec"].get("activeDeadlineSeconds")
        timer = threading.Timer(float(seconds or 0), pod.stopper.stop, [pods.DEADLINE])
        timer.daemon = True
        if seconds is not None:
            timer.start()
        workspace = Path(tempfile.mkdtemp(prefix="pod-", dir=self._directory))
        try:
            work = self._prepared(pod, workspace, since)
            if work is None:
                status = pods.never_started(pod.value, pod.stopper.reason or "", since)
            else:
                status = pods.ended(pod.value, self._run_container(pod, work, workspace), since)
        finally:
            timer.cancel()
            shutil.rmtree(workspace, ignore_errors=True)
        self.report(pod, status)

    def _prepared(self, pod: Pod, workspace: Path, since: str) -> Work | None:
        """As a kubelet, try again and again what may come right: somebody may still bring the image, or the secret."""
        while not pod.stopped.is_set():
            try:
                work = Work(pod.value, self._values(pod.namespace), workspace / "outputs", self._directory / "artifacts")
                self._containers.pull(work.task.image)
            except pods.Missing as problem:
                self.report(pod, pods.waiting(pod.value, "CreateContainerConfigError", str(problem), since))
            except ImageMissing as problem:
                self.report(pod, pods.waiting(pod.value, "ImagePullBackOff", str(problem), since))
            else:
                self.report(pod, pods.running(pod.value, since))
                pod.started = True
                return work
            pod.stopped.wait(TRY_AGAIN)
        return None

    def _run_container(self, pod: Pod, work: Work, workspace: Path) -> End:
        printed: list[bytes] = []

        def output(line: bytes, *, error: bool) -> None:
            if not error:
                printed.append(line)
            pod.log.write(line)

        inside = workspace / "inside"
        inside.mkdir()
        try:
            code = self._containers.run(work.task, inside, output, pod.stopper)
        except ContainerStartError as error:
            return End(pods.NEVER_STARTED, start_problem=str(error))
        reason, problem = pod.stopper.reason or "", ""
        outputs: Json = {}
        try:
            outputs = work.outputs("".join(f"{line.decode(errors='replace')}\n" for line in printed))
        except pods.OutputMissing as missing:
            problem = str(missing) if code == 0 else ""
        pod.log.end()
        self.report_outputs(pod, outputs)
        return End(code or (pods.KILLED if reason else 0), reason, output_problem=problem)

    def _values(self, namespace: str) -> pods.Values:
        def read(kind: str, name: str) -> Mapping[str, str]:
            plural = "secrets" if kind == "secretKeyRef" else "configmaps"
            path = f"/api/v1/namespaces/{namespace}/{plural}/{name}"
            data = self.connection.call("GET", path, accept=(404,)).get("data") or {}
            return {key: base64.b64decode(text).decode() if plural == "secrets" else text for key, text in data.items()}

        return read

    def report_outputs(self, pod: Pod, outputs: Json) -> None:
        """Tell the controller a pod's outputs, by the workflows' own account."""
        path = f"/apis/argoproj.io/v1alpha1/namespaces/{pod.namespace}/workflowtaskresults"
        self._reporter.apply(path, pods.task_result(pod.value, outputs))

    def report(self, pod: Pod, status: Json) -> None:
        """Tell the API server a pod's status."""
        self.connection.call("PATCH", f"{pod.path}/status", {"status": status})

    def _forget(self, pod: Pod) -> None:
        """Let a pod that is being deleted go: the API server waits for its node to say so."""
        try:
            self.connection.call("DELETE", f"{pod.path}?gracePeriodSeconds=0", accept=(404,))
        except httpx.HTTPError:
            return

    def _find_log(self, namespace: str, name: str, container: str) -> ContainerLog | None:
        with self._lock:
            pod = self._by_name.get((namespace, name))
        if pod is None or not pod.started:
            return None
        return pod.log if container == MAIN else pod.nothing

    def _execute(self, namespace: str, name: str, container: str, command: list[str]) -> None:
        with self._lock:
            pod = self._by_name.get((namespace, name))
        if pod is not None and container == MAIN and "kill" in command:
            pod.stopper.stop("killed")

    def __enter__(self) -> Self:
        self._kubelet.__enter__()
        self._register()
        threading.Thread(target=self._listen, name="node", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.closing.set()
        with self._lock:
            known = list(self._pods.values())
        for pod in known:
            pod.stopper.stop("the node is being stopped")
        for pod in known:
            pod.ended.wait(10)
        self._kubelet.__exit__(kind, error, trace)


class Pod:
    """A pod on this node, as it was when it came."""

    def __init__(self, value: Json) -> None:
        self.value = value
        self.namespace: str = value["metadata"]["namespace"]
        self.path = f"/api/v1/namespaces/{self.namespace}/pods/{value['metadata']['name']}"
        self.stopper = StopSignal()
        self.stopped = threading.Event()
        self.stopper.on_stop(self.stopped.set)
        self.log = ContainerLog()
        self.nothing = ContainerLog()
        self.nothing.end()
        self.started = False
        self.ended = threading.Event()
