"""The outputs stay within what GitHub takes, however many nodes fail."""

from __future__ import annotations

from dataclasses import replace

from mlops_actions.argo_submit.follow import FollowResult
from mlops_actions.argo_submit.node_status import NodeStatus
from mlops_actions.argo_submit.outputs import MAX_FAILED_BYTES, MAX_FAILED_NODES, outcome_of
from mlops_actions.argo_submit.report import WorkflowReportContext
from mlops_actions.argo_submit.revision import WorkflowRevision
from mlops_actions.argo_submit.status import WorkflowStatus


def test_thousands_of_failed_nodes_are_counted_and_the_first_are_listed() -> None:
    nodes = {
        f"wf-{number}": NodeStatus(
            f"wf-{number}", f"n{number:04}", f"n{number:04}", "Pod", "t", "Failed", message="x" * 9_000
        )
        for number in range(3_000)
    }
    current = replace(WorkflowStatus.unread("ns", "wf"), phase="Failed", ended=True, nodes=nodes)
    lines = dict.fromkeys(nodes, ("é" * 500,) * 15)
    revision = WorkflowRevision(sha="", image="", pr_number=None, actor="", repository="", run_url="")
    outcome = outcome_of(FollowResult(current, lines), WorkflowReportContext(), revision, "", ())
    listed = outcome.result["failed-nodes"]
    assert outcome.result["failed-count"] == 3_000
    assert [node["name"] for node in listed] == [f"n{number:04}" for number in range(len(listed))]
    assert len(listed) == MAX_FAILED_NODES
    assert [bool(node["last-lines"]) for node in (listed[0], listed[-1])] == [True, False]
    assert len(outcome.outputs["failed-nodes"].encode()) <= MAX_FAILED_BYTES + 2
