"""What a workflow waits for is found in its status and its pods, and said in one line each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlops_actions.argo_submit import pods, status, waiting
from mlops_actions.argo_submit.pods import PodWaiting

SINCE = "2026-01-01T00:00:00Z"
NOW = datetime(2026, 1, 1, 0, 5, tzinfo=UTC)


def workflow(*nodes: dict[str, Any], spec: dict[str, Any] | None = None, **fields: Any) -> status.WorkflowStatus:
    return status.read({
        "metadata": {"name": "wf", "namespace": "ns"},
        "spec": spec or {},
        "status": {"startedAt": SINCE, "nodes": {node["id"]: node for node in nodes}, **fields},
    })  # fmt: skip


def node(name: str, message: str = "", *, phase: str = "Pending", kind: str = "Pod") -> dict[str, Any]:
    return {
        "id": f"wf-{name}",
        "name": f"wf.{name}",
        "displayName": name,
        "type": kind,
        "phase": phase,
        "message": message,
        "startedAt": SINCE,
    }


def pod(name: str = "train", **more: Any) -> dict[str, Any]:
    metadata = {
        "name": f"wf-{name}",
        "creationTimestamp": SINCE,
        "labels": {"workflows.argoproj.io/workflow": "wf", **more.pop("labels", {})},
        "annotations": {"workflows.argoproj.io/node-id": f"wf-{name}", **more.pop("annotations", {})},
    }
    return {"metadata": metadata, "spec": more.pop("spec", {}), "status": {"phase": "Pending", **more}}


def of_pod(raw: dict[str, Any]) -> dict[str, PodWaiting]:
    observed = pods.observe(raw)
    assert observed is not None
    return {observed.node.id: observed.waiting} if observed.waiting else {}


def condition(reason: str, message: str) -> list[dict[str, str]]:
    kind = {"type": "PodScheduled", "status": "False", "reason": reason, "message": message}
    return [{**kind, "lastTransitionTime": "2026-01-01T00:01:00Z"}]


def blocked(reason: str, message: str) -> list[dict[str, Any]]:
    return [{"name": "main", "state": {"waiting": {"reason": reason, "message": message}}}]


HELD = {"mutex": {"waiting": [{"mutex": "ns/Mutex/gpu", "holder": "ns/other/other-1"}]}}
SEMAPHORE = {"semaphore": {"waiting": [{"semaphore": "ns/ConfigMap/limits/gpu", "holders": ["ns/a", "ns/b"]}]}}
QUOTA = 'pods "wf-train" is forbidden: exceeded quota: compute, requested: cpu=4, used: cpu=8, limited: cpu=10'
GPU = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
GANG = "3/0 tasks in gang unschedulable: queue resource quota insufficient"
PULL = 'Back-off pulling image "ghcr.io/a/b:1"'


@pytest.mark.parametrize(
    ("current", "observed", "text"),
    [
        (workflow(phase="Running"), {}, []),
        (workflow(phase="Running", spec={"suspend": True}), {}, ["the workflow is suspended"]),
        (workflow(node("approve", phase="Running", kind="Suspend")), {}, ["'approve' is suspended (for 5m 00s)"]),
        (workflow(node("approve", phase="Succeeded", kind="Suspend")), {}, []),
        (
            workflow(phase="Pending", message="Waiting for ns/Mutex/gpu lock. Lock status: 0/1 ", synchronization=HELD),
            {},
            ["the workflow waits for the lock ns/Mutex/gpu, held by ns/other/other-1 (for 5m 00s)"],
        ),
        (
            workflow(
                node("a", "Waiting for ns/ConfigMap/limits/gpu lock. Lock status: 2/2 "),
                node("b", "Waiting for ns/ConfigMap/limits/gpu lock. Lock status: 2/2 "),
                synchronization=SEMAPHORE,
            ),
            {},
            ["'a', 'b' wait for the lock ns/ConfigMap/limits/gpu, held by ns/a, ns/b (for 5m 00s)"],
        ),
        (
            workflow(
                phase="Pending",
                message="Workflow processing has been postponed because too many workflows are already running",
            ),
            {},
            ["the workflow waits until fewer workflows run: the controller limits how many run at a time (for 5m 00s)"],
        ),
        (workflow(node("train", QUOTA)), {}, [f"'train' cannot start yet: Quota: {QUOTA} (for 5m 00s)"]),
        (
            workflow(node("train", f"Unschedulable: {GPU}")),
            {},
            [f"'train' cannot start yet: Unschedulable: {GPU} (it waits for a machine with nvidia.com/gpu) (for 5m 00s)"],
        ),
        (
            workflow(node("train")),
            of_pod(pod(conditions=condition("Unschedulable", "0/3 nodes are available: 3 Insufficient cpu."))),
            ["'train' cannot start yet: Unschedulable: 0/3 nodes are available: 3 Insufficient cpu. (for 4m 00s)"],
        ),
        (
            workflow(node("train", f"ImagePullBackOff: {PULL}")),
            {},
            [f"'train' cannot start yet: ImagePullBackOff: {PULL} (for 5m 00s)"],
        ),
        (
            workflow(node("train", "ErrImagePull: not found")),
            of_pod(pod(containerStatuses=blocked("ErrImagePull", PULL))),
            [f"'train' cannot start yet: ImagePullBackOff: {PULL} (for 5m 00s)"],
        ),
        (
            workflow(node("train")),
            of_pod(pod(initContainerStatuses=blocked("CreateContainerConfigError", 'secret "key" not found'))),
            ["'train' cannot start yet: CreateContainerConfigError: secret \"key\" not found (for 5m 00s)"],
        ),
        (workflow(node("train", "ContainerCreating")), of_pod(pod(containerStatuses=blocked("ContainerCreating", ""))), []),
        (workflow(node("train", "PodInitializing")), {}, []),
        (
            workflow(node("train")),
            of_pod(
                pod(
                    labels={"kueue.x-k8s.io/queue-name": "gpus"},
                    spec={"schedulingGates": [{"name": "kueue.x-k8s.io/admission"}]},
                    conditions=condition("SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates"),
                )
            ),
            [
                "'train' waits for a queue (gpus) to admit it: kueue.x-k8s.io/admission: "
                "Scheduling is blocked due to non-empty scheduling gates (for 4m 00s)"
            ],
        ),
        (
            workflow(node("train")),
            of_pod(
                pod(
                    annotations={"volcano.sh/queue-name": "ml"},
                    conditions=condition("Unschedulable", GANG),
                )
            ),
            [
                f"'train' cannot start yet: Unschedulable: {GANG} (in the queue ml) (for 4m 00s)"
            ],
        ),
        (workflow(node("train"), phase="Failed"), of_pod(pod(conditions=condition("Unschedulable", "x"))), []),
    ],
)  # fmt: skip
def test_what_is_waited_for_is_said(
    current: status.WorkflowStatus, observed: dict[str, PodWaiting], text: list[str]
) -> None:
    assert [one.text(NOW) for one in waiting.reasons(current, observed)] == text


def test_thousands_of_nodes_that_wait_for_one_thing_are_one_reason() -> None:
    (one,) = waiting.reasons(workflow(*(node(f"n{number}", f"Unschedulable: {GPU}") for number in range(3_000))), {})
    assert one.text().startswith("'n0', 'n1', 'n2' and 2997 more cannot start yet: Unschedulable")


def test_a_suspension_says_how_to_end_it() -> None:
    held = workflow(node("approve", phase="Running", kind="Suspend"), spec={"suspend": True})
    whole, one = waiting.reasons(held, {})
    assert waiting.resume_command(whole, held) == "argo resume wf -n ns"
    assert waiting.resume_command(one, held) == "argo resume wf -n ns --node-field-selector id=wf-approve"


@pytest.mark.parametrize(
    ("seconds", "limits", "found"),
    [
        (299, {"ImagePullBackOff": 300.0}, False),
        (301, {"ImagePullBackOff": 300.0}, True),
        (301, {"Unschedulable": 1.0}, False),
        (301, {}, False),
    ],
)
def test_a_reason_is_overdue_after_its_limit(seconds: int, limits: dict[str, float], found: bool) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    one = waiting.overdue(workflow(node("train", f"ErrImagePull: {PULL}")), {}, limits, now)
    assert (one is not None) is found


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("ImagePullBackOff>5m", {"ImagePullBackOff": 300.0}),
        ("ImagePullBackOff > 5m, Unschedulable>2h", {"ImagePullBackOff": 300.0, "Unschedulable": 7200.0}),
        ("Quota>30s\n\nLock>1h\n", {"Quota": 30.0, "Lock": 3600.0}),
    ],
)
def test_limits_are_read(text: str, limits: dict[str, float]) -> None:
    assert waiting.parse_limits(text) == limits


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("ImagePullBackOff", "must be REASON>DURATION"),
        ("ImagePullBackoff>5m", "did you mean ImagePullBackOff?"),
        (">5m", "must be REASON>DURATION"),
        ("Lock>", "'"),
        ("Lock>soon", "'soon'"),
    ],
)
def test_a_limit_that_is_none_is_refused(text: str, part: str) -> None:
    with pytest.raises(ValueError, match=r"[a-z]") as refused:
        waiting.parse_limits(text)
    assert part in str(refused.value)
