"""Translate Argo's pods into container tasks, and the ends of containers into pod statuses: pure functions."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mlops_actions.core.types import Json
from mlops_sandbox.cluster import ContainerTask, Transfer

MAIN, WAIT = "main", "wait"
NODE_ID = "workflows.argoproj.io/node-id"
WORKFLOW = "workflows.argoproj.io/workflow"
REPORTED = "workflows.argoproj.io/report-outputs-completed"
TEMPLATE = "ARGO_TEMPLATE"
WITH_RESULT = "ARGO_INCLUDE_SCRIPT_OUTPUT"
DEADLINE = "Pod was active on the node longer than the specified deadline"
KILLED = 137
NEVER_STARTED = 128

# (kind of reference, its name) → its keys and values, none where it does not exist
Values = Callable[[str, str], Mapping[str, str]]


class Missing(Exception):
    """A value that the container needs is not there yet; the message is the kubelet's."""


class OutputMissing(Exception):
    """A declared output that the container did not write."""


@dataclass(frozen=True)
class End:
    """How a container ended: its exit code, why it was ended from outside, and what went wrong around it."""

    code: int
    reason: str = ""
    start_problem: str = ""
    output_problem: str = ""

    @property
    def succeeded(self) -> bool:
        return self.code == 0 and not self.reason and not self.output_problem


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def main_container(pod: Json) -> Json:
    return next(one for one in pod["spec"]["containers"] if one["name"] == MAIN)


def template(pod: Json) -> Json:
    """Argo hands a pod its template, with all values put in, by the environment of its containers; an agent has none."""
    for container in [*(pod["spec"].get("initContainers") or []), *pod["spec"]["containers"]]:
        for variable in container.get("env") or []:
            if variable["name"] == TEMPLATE:
                return dict(json.loads(variable["value"]))
    return {}


def environment(pod: Json, values: Values) -> dict[str, str]:
    """The main container's variables; raises Missing where what is referred to does not exist."""
    env: dict[str, str] = {}
    for variable in main_container(pod).get("env") or []:
        origin = variable.get("valueFrom") or {}
        for kind in ("secretKeyRef", "configMapKeyRef"):
            if reference := origin.get(kind):
                found = values(kind, reference["name"])
                if reference["key"] in found:
                    env[variable["name"]] = found[reference["key"]]
                elif not reference.get("optional"):
                    raise Missing(f"{kind.removesuffix('KeyRef').lower()} {reference['name']!r} has no {reference['key']!r}")
        if not origin:
            env[variable["name"]] = variable.get("value", "")
    return env


class Work:
    """The main container's task, and what becomes of its outputs. `artifacts` stands for the artifact store."""

    def __init__(self, pod: Json, values: Values, directory: Path, artifacts: Path) -> None:
        self._template = template(pod)
        self._artifacts = artifacts
        self._parameters = directory / "parameters"
        container = main_container(pod)
        env = environment(pod, values)
        self._with_result = env.get(WITH_RESULT) == "true"
        script = self._template.get("script")
        command = container["command"]
        outputs = self._template.get("outputs") or {}
        self.task = ContainerTask(
            name=pod["metadata"]["name"],
            image=container["image"],
            command=tuple(command[command.index("--") + 1 :]),  # without Argo's emissary around it
            args=() if script else tuple(container.get("args") or ()),
            env=env,
            working_dir=container.get("workingDir") or "",
            script=script["source"] if script else None,
            inputs=tuple(
                Transfer(one["path"], self._stored(one["s3"]["key"]))
                for one in (self._template.get("inputs") or {}).get("artifacts") or []
                if "s3" in one
            ),
            outputs=(
                *(Transfer(path, self._parameters / name) for name, path in self._paths(outputs)),
                *(Transfer(one["path"], self._stored(self._key(one))) for one in outputs.get("artifacts") or []),
            ),
        )

    def outputs(self, printed: str) -> Json:
        """What Argo's executor reports; raises OutputMissing."""
        declared = self._template.get("outputs") or {}
        found: Json = {"parameters": [], "artifacts": []}
        for one in declared.get("parameters") or []:
            source = one.get("valueFrom") or {}
            if "path" not in source:
                continue
            file = self._parameters / one["name"]
            if not file.exists() and "default" not in source:
                raise OutputMissing(f"open {source['path']}: no such file or directory")
            text = file.read_text(errors="replace") if file.exists() else str(source["default"])
            found["parameters"].append({**one, "value": text.removesuffix("\n")})
        for one in declared.get("artifacts") or []:
            if self._stored(self._key(one)).exists():
                location = {**self._template["archiveLocation"]["s3"], "key": self._key(one)}
                found["artifacts"].append({**one, "s3": location})
            elif not one.get("optional"):
                raise OutputMissing(f"stat {one['path']}: no such file or directory")
        if self._with_result:
            found["result"] = printed.removesuffix("\n")
        return {key: value for key, value in found.items() if value != []}

    @staticmethod
    def _paths(outputs: Json) -> list[tuple[str, str]]:
        pairs = ((one["name"], (one.get("valueFrom") or {}).get("path")) for one in outputs.get("parameters") or [])
        return [(name, path) for name, path in pairs if path]

    def _key(self, artifact: Json) -> str:
        given = (artifact.get("s3") or {}).get("key")
        return given or f"{self._template['archiveLocation']['s3']['key']}/{artifact['name']}.tgz"

    def _stored(self, key: str) -> Path:
        if ".." in Path(key).parts:
            raise ValueError(f"not a key of an artifact: {key}")
        return self._artifacts / key.lstrip("/")


def task_result(pod: Json, outputs: Json) -> Json:
    """The object by which outputs reach the controller."""
    metadata = pod["metadata"]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "WorkflowTaskResult",
        "metadata": {
            "name": metadata["annotations"][NODE_ID],
            "labels": {WORKFLOW: metadata["labels"][WORKFLOW], REPORTED: "true"},
        },
        **({"outputs": outputs} if outputs else {}),
    }


def running(pod: Json, since: str) -> Json:
    """The status of a pod whose containers have started."""
    state = {"running": {"startedAt": since}}
    return {
        "phase": "Running",
        "startTime": since,
        "hostIP": "127.0.0.1",
        "podIP": "127.0.0.1",
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": since}],
        **_containers(pod, dict.fromkeys((MAIN, WAIT), state), since, ready=True),
    }


def waiting(pod: Json, reason: str, message: str, since: str) -> Json:
    """The status of a pod whose container cannot be started for now."""
    states = {MAIN: {"waiting": {"reason": reason, "message": message}}, WAIT: {"running": {"startedAt": since}}}
    return {"phase": "Pending", "startTime": since, **_containers(pod, states, since, ready=False)}


def never_started(pod: Json, reason: str, since: str) -> Json:
    """The status of a pod that was given up while its container could not be started."""
    status = {**waiting(pod, "ContainerCreating", "", since), "phase": "Failed"}
    return {**status, "reason": "DeadlineExceeded", "message": DEADLINE} if reason == DEADLINE else status


def ended(pod: Json, end: End, since: str) -> Json:
    """The status of a pod whose containers have ended."""

    def terminated(code: int, message: str = "") -> Json:
        state: Json = {"exitCode": code, "reason": "Error" if code else "Completed", "startedAt": since, "finishedAt": now()}
        return {"terminated": {**state, **({"message": message} if message else {})}}

    states = {
        MAIN: terminated(end.code, end.start_problem),
        WAIT: terminated(1, end.output_problem) if end.output_problem else terminated(0),
    }
    status: Json = {
        "phase": "Succeeded" if end.succeeded else "Failed",
        "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": now()}],
        **_containers(pod, states, since, ready=False),
    }
    if end.reason == DEADLINE:
        status |= {"reason": "DeadlineExceeded", "message": DEADLINE}
    return status


def _containers(pod: Json, states: Mapping[str, Json], since: str, *, ready: bool) -> Json:
    """Return the states of the containers; one that is neither MAIN nor WAIT (of a container set) has that of MAIN."""

    def one(container: Json, state: Json, ready: bool) -> Json:
        return {
            "name": container["name"],
            "image": container["image"],
            "imageID": "",
            "ready": ready,
            "restartCount": 0,
            "state": state,
        }

    initialized = {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": since, "finishedAt": since}}
    spec = pod["spec"]
    return {
        "initContainerStatuses": [one(container, initialized, True) for container in spec.get("initContainers") or []],
        "containerStatuses": [
            one(container, states[WAIT if container["name"] == WAIT else MAIN], ready) for container in spec["containers"]
        ],
    }
