"""Behind the Argo Server the pods are those of the workflow's record; one that is made anew is another pod."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from mlops_actions.argo_submit.ports import NotFound
from mlops_actions.boundary.cluster.argo_server_pods import RecordedPods
from mlops_actions.core.types import Json

EARLY, LATE = "2026-01-01T00:00:00Z", "2026-01-01T00:10:00Z"
POD = "wf-train-1"


def record(phase: str = "", *, started: str | None = EARLY, **more: Any) -> Json:
    """A workflow with one node, or with none where it has no phase."""
    metadata = {"name": "wf", "annotations": {"workflows.argoproj.io/pod-name-format": "v1"}}
    node = {"id": POD, "name": "wf.train", "displayName": "train", "type": "Pod", "phase": phase, "startedAt": started}
    return {"metadata": metadata, "status": {"nodes": {POD: {**node, **more}} if phase else {}}}


@pytest.mark.parametrize(
    ("records", "uids"),
    [
        ([record("Pending"), record("Running"), record("Succeeded")], 1),
        ([record("Pending", started=None), record("Running"), record("Failed")], 1),
        ([record("Failed"), record("Failed", message="a later message")], 1),
        ([record("Failed"), record("Pending")], 2),
        ([record("Failed"), record("Running")], 2),
        ([record("Failed"), record("Succeeded", started=LATE)], 2),
        ([record("Failed"), record(), record("Succeeded")], 2),
        ([record("Failed"), record(), record("Failed"), record("Running", started=LATE)], 3),
    ],
    ids=[
        "one that runs",
        "one that has its time later",
        "one that has ended",
        "it waits again",
        "it runs again",
        "it has ended again",
        "its node was gone",
        "two retries",
    ],
)
def test_a_pod_that_is_made_anew_has_another_uid(records: list[Json], uids: int) -> None:
    pods = RecordedPods()
    seen = []
    for one in records:
        pods.update(one)
        if one["status"]["nodes"]:
            seen.append(pods.get(POD)["metadata"]["uid"])
    assert len(set(seen)) == uids


def test_a_pod_whose_node_has_left_the_record_is_gone() -> None:
    pods = RecordedPods()
    assert pods.update(record("Failed")) == [POD]
    assert pods.has_ended(POD)
    assert pods.update(record()) == []
    assert not pods.has_ended(POD)
    with pytest.raises(NotFound):
        pods.get(POD)


def test_a_watch_shows_each_change_of_what_is_there_and_nothing_that_is_gone() -> None:
    pods = RecordedPods()
    for one in (record("Failed"), record(), record("Running", started=LATE)):
        pods.update(one)
    watch = pods.watch()
    events = iter(watch)
    assert next(events).object["status"]["phase"] == "Running"
    pods.update(record("Succeeded", started=LATE))
    assert next(events).object["status"]["phase"] == "Succeeded"
    threading.Timer(0, watch.close).start()
    assert next(events, None) is None
