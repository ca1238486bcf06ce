"""Run container and script templates, each as one pod."""

from __future__ import annotations

import base64
import contextlib
import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping
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
    """The services that the engine uses."""

    store: Store
    logs: LogStore
    executor: Executor
    slots: Slots
    directory: Path  # private; holds artifacts and workspaces


@dataclass(frozen=True)
class PodSpec:
    """A pod to run: its template with all tags replaced, its input artifacts, and its node."""

    workflow: Json
    template: Json
    node_id: str
    node_name: str
    artifacts: Mapping[str, Path] = field(default_factory=dict)

    @property
    def namespace(self) -> str:
        """The namespace of workflow and pod."""
        return str(self.workflow["metadata"]["namespace"])

    @property
    def pod(self) -> str:
        """The name of the pod."""
        return pod_name(self.workflow["metadata"]["name"], self.node_name, str(self.template.get("name", "")))


class Pods:
    """Runs the pods of one workflow."""

    def __init__(self, services: Services, parallelism: int | None) -> None:
        self._services = services
        self._own_slots = Slots(parallelism)
        self._lock = threading.Lock()
        self._stoppers: dict[str, StopSignal] = {}

    def stop_deleted(self, pod: str) -> None:
        """Stop the container of a pod that was deleted."""
        with self._lock:
            stopper = self._stoppers.get(pod)
        if stopper is not None:
            stopper.stop("pod deleted")

    def run(self, pod_spec: PodSpec, stopper: StopSignal, running: Callable[[], None]) -> NodeResult:
        """Run one pod to its end; `running` is called when its container starts. Raises WorkflowSpecError."""
        stop_signal = StopSignal(stopper)
        with self._lock:
            self._stoppers[pod_spec.pod] = stop_signal
        timer = _deadline(pod_spec.template, stop_signal)
        try:
            task_parts = self._environment(pod_spec)
            pod = self._services.store.create(PODS, pod_spec.namespace, _pod(pod_spec))
            with self._own_slots.one(stop_signal) as first, self._services.slots.one(stop_signal) as second:
                if not (first and second):
                    self._end_pod(pod_spec, pod, None, str(stop_signal.reason))
                    return NodeResult(pod_spec.node_id, "Failed", str(stop_signal.reason))
                self._set_status(pod_spec, {"phase": "Running", "startTime": timestamp()}, {"running": {}}, ready=True)
                running()
                return self._run_container(pod_spec, pod, task_parts, stop_signal)
        finally:
            if timer is not None:
                timer.cancel()
            stop_signal.leave()
            with self._lock:
                self._stoppers.pop(pod_spec.pod, None)

    def _run_container(self, pod_spec: PodSpec, pod: Json, env: dict[str, str], stopper: StopSignal) -> NodeResult:
        log = self._services.logs.open(pod["metadata"]["uid"], MAIN)
        stdout_lines: list[bytes] = []

        def output(line: bytes, *, error: bool) -> None:
            if not error:
                stdout_lines.append(line)
            log.write(line)

        artifact_directory = self._services.directory / "artifacts" / pod_spec.node_id
        task, results, artifacts = _task(pod_spec, env, artifact_directory)
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
        self._end_pod(pod_spec, pod, code if not reason else (code or 137), reason)
        script = "script" in pod_spec.template
        result = NodeResult(
            pod_spec.node_id,
            phase="Succeeded" if code == 0 else "Failed",
            message="" if code == 0 else f"{MAIN}: Error (exit code {code})",
            parameters={name: _read(path) for name, path in results.items() if path.exists()},
            artifacts={name: path for name, path in artifacts.items() if path.exists()},
            result=b"\n".join(stdout_lines).decode(errors="replace").strip() if script or stdout_lines else None,
            exit_code=None if code is None else str(code),
        )
        return _complete_result(result, pod_spec.template, stopper, problem)

    def _environment(self, pod_spec: PodSpec) -> dict[str, str]:
        container: Json = pod_spec.template.get("container") or pod_spec.template.get("script") or {}
        env: dict[str, str] = {}
        for source in container.get("envFrom") or []:
            for kind, resource in (("secretRef", SECRETS), ("configMapRef", CONFIG_MAPS)):
                if reference := source.get(kind):
                    values = self._mapping(resource, pod_spec.namespace, reference)
                    env |= {f"{source.get('prefix', '')}{key}": text for key, text in values.items()}
        for variable in container.get("env") or []:
            origin = variable.get("valueFrom") or {}
            for kind, resource in (("secretKeyRef", SECRETS), ("configMapKeyRef", CONFIG_MAPS)):
                if reference := origin.get(kind):
                    values = self._mapping(resource, pod_spec.namespace, reference)
                    if reference["key"] in values:
                        env[variable["name"]] = values[reference["key"]]
                    elif not reference.get("optional"):
                        raise WorkflowSpecError(f"couldn't find key {reference['key']} in {kind[:-6]} {reference['name']}")
            if "value" in variable:
                env[variable["name"]] = as_text(variable["value"])
        return env | {
            "ARGO_WORKFLOW_NAME": pod_spec.workflow["metadata"]["name"],
            "ARGO_POD_NAME": pod_spec.pod,
            "ARGO_NODE_ID": pod_spec.node_id,
            "ARGO_CONTAINER_NAME": MAIN,
        }

    def _mapping(self, resource: Resource, namespace: str, reference: Json) -> dict[str, str]:
        try:
            stored = self._services.store.get(resource, namespace, str(reference.get("name", "")))
        except ApiError as error:
            if reference.get("optional"):
                return {}
            raise WorkflowSpecError(error.message) from None
        data: dict[str, str] = dict(stored.get("data") or {})
        if resource is SECRETS:
            data = {key: base64.b64decode(text).decode() for key, text in data.items()}
        return data | dict(stored.get("stringData") or {})

    def _end_pod(self, pod_spec: PodSpec, pod: Json, code: int | None, reason: str) -> None:
        """Write the final status of a pod; one that never started (no exit code) has failed."""
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
        self._set_status(pod_spec, {"phase": phase, "message": reason} if reason else {"phase": phase}, state, ready=False)
        strategy = (pod_spec.workflow["spec"].get("podGC") or {}).get("strategy", "")
        if strategy == "OnPodCompletion" or (strategy == "OnPodSuccess" and succeeded):
            with contextlib.suppress(ApiError):
                self._services.store.delete(PODS, pod_spec.namespace, pod_spec.pod)

    def _set_status(self, pod_spec: PodSpec, fields: Json, state: Json, *, ready: bool) -> None:
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

        with contextlib.suppress(ApiError):  # the object was deleted
            self._services.store.change(PODS, pod_spec.namespace, pod_spec.pod, edit)


def _task(
    pod_spec: PodSpec, env: dict[str, str], artifact_directory: Path
) -> tuple[ContainerTask, dict[str, Path], dict[str, Path]]:
    """Return the container's task, and the paths where its output parameters and artifacts will be."""
    template = pod_spec.template
    body: Json = template.get("container") or template["script"]
    declared_inputs = by_name((template.get("inputs") or {}).get("artifacts"), "input artifact")
    outputs: Json = template.get("outputs") or {}
    results: dict[str, Path] = {}
    transfers: list[Transfer] = []
    for name, declared in by_name(outputs.get("parameters"), "output parameter").items():
        if path := (declared.get("valueFrom") or {}).get("path"):
            results[name] = artifact_directory / "parameters" / name
            transfers.append(Transfer(path, results[name]))
    artifacts: dict[str, Path] = {}
    for name, declared in by_name(outputs.get("artifacts"), "output artifact").items():
        artifacts[name] = artifact_directory / "files" / name
        transfers.append(Transfer(_path_of(declared), artifacts[name]))
    task = ContainerTask(
        name=pod_spec.pod,
        image=str(body.get("image", "")),
        command=tuple(as_text(part) for part in body.get("command") or []),
        args=tuple(as_text(part) for part in body.get("args") or []),
        env=env,
        working_dir=str(body.get("workingDir") or ""),
        script=str(body.get("source", "")) if "script" in template else None,
        inputs=tuple(Transfer(_path_of(declared_inputs[name]), path) for name, path in pod_spec.artifacts.items()),
        outputs=tuple(transfers),
    )
    return task, results, artifacts


def _complete_result(result: NodeResult, template: Json, stopper: StopSignal, problem: str) -> NodeResult:
    """Return the result with errors other than the exit code, and with declared defaults."""
    if stopper.reason is not None:
        phase = "Error" if stopper.reason == "pod deleted" else "Failed"
        return replace(result, phase=phase, message=stopper.reason)
    if problem:
        return replace(result, phase="Error", message=problem)
    parameters = dict(result.parameters)
    missing = []
    outputs: Json = template.get("outputs") or {}
    for name, declared in by_name(outputs.get("parameters"), "output parameter").items():
        source: Json = declared.get("valueFrom") or {}
        if name not in parameters and "default" in source:
            parameters[name] = as_text(source["default"])
        elif name not in parameters:
            missing.append(str(source.get("path", "")))
    for name, declared in by_name(outputs.get("artifacts"), "output artifact").items():
        if name not in result.artifacts and not declared.get("optional"):
            missing.append(str(declared.get("path", "")))
    result = replace(result, parameters=parameters)
    if missing and result.phase == "Succeeded":
        return replace(result, phase="Error", message=f"failed to save outputs: {missing[0]}: no such file or directory")
    return result


def _pod(pod_spec: PodSpec) -> Json:
    metadata = pod_spec.workflow["metadata"]
    body: Json = pod_spec.template.get("container") or pod_spec.template["script"]
    owner: dict[str, Any] = {
        "apiVersion": pod_spec.workflow["apiVersion"],
        "kind": pod_spec.workflow["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {
        "metadata": {
            "name": pod_spec.pod,
            "labels": {LABEL_WORKFLOW: metadata["name"], LABEL_COMPLETED: "false"},
            "annotations": {
                ANNOTATION_ID: pod_spec.node_id,
                ANNOTATION_NAME: pod_spec.node_name,
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
