from __future__ import annotations

import base64
import gzip
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from mlops_actions.argo_submit import compressed_nodes, suspension
from mlops_actions.core.errors import BadInput

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
    assert suspension.resumption(workflow(nodes=NODES), NOW) == {
        "metadata": {"resourceVersion": "7"},
        "spec": {"suspend": None},
        "status": {"nodes": {"w-1": {"phase": "Succeeded", "finishedAt": "2026-01-02T03:04:05Z"}}},
    }


def test_a_compressed_record_is_replaced_as_a_whole() -> None:
    patch = suspension.resumption(workflow(compressedNodes=record(NODES)), NOW)
    assert set(patch["status"]) == {"compressedNodes"}
    ended = {**NODES["w-1"], "phase": "Succeeded", "finishedAt": "2026-01-02T03:04:05Z"}
    assert dict(compressed_nodes.read_nodes(patch["status"]["compressedNodes"])) == {**NODES, "w-1": ended}


@pytest.mark.parametrize(
    "status", [{}, {"nodes": {"w-2": NODES["w-2"]}}, {"compressedNodes": record({"w-2": NODES["w-2"]})}]
)
def test_a_workflow_that_waits_for_nothing_needs_no_change(status: dict[str, Any]) -> None:
    assert suspension.resumption(workflow(**status), NOW) == {}


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ({"offloadNodeStatusVersion": "fnv:1"}, "Argo keeps the nodes of a workflow of this size in its database"),
        ({"compressedNodes": "no base64"}, "their record is not base64"),
    ],
)
def test_nodes_that_cannot_be_read_are_an_error_with_a_way_out(status: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadInput, match=reason) as error:
        suspension.resumption(workflow(**status), NOW)
    assert "give 'argo-server'" in error.value.remedy
