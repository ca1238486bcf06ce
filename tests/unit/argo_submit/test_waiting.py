"""What a workflow waits for is found in its status and its pods, and said in one line each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlops_actions.argo_submit import pods, status, waiting
from mlops_actions.argo_submit.pods import PodWaiting

SINCE = "2026-01-01T00:00:00Z"
NOW = datetime(2026, 1, 1, 0, 5, tzinfo=UTC)


def workflow(
    *nodes: dict[str, Any], spec: dict[str, Any] | None = None, metadata: dict[str, Any] | None = None, **fields: Any
) -> status.WorkflowStatus:
    """As Argo writes it: a workflow that is Pending has not started."""
    started = None if fields.get("phase") == "Pending" else SINCE
    return status.read({
        "metadata": {"name": "wf", "namespace": "ns", "creationTimestamp": SINCE, **(metadata or {})},
        "spec": spec or {},
        "status": {"startedAt": started, "nodes": {node["id"]: node for node in nodes}, **fields},
    })  # fmt: skip


def node(name: str, message: str = "", *, phase: str = "Pending", kind: str = "Pod", **more: Any) -> dict[str, Any]:
    return {
        "id": f"wf-{name}",
        "name": f"wf.{name}",
        "displayName": name,
        "type": kind,
        "phase": phase,
        "message": message,
        "startedAt": SINCE,
        **more,
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
STARTING = "an image is large, a volume cannot be mounted, or an init container runs"
ASSIGNED = "Pod ns/wf-train can possibly be assigned to n1 once resource is released"
SCHEDULED_JUST_NOW = [{"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-01T00:04:30Z"}]
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
        (
            workflow(node("train", "ContainerCreating")),
            of_pod(pod(conditions=SCHEDULED_JUST_NOW, containerStatuses=blocked("ContainerCreating", ""))),
            [],
        ),
        (workflow(node("train", "PodInitializing", startedAt="2026-01-01T00:04:00Z")), {}, []),
        (
            workflow(node("train", "ContainerCreating")),
            of_pod(pod(containerStatuses=blocked("ContainerCreating", ""))),
            [f"'train' has been starting for long: ContainerCreating: {STARTING} (for 5m 00s)"],
        ),
        (
            workflow(node("train", "PodInitializing")),
            {},
            [f"'train' has been starting for long: PodInitializing: {STARTING} (for 5m 00s)"],
        ),
        (
            workflow(node("train")),
            of_pod(pod(spec={"schedulerName": "volcano"}, annotations={"scheduling.volcano.sh/queue-name": "ml"})),
            [
                "'train' cannot start yet: Unschedulable: the scheduler 'volcano' has not looked at its pod yet "
                "(in the queue ml) (for 5m 00s)"
            ],
        ),
        (
            workflow(node("train")),
            of_pod(pod(conditions=condition("Undetermined", GANG))),
            [f"'train' cannot start yet: Unschedulable: {GANG} (for 4m 00s)"],
        ),
        (
            workflow(node("train")),
            of_pod(pod(conditions=condition("Schedulable", ASSIGNED))),
            [f"'train' cannot start yet: Unschedulable: {ASSIGNED} (for 4m 00s)"],
        ),
        (
            workflow(node("train")),
            of_pod(pod(conditions=condition("Unschedulable", "0/2 nodes are available: 2 cannot allocate all claims."))),
            [
                "'train' cannot start yet: Unschedulable: 0/2 nodes are available: 2 cannot allocate all claims. "
                "(it waits for a machine with a device that its claims ask for) (for 4m 00s)"
            ],
        ),
        (
            workflow(node("train", "Strange: what only another runtime says")),
            {},
            ["'train' cannot start yet: Strange: what only another runtime says (for 5m 00s)"],
        ),
        (workflow(node("train", startedAt="2026-01-01T00:04:00Z")), {}, []),
        (
            workflow(node("train", templateName="t")),
            {},
            [
                "'train' cannot start yet: Argo gives no reason, kubectl describe pod wf-t-2572425624 -n ns does "
                "(for 5m 00s)"
            ],
        ),
        (
            workflow(node("train", "Backoff for 4 minutes 30 seconds", phase="Running", kind="Retry", children=["wf-0"]),
                     node("0", phase="Failed", finishedAt="2026-01-01T00:03:00Z")),
            {},
            ["'train' waits before the next attempt: 4 minutes 30 seconds (for 2m 00s)"],
        ),
        (
            workflow(
                spec={"suspend": True},
                metadata={
                    "labels": {"workflows.argoproj.io/action": "Suspend", "workflows.argoproj.io/actor": "ann"},
                    "managedFields": [
                        {"manager": "workflow-controller", "time": SINCE, "fieldsV1": {"f:status": {}}},
                        {"manager": "argo", "time": "2026-01-01T00:02:00Z", "fieldsV1": {"f:spec": {"f:suspend": {}}}},
                    ],
                },
                phase="Running",
            ),
            {},
            ["the workflow is suspended by ann (for 3m 00s)"],
        ),
        (
            workflow(
                node("approve", phase="Running", kind="Suspend", outputs={"parameters": [
                    {"name": "answer", "enum": ["yes", "no"], "description": "Deploy?", "valueFrom": {"supplied": {}}}
                ]}, inputs={"parameters": [{"name": "model", "value": "resnet"}]}),
            ),
            {},
            ["'approve' is suspended: it asks for 'answer' (yes, no): Deploy?; given model=resnet (for 5m 00s)"],
        ),
        (
            workflow(
                node("pause", phase="Running", kind="Suspend", templateName="wait"),
                spec={"templates": [{"name": "wait", "suspend": {"duration": "600"}}]},
            ),
            {},
            ["'pause' is suspended: it goes on by itself 600s after its start (for 5m 00s)"],
        ),
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
    assert [one.text(NOW) for one in waiting.reasons(current, observed, NOW)] == text


def test_thousands_of_nodes_that_wait_for_one_thing_are_one_reason() -> None:
    (one,) = waiting.reasons(workflow(*(node(f"n{number}", f"Unschedulable: {GPU}") for number in range(3_000))), {}, NOW)
    assert one.text().startswith("'n0', 'n1', 'n2' and 2997 more cannot start yet: Unschedulable")


def test_a_suspension_says_how_to_end_it() -> None:
    held = workflow(node("approve", phase="Running", kind="Suspend"), spec={"suspend": True})
    whole, one = waiting.reasons(held, {}, NOW)
    assert waiting.resume_command(whole, held) == "argo resume wf -n ns"
    assert waiting.resume_command(one, held) == "argo resume wf -n ns --node-field-selector id=wf-approve"


def test_a_suspension_that_asks_for_values_says_how_to_give_them() -> None:
    asked = [
        {"name": "answer", "valueFrom": {"supplied": {}}},
        {"name": "why", "valueFrom": {"supplied": {}, "default": "-"}},
        {"name": "$(x)", "valueFrom": {"supplied": {}}},
    ]
    held = workflow(node("approve", phase="Running", kind="Suspend", outputs={"parameters": asked}))
    (one,) = waiting.reasons(held, {}, NOW)
    place = "wf -n ns --node-field-selector id=wf-approve"
    assert waiting.resume_command(one, held) == (
        f"argo node set {place} --output-parameter answer=VALUE --output-parameter '$(x)'=VALUE && argo resume {place}"
    )


OVERDUE: list[tuple[str, status.WorkflowStatus, dict[str, PodWaiting]]] = [
    ("ImagePullBackOff", workflow(node("train", f"ErrImagePull: {PULL}")), {}),
    ("InvalidImageName", workflow(node("train", "InvalidImageName: x")), {}),
    ("CreateContainerConfigError", workflow(node("train", "CreateContainerConfigError: x")), {}),
    ("CreateContainerError", workflow(node("train", "PreCreateHookError: x")), {}),
    ("RunContainerError", workflow(node("train", "RunContainerError: x")), {}),
    ("CrashLoopBackOff", workflow(node("train", "CrashLoopBackOff: x")), {}),
    ("ContainerCreating", workflow(node("train", "PodInitializing")), {}),
    ("Unschedulable", workflow(node("train")), of_pod(pod(conditions=condition("Schedulable", "x")))),
    ("SchedulingGated", workflow(node("train")), of_pod(pod(conditions=condition("SchedulingGated", "x")))),
    ("Quota", workflow(node("train", QUOTA)), {}),
    ("Lock", workflow(phase="Pending", message="Waiting for ns/Mutex/gpu lock. Lock status: 0/1"), {}),
    ("Parallelism", workflow(phase="Pending", message="postponed because too many workflows are already running"), {}),
    ("Suspended", workflow(node("approve", phase="Running", kind="Suspend")), {}),
    ("Backoff", workflow(node("train", "Backoff for 1 hour", phase="Running", kind="Retry")), {}),
    ("Pending", workflow(node("train", "Strange: x")), {}),
]


def test_every_reason_can_have_a_limit() -> None:
    assert [reason for reason, _, _ in OVERDUE] == list(waiting.REASONS)


@pytest.mark.parametrize(("reason", "current", "observed"), OVERDUE, ids=[reason for reason, _, _ in OVERDUE])
def test_each_reason_is_overdue_after_its_own_limit(
    reason: str, current: status.WorkflowStatus, observed: dict[str, PodWaiting]
) -> None:
    others = {other: 0.0 for other in waiting.REASONS if other != reason}
    assert waiting.overdue(current, observed, {**others, reason: 3600.0}, NOW) is None
    found = waiting.overdue(current, observed, {reason: 60.0}, NOW)
    assert found is not None
    assert found.reason == reason
    assert "(for " in found.text(NOW)


DEVICES = [
    ("nvidia.com/gpu", "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."),
    ("nvidia.com/mig-1g.5gb", "0/3 nodes are available: 1 Insufficient cpu, 2 Insufficient nvidia.com/mig-1g.5gb."),
    (
        "gpu.intel.com/i915",
        "0/1 nodes are available: 1 Insufficient gpu.intel.com/i915. preemption: none",
    ),
    ("google.com/tpu", "0/1 nodes are available: 1 Insufficient google.com/tpu, 1 Insufficient memory."),
    ("", "0/3 nodes are available: 3 Insufficient cpu."),
]


@pytest.mark.parametrize(("device", "message"), DEVICES)
def test_the_device_that_is_waited_for_is_named(device: str, message: str) -> None:
    (one,) = waiting.reasons(workflow(node("train", f"Unschedulable: {message}")), {}, NOW)
    assert one.what == device


DAG = {"name": "main", "dag": {"tasks": [
    {"name": "a", "template": "t"},
    {"name": "b", "template": "t"},
    {"name": "each", "template": "t", "withItems": [1, 2, 3]},
    {"name": "after", "template": "t", "depends": "z && a"},
    {"name": "later", "template": "t", "dependencies": ["z"]},
    {"name": "odd", "template": "t", "depends": "z.Failed"},
]}}  # fmt: skip
STEPS = {"name": "main", "steps": [[{"name": "a", "template": "t"}, {"name": "b", "template": "t"},
                                    {"name": "each", "template": "t", "withSequence": {"count": "4"}}]]}  # fmt: skip


def member(name: str, kind: str = "Pod", phase: str = "Running", **more: Any) -> dict[str, Any]:
    return node(name, kind=kind, phase=phase, boundaryID="wf", **more)


ROOT = {"id": "wf", "name": "wf", "displayName": "wf", "phase": "Running", "templateName": "main", "startedAt": SINCE}
FINISHED = "2026-01-01T00:02:00Z"
TASKS = [{**ROOT, "type": "DAG"}, member("z", phase="Succeeded", finishedAt=FINISHED), member("a"),
         member("each", "TaskGroup"), member("each(0:1)")]  # fmt: skip
LATER = "'b', 'each (2 of 3 items)', 'later' wait for others to end: "
GROUP = {**member("[0]", "StepGroup"), "name": "wf[0]"}
OF_GROUP = [{**member("a"), "name": "wf[0].a"}, {**member("each(0:0)"), "name": "wf[0].each(0:0)"}]


@pytest.mark.parametrize(
    ("current", "text"),
    [
        (workflow(*TASKS, spec={"parallelism": 2, "templates": [DAG]}),
         [f"{LATER}the workflow runs at most 2 at a time (parallelism) (for 5m 00s)"]),
        (workflow(*TASKS, spec={"templates": [{**DAG, "parallelism": 2}]}),
         [f"{LATER}the template 'main' runs at most 2 at a time (parallelism) (for 5m 00s)"]),
        (workflow(*TASKS, spec={"parallelism": 3, "templates": [DAG]}), []),
        (workflow(*TASKS, spec={"templates": [DAG]}), []),
        (workflow(*TASKS, member("x", phase="Failed"), spec={"parallelism": 2, "templates": [DAG]}), []),
        (workflow({**ROOT, "type": "Steps"}, GROUP, *OF_GROUP, spec={"parallelism": 2, "templates": [STEPS]}),
         ["'b', 'each (3 of 4 items)' wait for others to end: the workflow runs at most 2 at a time (parallelism) "
          "(for 5m 00s)"]),
        (workflow({**ROOT, "type": "DAG"}, member("a"), spec={"parallelism": 1, "templates": [
            {"name": "main", "dag": {"tasks": [{"name": "a"}, {"name": "b", "depends": "a"}]}}]}), []),
    ],
    ids=["the workflow", "the template", "not reached", "no limit", "one has failed", "steps", "one after the other"],
)  # fmt: skip
def test_what_parallelism_holds_back_is_said(current: status.WorkflowStatus, text: list[str]) -> None:
    assert [one.text(NOW) for one in waiting.reasons(current, {}, NOW)] == text


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


def test_no_text_of_a_manifest_begins_a_line_or_controls_a_terminal() -> None:
    evil = "x\x1b[2J\n::error::y"
    asked = {"name": evil, "description": evil, "enum": [evil], "valueFrom": {"supplied": {}}}
    suspended = node("ask", phase="Running", kind="Suspend", templateName="ask", outputs={"parameters": [asked]})
    dag = node("dag", phase="Running", kind="DAG", templateName="dag")
    pod = node("pod", phase="Running", boundaryID="wf-dag")
    spec = {"templates": [{"name": "dag", "parallelism": 1, "dag": {"tasks": [{"name": evil, "template": "ask"}]}}]}
    current = workflow(suspended, dag, pod, spec=spec, phase="Running")
    found = waiting.reasons(current, {}, NOW)
    texts = [one.text(NOW) for one in found] + [waiting.resume_command(one, current) for one in found]
    assert [one.reason for one in found] == [waiting.PARALLELISM, waiting.SUSPENDED]
    assert all("::error::y" in text and text.isprintable() for text in (*texts[:2], texts[3])), texts
