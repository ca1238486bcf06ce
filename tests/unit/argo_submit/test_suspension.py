from __future__ import annotations

import base64
import gzip
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from mlops_actions.argo_submit import compressed_nodes, suspension
from mlops_actions.core.errors import BadInput

ALL = suspension.ResumeRequest()
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NODES: dict[str, Any] = {
    "w": {"id": "w", "type": "Steps", "phase": "Running"},
    "w-1": {"id": "w-1", "type": "Suspend", "phase": "Running", "displayName": "approve"},
    "w-2": {"id": "w-2", "type": "Suspend", "phase": "Succeeded", "displayName": "before"},
}


def workflow(**status: object) -> dict[str, Any]:
    return {"metadata": {"name": "w", "resourceVersion": "7"}, "spec": {}, "status": status}


def record(nodes: dict[str, Any]) -> str:
    return base64.b64encode(gzip.compress(json.dumps(nodes).encode())).decode()


def test_only_the_waiting_nodes_change_and_the_patch_names_its_version() -> None:
    assert suspension.resumption(workflow(nodes=NODES), ALL, NOW) == {
        "metadata": {"resourceVersion": "7"},
        "spec": {"suspend": None},
        "status": {"nodes": {"w-1": {"phase": "Succeeded", "finishedAt": "2026-01-02T03:04:05Z"}}},
    }


def test_a_compressed_record_is_replaced_as_a_whole() -> None:
    patch = suspension.resumption(workflow(compressedNodes=record(NODES)), ALL, NOW)
    assert set(patch["status"]) == {"compressedNodes"}
    ended = {**NODES["w-1"], "phase": "Succeeded", "finishedAt": "2026-01-02T03:04:05Z"}
    assert dict(compressed_nodes.read_nodes(patch["status"]["compressedNodes"])) == {**NODES, "w-1": ended}


def test_one_node_of_a_compressed_record_gets_its_value_and_a_message_and_the_workflow_stays_suspended() -> None:
    asked = {"name": "answer", "valueFrom": {"supplied": {}}, "globalName": "said"}
    nodes = {**NODES, "w-3": {**NODES["w-1"], "id": "w-3", "outputs": {"parameters": [asked]}}}
    request = suspension.ResumeRequest("id=w-3", {"answer": "yes"}, "by hand")
    patch = suspension.resumption(workflow(compressedNodes=record(nodes)), request, NOW)
    assert set(patch) == {"metadata", "status"}
    assert patch["status"]["outputs"] == {"parameters": [{"name": "said", "value": "yes"}]}
    changed = dict(compressed_nodes.read_nodes(patch["status"]["compressedNodes"]))
    assert (changed["w-1"], changed["w-3"]["message"], changed["w-3"]["phase"]) == (nodes["w-1"], "by hand", "Succeeded")
    assert changed["w-3"]["outputs"]["parameters"] == [{"name": "answer", "value": "yes", "globalName": "said"}]


@pytest.mark.parametrize(
    "status", [{}, {"nodes": {"w-2": NODES["w-2"]}}, {"compressedNodes": record({"w-2": NODES["w-2"]})}]
)
def test_a_workflow_that_waits_for_nothing_needs_no_change(status: dict[str, Any]) -> None:
    assert suspension.resumption(workflow(**status), ALL, NOW) == {}


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ({"offloadNodeStatusVersion": "fnv:1"}, "Argo keeps the nodes of a workflow of this size in its database"),
        ({"compressedNodes": "no base64"}, "their record is not base64"),
    ],
)
def test_nodes_that_cannot_be_read_are_an_error_with_a_way_out(status: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadInput, match=reason) as error:
        suspension.resumption(workflow(**status), ALL, NOW)
    assert "give 'argo-server'" in error.value.remedy
