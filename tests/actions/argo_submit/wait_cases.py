"""What a workflow waits for: cases as data, for the stand-in and for the real cluster.

Each case is a task. On the real cluster Argo's controller writes what it waits for, the API server the conditions of gated
pods; the test stands for the scheduler and the kubelet (`pod`). On the stand-in the test writes all of it, as they do.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.actions.argo_submit.live_cases import key

SINCE = "2026-01-01T00:00:00Z"
RUNS, ELSEWHERE = "node", "elsewhere"  # the machine of the real cluster, and one that no kubelet stands for
SLEEP = {"command": ["sleep", "600"]}


@dataclass(frozen=True)
class WaitCase:
    """A task that waits, and what is said of it: a pattern, in which KEY is the task's name.

    `template` is what the real controller gets. `node` is what it then records, and `pod` the status of its pod. `others`
    are the other nodes of the record. Only the pod tells of some waits, so that the Argo Server does not know them.
    """

    name: str
    template: Mapping[str, Any]
    text: str
    node: Mapping[str, Any] = field(default_factory=dict)
    pod: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    spec: Mapping[str, Any] = field(default_factory=dict)  # of the pod
    others: Sequence[Mapping[str, Any]] = ()
    only_the_pod_tells: bool = False

    @property
    def key(self) -> str:
        return key(self.name)

    def is_in(self, text: str) -> bool:
        """Tell whether a log or a page says it, once; pages escape it."""
        plain = html.unescape(text.replace("\\", ""))
        return len(set(re.findall(self.text.replace("KEY", self.key), plain))) == 1


def _pod(name: str, text: str, message: str, pod: Mapping[str, Any], **more: Any) -> WaitCase:
    is_bound = more.pop("is_bound", True)
    template = {"container": SLEEP, "podSpecPatch": _on(ELSEWHERE) if is_bound else "{}"}
    return WaitCase(name, template, text, {"message": message}, pod, only_the_pod_tells=not message, **more)


def _on(machine: str) -> str:
    return json.dumps({"nodeName": machine})


def _waiting(reason: str, message: str) -> dict[str, Any]:
    return {"name": "main", "state": {"waiting": {"reason": reason, "message": message}}}


def _container(name: str, reason: str, message: str, text: str) -> WaitCase:
    said = f"{reason}: {message}" if message else reason
    return _pod(name, text, said, {"containerStatuses": [_waiting(reason, message)]})


def _unscheduled(name: str, reason: str, message: str, text: str, **more: Any) -> WaitCase:
    condition = {"type": "PodScheduled", "status": "False", "reason": reason, "message": message}
    said = f"Unschedulable: {message}" if reason == "Unschedulable" else ""
    return _pod(name, text, said, {"conditions": [{**condition, "lastTransitionTime": SINCE}]}, is_bound=False, **more)


GATE = "Scheduling is blocked due to non-empty scheduling gates"
GANG = "3/0 tasks in gang unschedulable: queue resource quota insufficient"
QUOTA = "requested: requests.nvidia.com/gpu=1, used: requests.nvidia.com/gpu=0, limited: requests.nvidia.com/gpu=0"
SUPPLIED = [{"name": "answer", "enum": ["yes", "no"], "description": "Deploy it?", "valueFrom": {"supplied": {}}}]
MODEL = {"parameters": [{"name": "model", "value": "resnet"}]}


def _lock(kind: str, name: str) -> dict[str, Any]:
    reference: dict[str, Any] = {"name": name}
    if kind == "semaphores":
        reference = {"configMapKeyRef": {"name": "limits", "key": name}}
    return {"container": SLEEP, "podSpecPatch": _on(RUNS), "synchronization": {kind: [reference]}}


WAITS = [
    WaitCase("a suspend node", {"suspend": {}}, "'KEY' is suspended \\(", {"type": "Suspend", "phase": "Running"}),
    WaitCase("a pause", {"suspend": {"duration": "600"}},
             "'KEY' is suspended: it goes on by itself 600s after its start \\(",
             {"type": "Suspend", "phase": "Running"}),
    WaitCase("an approval", {"suspend": {}, "inputs": MODEL, "outputs": {"parameters": SUPPLIED}},
             "'KEY' is suspended: it asks for 'answer' \\(yes, no\\): Deploy it\\?; given model=resnet \\(",
             {"type": "Suspend", "phase": "Running", "inputs": MODEL, "outputs": {"parameters": SUPPLIED}}),
    WaitCase("a mutex", _lock("mutexes", "gpu"),
             "'KEY' waits for the lock default/Mutex/gpu, held by default/",
             {"message": "Waiting for default/Mutex/gpu lock. Lock status: 0/1"}),
    WaitCase("a semaphore", _lock("semaphores", "gpu"),
             "'KEY' waits for the lock default/ConfigMap/limits/gpu, held by default/",
             {"message": "Waiting for default/ConfigMap/limits/gpu lock. Lock status: 0/1"}),
    WaitCase("the next attempt", {"retryStrategy": {"limit": "3", "backoff": {"duration": "10m"}},
                                  "container": {"command": ["sh", "-c", "exit 1"]}, "podSpecPatch": _on(RUNS)},
             "'KEY' waits before the next attempt: 10 minutes",
             {"type": "Retry", "phase": "Running", "message": "Backoff for 10 minutes 0 seconds"}),
    WaitCase("parallelism", {"parallelism": 1, "dag": {"tasks": [{"name": f"t{n}", "template": "held"} for n in range(3)]}},
             "'t1', 't2' wait for others to end: the template 'KEY' runs at most 1 at a time \\(parallelism\\)",
             {"type": "DAG", "phase": "Running"},
             others=[{"id": "t0", "displayName": "t0", "type": "Pod", "phase": "Running", "templateName": "held"}]),
    _pod("a queue of Kueue", f"'KEY' waits for a queue \\(gpus\\) to admit it: kueue.x-k8s.io/admission: {GATE}", "",
         {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "message": GATE}]},
         metadata={"labels": {"kueue.x-k8s.io/queue-name": "gpus"}},
         spec={"schedulingGates": [{"name": "kueue.x-k8s.io/admission"}]}, is_bound=False),
    _pod("a gate of another controller", f"'KEY' waits for a queue to admit it: example.test/gate: {GATE}", "",
         {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "message": GATE}]},
         spec={"schedulingGates": [{"name": "example.test/gate"}]}, is_bound=False),
    _pod("a scheduler that is not there", "'KEY' cannot start yet: Unschedulable: the scheduler 'volcano' has not looked at "
         "its pod yet \\(in the queue ml\\)", "", {"conditions": []},
         metadata={"annotations": {"scheduling.volcano.sh/queue-name": "ml"}}, spec={"schedulerName": "volcano"},
         is_bound=False),
    _unscheduled("a GPU", "Unschedulable", "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.",
                 "'KEY' cannot start yet: Unschedulable: 0/3 nodes are available: 3 Insufficient nvidia.com/gpu. "
                 "\\(it waits for a machine with nvidia.com/gpu\\)"),
    _unscheduled("a device claim", "Unschedulable", "0/3 nodes are available: 3 cannot allocate all claims.",
                 "'KEY' cannot start yet: Unschedulable: .* "
                 "\\(it waits for a machine with a device that its claims ask for\\)"),
    _unscheduled("room", "Unschedulable", "0/3 nodes are available: 3 Insufficient cpu.",
                 "'KEY' cannot start yet: Unschedulable: 0/3 nodes are available: 3 Insufficient cpu. \\("),
    _unscheduled("a gang of Volcano", "Undetermined", GANG,
                 f"'KEY' cannot start yet: Unschedulable: {GANG} \\(in the queue ml\\)",
                 metadata={"annotations": {"scheduling.volcano.sh/queue-name": "ml"}}),
    _container("an image", "ErrImagePull", 'Back-off pulling image "x:1": not found',
               "'KEY' cannot start yet: ImagePullBackOff: Back-off pulling image \"x:1\": not found"),
    _container("another image", "ImagePullBackOff", 'Back-off pulling image "y:1"',
               "'KEY' cannot start yet: ImagePullBackOff: Back-off pulling image \"y:1\""),
    _container("an image's name", "InvalidImageName", "couldn't parse image name",
               "'KEY' cannot start yet: InvalidImageName: couldn't parse image name"),
    _container("a secret", "CreateContainerConfigError", 'secret "key" not found',
               "'KEY' cannot start yet: CreateContainerConfigError: secret \"key\" not found"),
    _container("a container", "CreateContainerError", "context deadline exceeded",
               "'KEY' cannot start yet: CreateContainerError: context deadline exceeded"),
    _container("a program", "RunContainerError", "exec: no such file",
               "'KEY' cannot start yet: RunContainerError: exec: no such"),
    _container("a volume", "ContainerCreating", "", "'KEY' has been starting for long: ContainerCreating"),
    _container("another runtime's reason", "Strange", "what no kubelet says",
               "'KEY' cannot start yet: Strange: what no kubelet says"),
]  # fmt: skip
# A quota speaks when Argo creates the pod.
QUOTA_CASE = WaitCase(
    "a quota",
    {"container": {**SLEEP, "resources": {"limits": {"nvidia.com/gpu": "1"}}}},
    f"'KEY' cannot start yet: Quota: .* exceeded quota: gpus, {QUOTA}",
    {"message": f'pods "cases-a-quota-1" is forbidden: exceeded quota: gpus, {QUOTA}'},
)
WAITS.append(QUOTA_CASE)


def spec_of(image: str) -> dict[str, Any]:
    """Return the spec of the workflow whose tasks are the cases, for a real controller; each lock is held by a task."""
    templates: list[dict[str, Any]] = [_with_image({"name": "held", "container": SLEEP, "podSpecPatch": _on(RUNS)}, image)]
    tasks = []
    for case in WAITS:
        template = {**case.template, "name": case.key}
        if case.metadata:
            template["metadata"] = dict(case.metadata)
        if case.spec:
            template["podSpecPatch"] = json.dumps({**json.loads(template["podSpecPatch"]), **case.spec})
        templates.append(_with_image(template, image))
        task: dict[str, Any] = {"name": case.key, "template": case.key}
        if "synchronization" in case.template:
            holder = f"{case.key}-holder"
            templates.append(_with_image({**template, "name": holder}, image))
            tasks.append({"name": holder, "template": holder})
            task |= {"depends": f"{case.key}-first"}
            tasks.append({"name": f"{case.key}-first", "template": "soon"})
        tasks.append(task)
    soon = {"name": "soon", "container": {"command": ["true"]}, "podSpecPatch": _on(RUNS)}
    templates.append(_with_image(soon, image))
    return {
        "entrypoint": "main",
        "podSpecPatch": "{}",  # instead of the real cluster's default, which binds each pod to its node
        "templates": [{"name": "main", "dag": {"failFast": False, "tasks": tasks}}, *templates],
    }


def _with_image(template: Mapping[str, Any], image: str) -> dict[str, Any]:
    container = template.get("container")
    return {**template, "container": {"image": image, **container}} if container else dict(template)


def record_of(name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the workflow of the cases as Argo records it, and its pods, for a stand-in."""
    nodes: dict[str, dict[str, Any]] = {
        name: {"id": name, "name": name, "displayName": name, "type": "DAG", "phase": "Running", "startedAt": SINCE}
    }
    pods = []
    for case in WAITS:
        node = {
            "type": "Pod",
            "phase": "Pending",
            "startedAt": SINCE,
            "templateName": case.key,
            "boundaryID": name,
            **case.node,
        }
        identity = f"{name}-{case.key}"
        nodes[identity] = {"id": identity, "name": f"{name}.{case.key}", "displayName": case.key, **node}
        for other in case.others:
            of_other = f"{identity}-{other['id']}"
            whole = f"{name}.{case.key}.{other['displayName']}"
            nodes[of_other] = {**other, "id": of_other, "name": whole, "boundaryID": identity, "startedAt": SINCE}
        if case.pod is not None:
            pods.append(_pod_of(case, name, identity))
    waiting = {
        "mutex": {"waiting": [{"mutex": "default/Mutex/gpu", "holder": f"default/{name}/holder"}]},
        "semaphore": {"waiting": [{"semaphore": "default/ConfigMap/limits/gpu", "holders": [f"default/{name}/holder"]}]},
    }
    status = {"phase": "Running", "startedAt": SINCE, "nodes": nodes, "synchronization": waiting}
    return {"metadata": {"name": name}, "spec": spec_of("x"), "status": status}, pods


def _pod_of(case: WaitCase, workflow: str, identity: str) -> dict[str, Any]:
    labels = {"workflows.argoproj.io/workflow": workflow, **case.metadata.get("labels", {})}
    annotations = {
        "workflows.argoproj.io/node-id": identity,
        "workflows.argoproj.io/node-name": f"{workflow}.{case.key}",
        **case.metadata.get("annotations", {}),
    }
    return {
        "metadata": {"name": identity, "labels": labels, "annotations": annotations},
        "spec": {"containers": [{"name": "main"}], **case.spec},
        "status": {"phase": "Pending", **(case.pod or {})},
    }


@dataclass(frozen=True)
class WholeCase:
    """A whole workflow that waits: what its spec adds, how Argo records it, and what is said."""

    name: str
    spec: Mapping[str, Any]
    status: Mapping[str, Any]
    text: str
    is_real: bool = True  # whether the real cluster of the tests can do it


POSTPONED = "Workflow processing has been postponed because too many workflows are already running"
LOCKED = {"mutexes": [{"name": "whole"}]}
WHOLES = [
    WholeCase("suspended", {"suspend": True}, {}, "the workflow is suspended \\("),
    WholeCase("a mutex", {"synchronization": LOCKED},
              {"phase": "Pending", "startedAt": None, "message": "Waiting for default/Mutex/whole lock. Lock status: 0/1",
               "synchronization": {"mutex": {"waiting": [{"mutex": "default/Mutex/whole", "holder": "default/a"}]}}},
              "the workflow waits for the lock default/Mutex/whole, held by default/.* \\("),
    WholeCase("too many workflows", {}, {"phase": "Pending", "startedAt": None, "message": POSTPONED},
              "the workflow waits until fewer workflows run: the controller limits how many run at a time \\(",
              is_real=False),
]  # fmt: skip
