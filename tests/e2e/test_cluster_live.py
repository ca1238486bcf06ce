"""What users see of a workflow that runs, on a real API server and controller: the cases are those of the stand-in.

The tests stand for the scheduler and for the kubelet of a machine that is not there: these two the cluster lacks.
"""

from __future__ import annotations

import contextlib
import html
import json
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import yaml

from mlops_actions.argo_submit import live_report, waiting
from tests.actions.argo_submit.job import Job
from tests.actions.argo_submit.live_cases import ENDS, LOGS, assert_failed, assert_shown, workflow
from tests.actions.argo_submit.wait_cases import WAITS, WHOLES, WaitCase, WholeCase, spec_of
from tests.e2e.cluster.containers import PROCESS_IMAGE
from tests.e2e.cluster.real import ARGO, NAMESPACE, PATIENCE, RealCluster
from tests.e2e.cluster.workflows import SUSPENDED, manifest

PLACE = f"/api/v1/namespaces/{NAMESPACE}"
# The cases whose pods' status the test writes: of gates the API server speaks itself.
WRITTEN = [case for case in WAITS if case.pod is not None and "schedulingGates" not in case.spec]


@pytest.fixture(autouse=True)
def _all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "ORDINARY_SECONDS", 0.0)
    monkeypatch.setattr(live_report, "MAX_WAITS", 100)


def test_each_log_is_shown_as_it_should_be(job: Job) -> None:
    assert job.run(workflow=workflow(LOGS, image=PROCESS_IMAGE), logs="all") == 0, job.log
    assert_shown(job.log)


def test_each_failure_is_told_as_it_should_be(job: Job) -> None:
    assert job.run(workflow=workflow(ENDS, image=PROCESS_IMAGE), logs="failed") == 1, job.log
    assert_failed(json.loads(job.outputs["failed-nodes"]))


@pytest.fixture
def limited(cluster: RealCluster) -> Iterator[None]:
    """A semaphore, and a quota that allows no GPU; the controller that counts for quotas is not there either."""
    cluster.connection.apply(
        f"{PLACE}/configmaps",
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "limits"}, "data": {"gpu": "1"}},
    )
    hard = {"requests.nvidia.com/gpu": "0"}
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "gpus"}, "spec": {"hard": hard}}
    cluster.connection.apply(f"{PLACE}/resourcequotas", quota)
    cluster.connection.call("PATCH", f"{PLACE}/resourcequotas/gpus/status", {"status": {"hard": hard, "used": hard}})
    yield
    cluster.connection.call("DELETE", f"{PLACE}/resourcequotas/gpus")
    cluster.connection.call("DELETE", f"{PLACE}/configmaps/limits")


@contextlib.contextmanager
def statuses_written(cluster: RealCluster, name: str) -> Iterator[threading.Event]:
    """Write the status of each pod of the cases as a scheduler or a kubelet does; yield the event that all are written.

    In the end the workflow and all its pods are let go.
    """
    over, complete = threading.Event(), threading.Event()

    def write() -> None:
        written: set[str] = set()
        while not over.wait(0.3):
            with contextlib.suppress(httpx.HTTPError):
                for pod in cluster.pods(name):
                    case = _case_of(pod)
                    if case is not None and case.name not in written:
                        path = f"{PLACE}/pods/{pod['metadata']['name']}/status"
                        cluster.connection.call("PATCH", path, {"status": _status_of(case)})
                        written.add(case.name)
            if len(written) == len(WRITTEN):
                complete.set()

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    try:
        yield complete
    finally:
        over.set()
        writer.join()
        cluster.connection.call("DELETE", f"{ARGO}/workflows/{name}", accept=(404,))
        for pod in cluster.pods(name):
            path = f"{PLACE}/pods/{pod['metadata']['name']}"
            cluster.connection.call("DELETE", f"{path}?gracePeriodSeconds=0", accept=(404,))


def _case_of(pod: dict[str, Any]) -> WaitCase | None:
    node = pod["metadata"]["annotations"]["workflows.argoproj.io/node-name"]
    return next((case for case in WRITTEN if node.endswith(f".{case.key}")), None)


def _status_of(case: WaitCase) -> dict[str, Any]:
    facts = {"image": PROCESS_IMAGE, "imageID": "", "ready": False, "restartCount": 0}
    status = dict(case.pod or {})
    containers = [{**one, **facts} for one in status.get("containerStatuses") or ()]
    return {**status, **({"containerStatuses": containers} if containers else {})}


def _is_recorded(workflow: dict[str, Any]) -> bool:
    """Tell whether Argo has recorded what each case waits for."""
    nodes = {node["displayName"]: node for node in ((workflow.get("status") or {}).get("nodes") or {}).values()}
    return all(case.key in nodes and (nodes[case.key].get("message") or not case.node.get("message")) for case in WAITS)


@pytest.mark.usefixtures("limited")
def test_what_each_task_waits_for_is_said(another_job: Callable[[], Job], cluster: RealCluster) -> None:
    name = "e2e-waits"
    document = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": name}}
    text = yaml.safe_dump({**document, "spec": spec_of(PROCESS_IMAGE)})
    first, job = another_job(), another_job()
    with statuses_written(cluster, name) as complete:
        assert first.run(workflow=text, idempotency="none", wait="false") == 0, first.log
        assert complete.wait(PATIENCE), cluster.workflow(name)["status"]
        cluster.until(name, _is_recorded)
        assert job.run(attach=name, timeout="3") == 5, job.log
    assert [case.name for case in WAITS if not case.is_in(job.summary)] == [], job.summary


@pytest.mark.parametrize("case", [case for case in WHOLES if case.is_real], ids=lambda case: case.name)
def test_what_a_whole_workflow_waits_for_is_said(
    another_job: Callable[[], Job], cluster: RealCluster, case: WholeCase
) -> None:
    names = ["e2e-whole-first", "e2e-whole"]
    spec = "".join(f"{field}: {json.dumps(value)}\n" for field, value in case.spec.items()) + SUSPENDED
    first, job = another_job(), another_job()
    try:
        if "synchronization" in case.spec:
            assert first.run(workflow=manifest(spec, name=names[0]), idempotency="none", wait="false") == 0, first.log
            cluster.until(names[0], lambda one: bool((one.get("status") or {}).get("nodes")))
        assert job.run(workflow=manifest(spec, name=names[1]), idempotency="none", timeout="3") == 5, job.log
        assert re.search(case.text, html.unescape(job.summary.replace("\\", ""))), job.summary
        assert re.search(case.text.removesuffix(" \\("), job.log), job.log
    finally:
        for name in names:
            cluster.connection.call("DELETE", f"{ARGO}/workflows/{name}", accept=(404,))
