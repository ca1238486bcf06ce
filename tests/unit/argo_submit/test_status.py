"""A workflow's status: read from its object, logged, and drawn."""

from __future__ import annotations

import base64
import gzip
import importlib
import json
import re
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_actions.argo_submit import compressed_nodes, diagram, pods, progress, report
from mlops_actions.argo_submit.report import WorkflowReportContext
from mlops_actions.argo_submit.status import WorkflowStatus, has_ended, read


def node(name: str, kind: str = "Pod", phase: str = "Succeeded", **fields: Any) -> dict[str, Any]:
    return {
        "id": name,
        "name": name,
        "displayName": name,
        "type": kind,
        "phase": phase,
        "templateName": "t",
        "startedAt": "2026-01-01T00:00:00Z",
        "finishedAt": "2026-01-01T00:01:05Z",
        **fields,
    }


def workflow(*nodes: dict[str, Any], phase: str = "Succeeded", **status: Any) -> WorkflowStatus:
    return read(
        {
            "metadata": {"name": "wf", "namespace": "ml", "uid": "u", "resourceVersion": "5"},
            "status": {
                "phase": phase,
                "startedAt": "2026-01-01T00:00:00Z",
                "finishedAt": "2026-01-01T01:02:03Z",
                "progress": "1/2",
                "nodes": {one["id"]: one for one in nodes},
                **status,
            },
        }
    )


def test_outputs_are_the_entrypoints_and_the_global_ones() -> None:
    parameters = [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}, {"name": "empty"}]
    current = workflow(
        node("wf", outputs={"parameters": parameters}), outputs={"parameters": [{"name": "b", "value": "global"}]}
    )
    assert dict(current.outputs) == {"a": "1", "b": "global"}
    assert current.seconds == 3723


def test_the_end_is_recognised_by_label_or_phase() -> None:
    assert has_ended({"labels": {"workflows.argoproj.io/completed": "true"}})
    assert has_ended({"labels": {"workflows.argoproj.io/phase": "Error"}})
    assert not has_ended({"labels": {"workflows.argoproj.io/phase": "Running"}})
    assert not has_ended({})


def test_compressed_nodes_are_read() -> None:
    packed = base64.b64encode(gzip.compress(json.dumps({"a": node("a")}).encode())).decode()
    assert list(workflow(compressedNodes=packed).nodes) == ["a"]


@pytest.mark.parametrize(
    ("packed", "reason"),
    [
        (b"***", "their record is not base64"),
        (base64.b64encode(b"\x1f\x8bno"), "their record is damaged"),
        (base64.b64encode(gzip.compress(b"[]")), "their record is not a mapping"),
        (base64.b64encode(b"\x0b\x02\x80brotli\x03"), "an unknown method (set Argo's to gzip)"),
        (base64.b64encode(gzip.compress(b"{" + b" " * (80 << 20), 1)), "their record is too large"),
    ],
    ids=["text", "damaged", "list", "brotli", "bomb"],
)
def test_unreadable_compressed_nodes_are_noted(packed: bytes, reason: str) -> None:
    current = workflow(compressedNodes=packed.decode())
    assert current.nodes == {}
    assert current.notes[0].startswith("the nodes are shown only as far as their pods are known: ")
    assert current.notes[0].endswith(reason)


VALUES = st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=9), max_size=3)


@settings(max_examples=50)
@given(st.dictionaries(st.text(max_size=9), VALUES, max_size=4))
def test_a_record_is_read_in_pieces_of_any_size(record: dict[str, Any]) -> None:
    for text in (json.dumps(record), json.dumps(record, indent=1, ensure_ascii=False)):
        for size in (1, 7, 1000):
            pieces = iter([text[start : start + size] for start in range(0, len(text), size)])
            assert dict(compressed_nodes._entries(pieces)) == record


@pytest.mark.parametrize("text", ["", "{", '{"a"', '{"a": {}', '{"a": {}, ', '{"a": {]}', "nonsense"])
def test_a_truncated_record_has_no_nodes(text: str) -> None:
    current = workflow(compressedNodes=base64.b64encode(gzip.compress(text.encode())).decode())
    assert current.nodes == {}
    assert current.notes


def test_unchanged_nodes_are_shared() -> None:
    def at(phase: str) -> dict[str, Any]:
        record = {"a": node("a"), "b": node("b", phase=phase)}
        return {"metadata": {"name": "wf"}, "status": {"nodes": record}}

    before = read(at("Running"))
    after = read(at("Succeeded"), before)
    assert after.nodes["a"] is before.nodes["a"]
    assert after.nodes["b"].phase == "Succeeded"


@pytest.mark.parametrize("count", [1, 20_000])
def test_zstandard_is_read(count: int) -> None:
    record = {str(number): node(str(number)) for number in range(count)}
    compress = importlib.import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd").compress
    current = workflow(compressedNodes=base64.b64encode(compress(json.dumps(record).encode())).decode())
    assert current.nodes.keys() == record.keys()


def test_a_damaged_zstandard_frame_is_noted() -> None:
    current = workflow(compressedNodes=base64.b64encode(compressed_nodes.ZSTANDARD + b"nonsense").decode())
    assert current.notes[0].endswith("their record is damaged")


def pod(identity: str, phase: str, *containers: dict[str, Any], **status: Any) -> dict[str, Any]:
    annotations = {"workflows.argoproj.io/node-id": identity, "workflows.argoproj.io/node-name": f"wf.{identity}"}
    status = {"phase": phase, "startTime": "2026-01-01T00:00:00Z", "containerStatuses": list(containers), **status}
    return {"metadata": {"name": f"pod-{identity}", "annotations": annotations}, "status": status}


def end(name: str, code: int) -> dict[str, Any]:
    return {"name": name, "state": {"terminated": {"exitCode": code, "finishedAt": "2026-01-01T00:00:07Z"}}}


def test_offloaded_nodes_are_read_from_their_pods() -> None:
    pod_nodes = [
        pods.node_of(one, "wf")
        for one in (
            pod("a", "Succeeded", end("main", 0), end("wait", 0)),
            pod("b", "Failed", end("main", 3), end("wait", 1)),
            pod("c", "Pending", message="0/3 nodes are available"),
            {"metadata": {"name": "a stranger"}},
        )
    ]
    current = pods.with_pod_nodes(
        workflow(phase="Running", offloadNodeStatusVersion="fnv:1"), [known for known in pod_nodes if known]
    )
    assert current.notes == (
        "the nodes are shown only as far as their pods are known: "
        "Argo keeps the nodes of a workflow of this size in its database",
    )
    assert progress.changes(None, current) == ["✔ a (7s)", "✖ b (7s) Error (exit code 3)"]
    assert [(one.id, one.exit_code) for one in current.failed()] == [("b", "3")]
    assert current.nodes["c"].message == "0/3 nodes are available"


def test_pods_do_not_replace_nodes_of_the_workflows_record() -> None:
    other = pods.node_of(pod("x", "Failed"), "wf")
    assert other is not None
    current = workflow(node("a"))
    assert pods.with_pod_nodes(current, [other]) is current


def test_only_changes_are_logged() -> None:
    before = workflow(node("wf", "DAG", "Running"), node("a", phase="Running"), phase="Running")
    after = workflow(node("wf", "DAG", "Running"), node("a"), node("b", phase="Failed", message="main: Error (exit code 1)"))
    assert progress.changes(before, after) == ["✔ a (1m 05s)", "✖ b (1m 05s) main: Error (exit code 1)"]
    assert progress.changes(after, after) == []


def test_many_changes_are_summarised_and_failures_named() -> None:
    nodes = [node(f"n{number}") for number in range(200)] + [node("bad", phase="Failed")]
    lines = progress.changes(None, workflow(*nodes))
    assert lines == ["✖ bad (1m 05s)", "… and 200 more: 200 succeeded"]


def test_the_tree_nests_nodes_and_summarises_loops() -> None:
    items = [node(f"each({n}:{n})", boundaryID="wf") for n in range(50)]
    current = workflow(
        node("wf", "DAG"),
        node("each", "TaskGroup", boundaryID="wf", children=[one["id"] for one in items]),
        *items,
        node("after", boundaryID="wf"),
    )
    assert progress.tree(current) == [
        "✔ wf (1m 05s)",
        "  ✔ each (1m 05s)",
        "    … 50 items: 50 succeeded",
        "  ✔ after (1m 05s)",
    ]


@pytest.mark.parametrize(("seconds", "text"), [(None, ""), (0.4, "0s"), (59.4, "59s"), (192, "3m 12s"), (7500, "2h 05m")])
def test_durations_are_written_in_hours_minutes_and_seconds(seconds: float | None, text: str) -> None:
    assert progress.duration(seconds) == text


def test_the_diagram_connects_nodes_through_their_groups() -> None:
    picture = diagram.draw(
        workflow(
            node("wf", "Steps", children=["g0"]),
            node("g0", "StepGroup", children=["a", "b"]),
            node("a", children=["g1"]),
            node("b", phase="Failed", children=["g1"]),
            node("g1", "StepGroup", children=["c"]),
            node("c", "Skipped", "Skipped"),
        )
    )
    assert '  n0["✔ a 1m 05s"]:::Succeeded' in picture
    assert '  n1["⚠ b 1m 05s"]:::Tolerated' in picture  # the workflow has succeeded
    assert "  n0 --> n2" in picture
    assert "  n1 --> n2" in picture


def test_a_large_loop_becomes_one_box() -> None:
    items = [node(f"each({n}:{n})", phase="Failed" if n == 7 else "Succeeded", children=["after"]) for n in range(300)]
    picture = diagram.draw(workflow(node("wf", "DAG", children=[one["id"] for one in items]), *items, node("after")))
    assert "each ×300 299✔ 1⚠" in picture
    assert picture.count(":::") == 2


def test_one_node_has_no_diagram() -> None:
    assert diagram.draw(workflow(node("wf"))) == ""


HOSTILE = [
    "a\nb",
    '"]; click n0 "https://evil.test"',
    "`</details>`",
    "|x|\n| y",
    "@everyone #1",
    "<script>alert(1)</script>",
    "```\n# x",
    "%%{init: {}}%%",
    "\u202egnp.exe",
    "end",
    "::error::x",
]


@pytest.mark.parametrize("name", HOSTILE)
@given(more=st.text(max_size=10))
def test_a_name_cannot_leave_its_box(name: str, more: str) -> None:
    name += more
    current = workflow(
        node("wf", "DAG", "Failed", children=["a", "b"]),
        node("a", displayName=name, phase="Failed", message=name),
        node("b", displayName=name),
        phase="Failed",
        message=name,
        outputs={"parameters": [{"name": name, "value": name}]},
    )
    plain = workflow(
        node("wf", "DAG", "Failed", children=["a", "b"]),
        node("a", displayName="x", phase="Failed", message="x"),
        node("b", displayName="x"),
        phase="Failed",
        message="x",
        outputs={"parameters": [{"name": "x", "value": "x"}]},
    )
    context = WorkflowReportContext(parameters={"p": name}, image=name, actor=name)
    # Whatever it is called, it takes the same lines as a harmless name does, in the same places.
    hostile = report.comment(current, context)
    harmless = report.comment(plain, WorkflowReportContext(parameters={"p": "x"}, image="x", actor="x"))
    assert _skeleton(hostile) == _skeleton(harmless)
    assert "<script" not in re.sub(r"(`+).*?\1", "", hostile)
    assert "\n" not in progress.line(current.nodes["a"])
    inside = hostile.partition("```mermaid")[2].partition("```")[0]
    assert all(line.count('"') in (0, 2) for line in inside.splitlines())


def _skeleton(text: str) -> list[str]:
    return [line[:2] + str(line.count(" | ")) for line in text.split("\n")]


def test_the_comment_holds_no_log() -> None:
    current = workflow(node("wf", phase="Failed", message="m"), phase="Failed")
    assert "s3cret" in report.summary(current, WorkflowReportContext(), {"wf": ["s3cret"]})
    assert "s3cret" not in report.comment(current, WorkflowReportContext())
