"""Read nodes from a workflow's pods, where the workflow's own record of them cannot be read. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from mlops_actions.argo_submit.node_status import NodeStatus
from mlops_actions.argo_submit.status import WorkflowStatus, parse_time
from mlops_actions.core.argo import NODE_ID_ANNOTATION, NODE_NAME_ANNOTATION, WORKFLOW_LABEL
from mlops_actions.core.types import Json

# Argo's own containers: their logs and exit codes say nothing of the work.
EXECUTOR_CONTAINERS = frozenset({"init", "wait"})
QUEUES = ("kueue.x-k8s.io/queue-name", "volcano.sh/queue-name", "scheduling.volcano.sh/queue-name")
# Steps of every start: the kubelet prepares the pod's volumes and images, or runs its init containers.
STARTING = frozenset({"ContainerCreating", "PodInitializing"})
UNSCHEDULABLE, GATED = "Unschedulable", "SchedulingGated"
UNSCHEDULED = "Unscheduled"  # no scheduler has looked at the pod


@dataclass(frozen=True, slots=True)
class ObservedContainer:
    """A container, as far as following its log needs it; `exit_code` is None before its end."""

    has_started: bool
    has_ended: bool
    exit_code: int | None
    restarts: int


@dataclass(frozen=True, slots=True)
class PodWaiting:
    """Why a pod has not started: a reason of Kubernetes' or `UNSCHEDULED`, its message, since when, and the pod's queue."""

    reason: str
    message: str = ""
    since: datetime | None = None
    queue: str = ""


@dataclass(frozen=True, slots=True)
class ObservedPod:
    """A pod of a workflow; `node_path` is its node's name without the workflow's, `host` the machine that runs it."""

    name: str
    uid: str
    host: str
    node: NodeStatus
    node_path: str
    containers: Mapping[str, ObservedContainer]
    waiting: PodWaiting | None = None


def observe(pod: Json) -> ObservedPod | None:
    """Return what a pod shows of its node and containers; None where Argo did not create it."""
    metadata, state = pod.get("metadata") or {}, pod.get("status") or {}
    workflow = str((metadata.get("labels") or {}).get(WORKFLOW_LABEL) or "")
    node = node_of(pod, workflow)
    if node is None:
        return None
    statuses = [*(state.get("initContainerStatuses") or ()), *(state.get("containerStatuses") or ())]
    return ObservedPod(
        name=str(metadata.get("name") or ""),
        uid=str(metadata.get("uid") or ""),
        host=str((pod.get("spec") or {}).get("nodeName") or ""),
        node=node,
        node_path=re.sub(rf"^{re.escape(workflow)}(\[\d+\])?\.", "", node.name),
        containers={
            str(status.get("name") or ""): _container(status)
            for status in statuses
            if status.get("name") not in EXECUTOR_CONTAINERS
        },
        waiting=_waiting(pod, statuses),
    )


def _waiting(pod: Json, statuses: list[Json]) -> PodWaiting | None:
    """Return why a pod has not started; None where it has. The steps of an ordinary start are reasons too.

    See https://kubernetes.io/docs/concepts/scheduling-eviction/pod-scheduling-readiness/ for gates; Kueue and Volcano name
    their queues in labels and annotations. Other schedulers than Kubernetes' own give other reasons: Volcano's are
    Schedulable and Undetermined too (https://github.com/volcano-sh/volcano/blob/master/docs/design/scheduling-reason.md).
    """
    metadata, state, spec = pod.get("metadata") or {}, pod.get("status") or {}, pod.get("spec") or {}
    created = parse_time(metadata.get("creationTimestamp"))
    if state.get("phase") != "Pending" or created is None:  # the record of the Argo Server implies pods, and knows no reason
        return None
    marks = {**(metadata.get("annotations") or {}), **(metadata.get("labels") or {})}
    queue = next((str(marks[name]) for name in QUEUES if marks.get(name)), "")
    scheduled: Json = next((one for one in state.get("conditions") or () if one.get("type") == "PodScheduled"), {})
    since = parse_time(scheduled.get("lastTransitionTime")) or created
    if scheduled.get("status") == "False":
        reason, message = str(scheduled.get("reason") or ""), str(scheduled.get("message") or "")
        if reason == GATED:
            gates = ", ".join(str(gate.get("name")) for gate in spec.get("schedulingGates") or ())
            return PodWaiting(GATED, f"{gates}: {message}" if gates else message, since, queue)
        return PodWaiting(UNSCHEDULABLE, message or reason, since, queue)
    ordinary = None
    for status in statuses:
        waiting = (status.get("state") or {}).get("waiting") or {}
        reason, message = str(waiting.get("reason") or ""), str(waiting.get("message") or "")
        if reason in STARTING:
            ordinary = ordinary or PodWaiting(reason, message, since)
        elif reason:
            return PodWaiting(reason, message, created)
    if ordinary is None and not scheduled and not spec.get("nodeName"):
        scheduler = str(spec.get("schedulerName") or "default-scheduler")
        return PodWaiting(UNSCHEDULED, f"the scheduler '{scheduler}' has not looked at its pod yet", created, queue)
    return ordinary or PodWaiting("ContainerCreating", "", since, queue)


def _container(status: Json) -> ObservedContainer:
    state = status.get("state") or {}
    end = state.get("terminated")
    return ObservedContainer(
        has_started="running" in state or end is not None,
        has_ended=end is not None,
        exit_code=None if end is None else int(end.get("exitCode") or 0),
        restarts=int(status.get("restartCount") or 0),
    )


def node_of(pod: Json, workflow: str) -> NodeStatus | None:
    """Return the node that a pod runs, as far as the pod shows it; None where Argo did not create the pod."""
    metadata, state = pod.get("metadata") or {}, pod.get("status") or {}
    annotations = metadata.get("annotations") or {}
    node_id = str(annotations.get(NODE_ID_ANNOTATION) or "")
    if not node_id:
        return None
    ends = [
        dict((container.get("state") or {}).get("terminated") or {})
        for container in state.get("containerStatuses") or []
        if container.get("name") not in EXECUTOR_CONTAINERS
    ]
    failed = next((end for end in ends if end.get("exitCode")), {})
    finished = [time for end in ends if (time := parse_time(end.get("finishedAt"))) is not None]
    phase = str(state.get("phase") or "Pending")
    has_ended = phase in ("Succeeded", "Failed")
    message = f"{failed.get('reason') or 'Error'} (exit code {failed['exitCode']})" if failed else ""
    name = str(annotations.get(NODE_NAME_ANNOTATION) or node_id)
    return NodeStatus(
        id=node_id,
        name=name,
        display_name=name.removeprefix(f"{workflow}."),
        type="Pod",
        template="",
        phase=phase,
        message=message or str(state.get("message") or ""),
        started=parse_time(state.get("startTime")),
        finished=max(finished) if finished and has_ended else None,
        exit_code=str(failed.get("exitCode") or ("0" if phase == "Succeeded" else "")),
    )


def with_pod_nodes(status: WorkflowStatus, nodes: Iterable[NodeStatus]) -> WorkflowStatus:
    """Return the status with the nodes of its pods, where its own record of the nodes cannot be read."""
    known = {node.id: node for node in nodes}
    if status.readable or not known:
        return status
    return replace(status, nodes=known)
