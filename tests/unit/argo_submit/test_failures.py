"""Which nodes made a workflow fail: the trees are those that Argo's controller writes."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_actions.argo_submit import diagram, outputs, report, resources
from mlops_actions.argo_submit.follow import FollowResult
from mlops_actions.argo_submit.report import WorkflowReportContext
from mlops_actions.argo_submit.revision import WorkflowRevision
from mlops_actions.argo_submit.status import WorkflowStatus, read

S, F, E, R, OMITTED = "Succeeded", "Failed", "Error", "Running", "Omitted"


def node(name: str, kind: str, phase: str, *children: str, boundary: str = "", **fields: Any) -> dict[str, Any]:
    """Return a node whose id is its name; `boundary` is the DAG or the steps that it belongs to."""
    return {
        "id": name,
        "name": name,
        "displayName": name.rpartition(".")[2],
        "type": kind,
        "phase": phase,
        "children": list(children),
        "boundaryID": boundary,
        "templateName": "t",
        "startedAt": "2026-01-01T00:00:00Z",
        "finishedAt": None if phase == R else "2026-01-01T00:01:00Z",
        **fields,
    }


def workflow(phase: str, *nodes: dict[str, Any], tolerant: str = "", **status: Any) -> WorkflowStatus:
    """Read a workflow whose task `tolerant` has `continueOn: {failed: true}`."""
    tasks = [{"name": tolerant, "continueOn": {"failed": True}}]
    return read(
        {
            "metadata": {"name": "w", "namespace": "ml", "uid": "u"},
            "spec": {"templates": [{"name": "t", "dag": {"tasks": tasks}}]},
            "status": {"phase": phase, "nodes": {one["id"]: one for one in nodes}, **status},
        }
    )


DAG = node("w", "DAG", F, "w.a", "w.b")
CASES: dict[str, tuple[WorkflowStatus, list[str]]] = {
    "a task": (workflow(F, DAG, node("w.a", "Pod", F, boundary="w"), node("w.b", "Pod", S, boundary="w")), ["w.a"]),
    "a single pod": (workflow(F, node("w", "Pod", F)), ["w"]),
    "a DAG without a failed task": (workflow(E, node("w", "DAG", E)), ["w"]),
    "the last attempt of a retry": (
        workflow(
            F,
            DAG,
            node("w.a", "Retry", F, "w.a(0)", "w.a(1)", boundary="w"),
            node("w.a(0)", "Pod", E, boundary="w"),
            node("w.a(1)", "Pod", F, boundary="w"),
            node("w.b", "Pod", S, boundary="w"),
        ),
        ["w.a(1)"],
    ),
    "what failed in the last attempt of a retry of steps": (
        workflow(
            F,
            node("w", "Retry", F, "w(0)", "w(1)"),
            node("w(0)", "Steps", F, "w(0)[0]"),
            node("w(0)[0]", "StepGroup", F, "w(0)[0].x", boundary="w(0)"),
            node("w(0)[0].x", "Pod", F, boundary="w(0)"),
            node("w(1)", "Steps", F, "w(1)[0]"),
            node("w(1)[0]", "StepGroup", F, "w(1)[0].x", boundary="w(1)"),
            node("w(1)[0].x", "Pod", F, boundary="w(1)"),
        ),
        ["w(1)[0].x"],
    ),
    "a retry that succeeded in the end beside a failure": (
        workflow(
            F,
            DAG,
            node("w.a", "Retry", S, "w.a(0)", "w.a(1)", boundary="w"),
            node("w.a(0)", "Pod", F, boundary="w"),
            node("w.a(1)", "Pod", S, boundary="w"),
            node("w.b", "Pod", F, boundary="w"),
        ),
        ["w.b"],
    ),
    "a failed exit handler after success": (
        workflow(F, node("w", "Pod", S), node("w.onExit", "Pod", F)),
        ["w.onExit"],
    ),
    "the steps of an exit handler": (
        workflow(
            F,
            node("w", "Pod", F),
            node("w.onExit", "Steps", F, "w.onExit[0]"),
            node("w.onExit[0]", "StepGroup", F, "w.onExit[0].x", boundary="w.onExit"),
            node("w.onExit[0].x", "Pod", F, boundary="w.onExit"),
        ),
        ["w", "w.onExit[0].x"],
    ),
    "a hook of a task beside what failed": (
        workflow(
            F,
            DAG,
            node("w.a", "Pod", S, "w.a.onExit", boundary="w"),
            node("w.a.onExit", "Pod", F, boundary="w"),
            node("w.b", "Pod", F, "w.b.hooks.running", boundary="w"),
            node("w.b.hooks.running", "Pod", S, boundary="w"),
        ),
        ["w.b"],
    ),
    "a tolerated task beside what failed": (
        workflow(F, DAG, node("w.a", "Pod", F, boundary="w"), node("w.b", "Pod", F, boundary="w"), tolerant="a"),
        ["w.b"],
    ),
    "an error where only failures are tolerated": (
        workflow(F, DAG, node("w.a", "Pod", E, boundary="w"), node("w.b", "Pod", S, boundary="w"), tolerant="a"),
        ["w.a"],
    ),
    "the item of a tolerated loop beside what failed": (
        workflow(
            F,
            DAG,
            node("w.a", "TaskGroup", F, "w.a(0:x)", boundary="w"),
            node("w.a(0:x)", "Pod", F, boundary="w"),
            node("w.b", "Pod", F, boundary="w"),
            tolerant="a",
        ),
        ["w.b"],
    ),
    "the items of a loop": (
        workflow(
            F,
            DAG,
            node("w.a", "TaskGroup", F, "w.a(0:x)", "w.a(1:y)", boundary="w"),
            node("w.a(0:x)", "Pod", F, boundary="w"),
            node("w.a(1:y)", "Pod", S, boundary="w"),
        ),
        ["w.a(0:x)"],
    ),
    "a loop that could not be expanded": (workflow(E, DAG, node("w.a", "TaskGroup", E, boundary="w")), ["w.a"]),
    "a failure on which a dependent ran (depends: a.Failed)": (
        workflow(F, DAG, node("w.a", "Pod", F, "w.b", boundary="w"), node("w.b", "Pod", F, boundary="w")),
        ["w.b"],
    ),
    "a failure whose dependent was omitted": (
        workflow(F, DAG, node("w.a", "Pod", F, "w.b", boundary="w"), node("w.b", "Pod", OMITTED, boundary="w")),
        ["w.a"],
    ),
    "a failed retry whose dependent ran": (
        workflow(
            F,
            DAG,
            node("w.a", "Retry", F, "w.a(0)", boundary="w"),
            node("w.a(0)", "Pod", F, "w.b", boundary="w"),
            node("w.b", "Pod", F, boundary="w"),
        ),
        ["w.b"],
    ),
    "a nested DAG whose failure the outer one tolerates": (
        workflow(
            F,
            DAG,
            node("w.a", "DAG", F, "w.a.x", boundary="w"),
            node("w.a.x", "Pod", F, boundary="w.a"),
            node("w.b", "Pod", F, boundary="w"),
            tolerant="a",
        ),
        ["w.b"],
    ),
    "a container set": (
        workflow(F, node("w", "Pod", F, "w.one"), node("w.one", "Container", F, boundary="w")),
        ["w"],
    ),
    "a workflow that has succeeded": (
        workflow(S, node("w", "DAG", S, "w.a"), node("w.a", "Pod", F, boundary="w"), node("w.onExit", "Pod", F)),
        [],
    ),
    "a workflow that runs": (
        workflow(R, node("w", "DAG", R, "w.a"), node("w.a", "Pod", F, boundary="w"), node("w.b", "Pod", R, boundary="w")),
        ["w.a"],
    ),
    "a retry that runs": (
        workflow(R, node("w", "Retry", R, "w(0)", "w(1)"), node("w(0)", "Pod", F), node("w(1)", "Pod", R)),
        [],
    ),
    "a circle": (
        workflow(
            F,
            node("w", "DAG", F, "w.a"),
            node("w.a", "Pod", F, "w.b", boundary="w"),
            node("w.b", "Pod", OMITTED, "w.a", boundary="w"),
        ),
        ["w.a"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_nodes_that_failed_for_good_are_named(case: str) -> None:
    current, failed = CASES[case]
    assert [one.id for one in current.failed()] == failed


@pytest.mark.parametrize(
    ("of_pod", "of_container", "message", "code"),
    [
        ("two: Error (exit code 3)", "two: Error (exit code 3): ", "two: Error (exit code 3)", "3"),
        ("", "two: OOMKilled (exit code 137): ", "two: OOMKilled (exit code 137)", "137"),
        ("", "Pod Failed whilst container running", "two: Pod Failed whilst container running", ""),
        ("", "", "two: Failed", ""),
        ("Evicted: no memory", "two: Error (exit code 1): ", "Evicted: no memory", "1"),
    ],
)
def test_of_a_container_set_the_container_that_failed_first_is_named(
    of_pod: str, of_container: str, message: str, code: str
) -> None:
    late = {"finishedAt": "2026-01-01T00:02:00Z"}
    current = workflow(
        F,
        node("w", "Pod", F, "w.one", "w.two", "w.three", message=of_pod),
        node("w.one", "Container", S, boundary="w"),
        node("w.three", "Container", F, boundary="w", message="three: Error (exit code 9): ", **late),
        node("w.two", "Container", F, boundary="w", message=of_container),
    )
    [failed] = current.failed()
    assert (failed.id, failed.failed_container, failed.message, failed.exit_code) == ("w", "two", message, code)
    assert report.log_page(failed, "https://argo.test/w").endswith("sidePanel=logs%3Aw%3Atwo")


def test_a_failed_node_is_described_with_all_that_helps_to_find_it() -> None:
    failed = node("w.a(1)", "Pod", F, boundary="w", message="main: OOMKilled (exit code 137)", hostNodeName="gpu-7",
                  outputs={"exitCode": "137"})  # fmt: skip
    current = workflow(F, DAG, node("w.a", "Retry", F, "w.a(0)", "w.a(1)", boundary="w"),
                       node("w.a(0)", "Pod", F, boundary="w"), failed)  # fmt: skip
    context = WorkflowReportContext(url="https://argo.test/workflows/ml/w")
    revision = WorkflowRevision(sha="", pr_number=None, image="", repository="", actor="", run_url="")
    followed = FollowResult(current, {"w.a(1)": ("last",)})
    [told] = outputs.outcome_of(followed, context, revision, "", ()).result["failed-nodes"]
    pod = "w-t-3236286979"  # as Argo names it: the end is the FNV-1a hash of the node's name
    page = "https://argo.test/workflows/ml/w?nodeId=w.a%281%29&sidePanel=logs%3Aw.a%281%29%3Amain"
    assert told == {
        "name": "a(1)", "id": "w.a(1)", "template": "t", "phase": F, "message": "main: OOMKilled (exit code 137)",
        "exit-code": "137", "reason": "OOMKilled", "pod": pod, "node": "gpu-7", "container": "",
        "log-url": page, "last-lines": ["last"],
    }  # fmt: skip
    text = report.summary(current, context, followed.last_lines)
    assert f"[log]({page})" in text
    assert f"`{pod}` on `gpu-7`" in text


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("main: Error (exit code 3)", "Error"),
        ("OOMKilled (exit code 137)", "OOMKilled"),
        ("Evicted: The node was low on resource: memory", "Evicted"),
        ("pod deleted", ""),
        ("failed to save outputs: no such file", ""),
        ("", ""),
    ],
)
def test_the_reason_is_the_word_of_kubernetes(message: str, reason: str) -> None:
    assert workflow(F, node("w", "Pod", F, message=message)).failed()[0].reason == reason


def test_attempts_cache_hits_and_tolerated_failures_are_drawn() -> None:
    current = workflow(
        S,
        node("w", "DAG", S, "w.a", "w.c", "w.d"),
        node("w.a", "Retry", S, "w.a(0)", "w.a(1)", boundary="w"),
        node("w.a(0)", "Pod", F, boundary="w"),
        node("w.a(1)", "Pod", S, boundary="w"),
        node("w.c", "Pod", S, boundary="w", memoizationStatus={"hit": True, "key": "k"}),
        node("w.d", "Pod", F, boundary="w"),
    )
    picture = diagram.draw(current)
    assert "✔ a (2 attempts) 1m 00s" in picture
    assert "✔ c (cached) 1m 00s" in picture
    assert '"⚠ d 1m 00s"]:::Tolerated' in picture
    assert ":::Failed" not in picture
    assert current.pod_of(current.nodes["w.c"]) == ""


@pytest.mark.parametrize(
    ("used", "hours"),
    [
        ({}, {}),
        ({"cpu": 3600, "memory": 36_864}, {"cpu-hours": 1.0, "memory-gib-hours": 1.0}),
        ({"cpu": 0, "nvidia.com/gpu": 7200, "amd.com/gpu": 3600}, {"cpu-hours": 0.0, "gpu-hours": 3.0}),
        ({"nvidia.com/mig-1g.5gb": 1800, "ephemeral-storage": 5}, {"gpu-hours": 0.5}),
    ],
)
def test_resources_are_counted_in_hours(used: dict[str, int], hours: dict[str, float]) -> None:
    assert resources.hours(used) == hours


def test_the_summary_shows_the_resources_in_all_and_of_each_node() -> None:
    current = workflow(
        S,
        node("w", "DAG", S, "w.a", "w.b"),
        node("w.a", "Pod", S, boundary="w", resourcesDuration={"cpu": 3600}),
        node("w.b", "Pod", S, boundary="w", resourcesDuration={"cpu": 1800, "nvidia.com/gpu": 1800}),
        resourcesDuration={"cpu": 5400, "nvidia.com/gpu": 1800},
    )
    text = report.summary(current, WorkflowReportContext(), {})
    assert "**Requested resources**: 1.5 CPU hours, 0.5 GPU hours" in text
    rows = [line for line in text.splitlines() if line.startswith(("| `a`", "| `b`"))]
    assert rows == ["| `b` | 0.5 | 0.5 |", "| `a` | 1 |  |"]
    assert "Requested resources" not in report.summary(workflow(S, node("w", "Pod", S)), WorkflowReportContext(), {})
