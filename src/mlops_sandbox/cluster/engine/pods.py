"""Container and script templates: one pod each, from Pending to its outputs."""

from __future__ import annotations

import base64
import contextlib
import shutil
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mlops_actions.core.types import Json
from mlops_sandbox.cluster.engine.calls import NodeResult, by_name
from mlops_sandbox.cluster.engine.executor import ContainerStartError, ContainerTask, Executor, StopSignal, Transfer
from mlops_sandbox.cluster.engine.nodes import pod_name
from mlops_sandbox.cluster.engine.slots import Slots
from mlops_sandbox.cluster.engine.substitution import WorkflowSpecError, as_text
from mlops_sandbox.cluster.logs import LogStore
from mlops_sandbox.cluster.resources import CONFIG_MAPS, PODS, SECRETS, Resource
from mlops_sandbox.cluster.status import ApiError
from mlops_sandbox.cluster.store import Store
from mlops_sandbox.timestamps import timestamp

MAIN = "main"
HOST_NAME = "sandbox-node"
LABEL_WORKFLOW = "workflows.argoproj.io/workflow"
LABEL_COMPLETED = "workflows.argoproj.io/completed"
ANNOTATION_ID = "workflows.argoproj.io/node-id"
ANNOTATION_NAME = "workflows.argoproj.io/node-name"


@dataclass
class Services:
    """What the engine works with."""

    store: Store
    logs: LogStore
    executor: Executor
    slots: Slots
    directory: Path  # private; artifacts and workspaces live below it


@dataclass(frozen=True)
class PodSpec:
    """A pod to run: its template with every tag replaced, its input artifacts, and the node it belongs to."""

    workflow: Json
    template: Json
    node_id: str
    node_name: str
    artifacts: dict[str, Path] = field(default_factory=dict)

    @property
    def namespace(self) -> str:
        """Namespace of workflow and pod."""
        return str(self.workflow["metadata"]["namespace"])

    @property
    def pod(self) -> str:
        """Name of the pod."""
        return pod_name(self.workflow["metadata"]["name"], self.node_name, str(self.template.get("name", "")))


class Pods:
    """Runs the pods of one workflow."""

    def __init__(self, services: Services, parallelism: int | None) -> None:
        self._services = services
        self._own_slots = Slots(parallelism)
        self._lock = threading.Lock()
        self._stoppers: dict[str, StopSignal] = {}

    def lost(self, pod: str) -> None:
        """Hear that somebody deleted a pod: what runs in it ends."""
        with self._lock:
            stopper = self._stoppers.get(pod)
        if stopper is not None:
            stopper.stop("pod deleted")

    def run(self, order: PodSpec, stopper: StopSignal, running: Callable[[], None]) -> NodeResult:
        """Run one pod to its end; `running` is called when its container starts. Raises WorkflowSpecError."""
        own = StopSignal(stopper)
        with self._lock:
            self._stoppers[order.pod] = own
        timer = _deadline(order.template, own)
        try:
            task_parts = self._environment(order)
            pod = self._services.store.create(PODS, order.namespace, _pod(order))
            with self._own_slots.one(own) as first, self._services.slots.one(own) as second:
                if not (first and second):
                    self._end_pod(order, pod, None, str(own.reason))
                    return NodeResult(order.node_id, "Failed", str(own.reason))
                self._set_status(order, {"phase": "Running", "startTime": timestamp()}, {"running": {}}, ready=True)
                running()
                return self._run_container(order, pod, task_parts, own)
        finally:
            if timer is not None:
                timer.cancel()
            own.leave()
            with self._lock:
                self._stoppers.pop(order.pod, None)

    def _run_container(self, order: PodSpec, pod: Json, env: dict[str, str], stopper: StopSignal) -> NodeResult:
        log = self._services.logs.open(pod["metadata"]["uid"], MAIN)
        printed: list[bytes] = []

        def output(line: bytes, *, error: bool) -> None:
            if not error:
                printed.append(line)
            log.write(line)

        kept = self._services.directory / "artifacts" / order.node_id
        task, results, artifacts = _task(order, env, kept)
        workspace = Path(tempfile.mkdtemp(prefix="pod-", dir=self._services.directory))
        code: int | None = None
        problem = ""
        try:
            code = self._services.executor.run(task, workspace, output, stopper)
        except ContainerStartError as error:
            problem = str(error)
        finally:
            log.end()
            shutil.rmtree(workspace, ignore_errors=True)
        reason = stopper.reason or problem
        self._end_pod(order, pod, code if not reason else (code or 137), reason)
        script = "script" in order.template
        outcome = NodeResult(
            order.node_id,
            phase="Succeeded" if code == 0 else "Failed",
            message="" if code == 0 else f"{MAIN}: Error (exit code {code})",
            parameters={name: _read(path) for name, path in results.items() if path.exists()},
            artifacts={name: path for name, path in artifacts.items() if path.exists()},
            result=b"\n".join(printed).decode(errors="replace").strip() if script or printed else None,
            exit_code=None if code is None else str(code),
        )
        return _judge(outcome, order.template, stopper, problem)

    def _environment(self, order: PodSpec) -> dict[str, str]:
        container: Json = order.template.get("container") or order.template.get("script") or {}
        env: dict[str, str] = {}
        for source in container.get("envFrom") or []:
            for kind, resource in (("secretRef", SECRETS), ("configMapRef", CONFIG_MAPS)):
                if reference := source.get(kind):
                    values = self._mapping(resource, order.namespace, reference)
                    env |= {f"{source.get('prefix', '')}{key}": text for key, text in values.items()}
        for variable in container.get("env") or []:
            origin = variable.get("valueFrom") or {}
            for kind, resource in (("secretKeyRef", SECRETS), ("configMapKeyRef", CONFIG_MAPS)):
                if reference := origin.get(kind):
                    values = self._mapping(resource, order.namespace, reference)
                    if reference["key"] in values:
                        env[variable["name"]] = values[reference["key"]]
                    elif not reference.get("optional"):
                        raise WorkflowSpecError(f"couldn't find key {reference['key']} in {kind[:-6]} {reference['name']}")
            if "value" in variable:
                env[variable["name"]] = as_text(variable["value"])
        return env | {
            "ARGO_WORKFLOW_NAME": order.workflow["metadata"]["name"],
            "ARGO_POD_NAME": order.pod,
            "ARGO_NODE_ID": order.node_id,
            "ARGO_CONTAINER_NAME": MAIN,
        }

    def _mapping(self, resource: Resource, namespace: str, reference: Json) -> dict[str, str]:
        try:
            found = self._services.store.get(resource, namespace, str(reference.get("name", "")))
        except ApiError as error:
            if reference.get("optional"):
                return {}
            raise WorkflowSpecError(error.message) from None
        data: dict[str, str] = dict(found.get("data") or {})
        if resource is SECRETS:
            data = {key: base64.b64decode(text).decode() for key, text in data.items()}
        return data | dict(found.get("stringData") or {})

    def _end_pod(self, order: PodSpec, pod: Json, code: int | None, reason: str) -> None:
        """Write the pod's end; where it never started (no code) it has failed."""
        succeeded = code == 0
        state: Json = {
            "terminated": {
                "exitCode": 137 if code is None else code,
                "reason": "Completed" if succeeded else "Error",
                "startedAt": pod["metadata"]["creationTimestamp"],
                "finishedAt": timestamp(),
            }
        }
        phase = "Succeeded" if succeeded else "Failed"
        self._services.logs.open(pod["metadata"]["uid"], MAIN).end()
        self._set_status(order, {"phase": phase, "message": reason} if reason else {"phase": phase}, state, ready=False)
        strategy = (order.workflow["spec"].get("podGC") or {}).get("strategy", "")
        if strategy == "OnPodCompletion" or (strategy == "OnPodSuccess" and succeeded):
            with contextlib.suppress(ApiError):
                self._services.store.delete(PODS, order.namespace, order.pod)

    def _set_status(self, order: PodSpec, fields: Json, state: Json, *, ready: bool) -> None:
        def edit(pod: Json) -> Json:
            pod["status"].update(fields)
            pod["status"]["containerStatuses"] = [
                {
                    "name": MAIN,
                    "image": pod["spec"]["containers"][0]["image"],
                    "ready": ready,
                    "restartCount": 0,
                    "state": state,
                }
            ]
            ended = fields["phase"] in ("Succeeded", "Failed")
            pod["metadata"]["labels"][LABEL_COMPLETED] = str(ended).lower()
            return pod

        with contextlib.suppress(ApiError):  # deleted meanwhile
            self._services.store.change(PODS, order.namespace, order.pod, edit)


def _task(order: PodSpec, env: dict[str, str], kept: Path) -> tuple[ContainerTask, dict[str, Path], dict[str, Path]]:
    """Return the container's task, and where its output parameters and artifacts will be found."""
    template = order.template
    body: Json = template.get("container") or template["script"]
    declared_inputs = by_name((template.get("inputs") or {}).get("artifacts"), "input artifact")
    outputs: Json = template.get("outputs") or {}
    results: dict[str, Path] = {}
    transfers: list[Transfer] = []
    for name, declared in by_name(outputs.get("parameters"), "output parameter").items():
        if path := (declared.get("valueFrom") or {}).get("path"):
            results[name] = kept / "parameters" / name
            transfers.append(Transfer(path, results[name]))
    artifacts: dict[str, Path] = {}
    for name, declared in by_name(outputs.get("artifacts"), "output artifact").items():
        artifacts[name] = kept / "files" / name
        transfers.append(Transfer(_path_of(declared), artifacts[name]))
    task = ContainerTask(
        name=order.pod,
        image=str(body.get("image", "")),
        command=tuple(as_text(part) for part in body.get("command") or []),
        args=tuple(as_text(part) for part in body.get("args") or []),
        env=env,
        working_dir=str(body.get("workingDir") or ""),
        script=str(body.get("source", "")) if "script" in template else None,
        inputs=tuple(Transfer(_path_of(declared_inputs[name]), path) for name, path in order.artifacts.items()),
        outputs=tuple(transfers),
    )
    return task, results, artifacts


def _judge(outcome: NodeResult, template: Json, stopper: StopSignal, problem: str) -> NodeResult:
    """Return the outcome with what went wrong besides the exit code, and with declared defaults."""
    if stopper.reason is not None:
        phase = "Error" if stopper.reason == "pod deleted" else "Failed"
        return replace(outcome, phase=phase, message=stopper.reason)
    if problem:
        return replace(outcome, phase="Error", message=problem)
    parameters = dict(outcome.parameters)
    missing = []
    outputs: Json = template.get("outputs") or {}
    for name, declared in by_name(outputs.get("parameters"), "output parameter").items():
        source: Json = declared.get("valueFrom") or {}
        if name not in parameters and "default" in source:
            parameters[name] = as_text(source["default"])
        elif name not in parameters:
            missing.append(str(source.get("path", "")))
    for name, declared in by_name(outputs.get("artifacts"), "output artifact").items():
        if name not in outcome.artifacts and not declared.get("optional"):
            missing.append(str(declared.get("path", "")))
    outcome = replace(outcome, parameters=parameters)
    if missing and outcome.phase == "Succeeded":
        return replace(outcome, phase="Error", message=f"failed to save outputs: {missing[0]}: no such file or directory")
    return outcome


def _pod(order: PodSpec) -> Json:
    metadata = order.workflow["metadata"]
    body: Json = order.template.get("container") or order.template["script"]
    owner: dict[str, Any] = {
        "apiVersion": order.workflow["apiVersion"],
        "kind": order.workflow["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {
        "metadata": {
            "name": order.pod,
            "labels": {LABEL_WORKFLOW: metadata["name"], LABEL_COMPLETED: "false"},
            "annotations": {
                ANNOTATION_ID: order.node_id,
                ANNOTATION_NAME: order.node_name,
                "kubectl.kubernetes.io/default-container": MAIN,
            },
            "ownerReferences": [owner],
        },
        "spec": {
            "nodeName": HOST_NAME,
            "restartPolicy": "Never",
            "containers": [
                {"name": MAIN, **{key: body[key] for key in ("image", "command", "args", "workingDir") if key in body}}
            ],
        },
        "status": {"phase": "Pending"},
    }


def _deadline(template: Json, stopper: StopSignal) -> threading.Timer | None:
    seconds = template.get("activeDeadlineSeconds")
    if seconds is None:
        return None
    message = "Pod was active on the node longer than the specified deadline"
    timer = threading.Timer(float(seconds), stopper.stop, [message])
    timer.daemon = True
    timer.start()
    return timer


def _path_of(declared: Json) -> str:
    if not declared.get("path"):
        raise WorkflowSpecError(f"artifact {declared.get('name')!r} has no path")
    return str(declared["path"])


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace").removesuffix("\n")
