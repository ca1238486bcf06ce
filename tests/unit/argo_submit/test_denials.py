"""Denials of what was allowed before: an API server that has just started denies everything for a moment."""

from __future__ import annotations

import pytest

from mlops_actions.boundary import cluster_refusals
from mlops_actions.boundary.cluster_refusals import Granted
from mlops_actions.sandbox.cluster import Cluster
from mlops_actions.sandbox.cluster.resources import WORKFLOWS
from mlops_actions.sandbox.cluster.status import Json
from tests.unit.argo_submit.job import Job
from tests.unit.argo_submit.ways import WAYS

DENIAL = (
    'workflows.argoproj.io "held" is forbidden: User "submitter" cannot get resource "workflows" in API group '
    '"argoproj.io" in the namespace "default"'
)


HELD = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: held}
spec: {entrypoint: main, templates: [{name: main, suspend: {}}]}
"""


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def resume(workflow: Json) -> Json:
    workflow["status"]["nodes"]["held"]["phase"] = "Succeeded"
    return workflow


def test_a_denial_that_passes_is_waited_out(job: Job, cluster: Cluster) -> None:
    process = job.start(workflow=HELD, idempotency="none")
    assert process.stdout is not None
    log = ""
    while "is suspended" not in log:
        line = process.stdout.readline()
        assert line, log
        log += line
    cluster.faults.refuse(1000, 403, "Forbidden", DENIAL)
    cluster.close_watches()
    while "which was allowed before" not in log:
        line = process.stdout.readline()
        assert line, log
        log += line
    cluster.faults.refusals = 0
    cluster.store.change(WORKFLOWS, "default", "held", resume)
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0, log + rest
    assert job.outputs["phase"] == "Succeeded"


def test_a_denial_from_the_beginning_is_final(job: Job, cluster: Cluster) -> None:
    cluster.faults.refuse(1, 403, "Forbidden", DENIAL.replace("cannot get", "cannot create"))
    assert job.run(workflow=HELD) == 3
    assert "may not create workflows" in job.error


def test_a_denial_that_stays_is_final(monkeypatch: pytest.MonkeyPatch) -> None:
    granted = Granted()
    assert not granted.may_pass("GET /a")
    granted.allowed("GET /a")
    assert granted.may_pass("GET /a")
    assert not granted.may_pass("GET /b")
    monkeypatch.setattr(cluster_refusals, "PASSING_DENIAL_SECONDS", 0.0)
    assert not granted.may_pass("GET /a")
    granted.allowed("GET /a")
    assert not granted.may_pass("GET /a")
