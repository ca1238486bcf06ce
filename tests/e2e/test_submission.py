"""What a real API server stores of a manifest is what was meant; the cases are those of the stand-in."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.actions.argo_submit.hook_cases import HOOKS
from tests.actions.argo_submit.job import Job, shell
from tests.actions.argo_submit.submission_cases import CASES, Case
from tests.actions.argo_submit.test_submission import assert_stored
from tests.e2e.cluster.real import ARGO, NAMESPACE, RealCluster

GROUP = "/apis/argoproj.io/v1alpha1"
PLURALS = {"WorkflowTemplate": "workflowtemplates", "CronWorkflow": "cronworkflows"}


@pytest.fixture(scope="module", autouse=True)
def _without_controller(cluster: RealCluster) -> Iterator[None]:
    """Leave the workflows as they were stored: a controller fills in values at once."""
    with cluster.without_controller():
        yield


@pytest.fixture
def job(cluster: RealCluster, tmp_path: Path) -> Job:
    job = Job(tmp_path)
    job.environ |= {"KUBECONFIG": str(cluster.kubeconfig()), "PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    return job


@pytest.mark.parametrize("case", [*CASES, *HOOKS], ids=lambda case: case.name)
def test_what_is_stored_is_what_was_meant_or_nothing(job: Job, cluster: RealCluster, case: Case) -> None:
    for value in case.objects:
        path = (
            f"{GROUP}/clusterworkflowtemplates"
            if value["kind"].startswith("Cluster")
            else f"{ARGO}/{PLURALS[value['kind']]}"
        )
        cluster.connection.apply(path, value)
    inputs = {"workflow": case.manifest} if case.manifest else {}
    code = job.run(**inputs, **case.inputs, wait="false", idempotency="none")
    assert case.logged in job.log
    if case.refused:
        assert code == case.code, job.log
        assert case.refused in job.error
        assert "workflow-name" not in job.outputs
        return
    assert code == 0, job.error
    path = f"{ARGO}/workflows/{job.outputs['workflow-name']}"
    assert_stored(case, cluster.connection.call("GET", path))
    cluster.connection.call("DELETE", path)
    with contextlib.suppress(httpx.HTTPStatusError):  # gone already, where nothing holds it
        cluster.connection.call("PATCH", path, {"metadata": {"finalizers": None}})


def test_a_field_that_the_api_server_does_not_know_is_refused_and_named(cluster: RealCluster) -> None:
    """The product refuses such a manifest before it sends it, so that this asks the server itself."""
    body = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": "a-", "lables": {}},
        "spec": {},
    }
    with pytest.raises(httpx.HTTPStatusError, match=r'strict decoding error: unknown field ."metadata.lables'):
        cluster.connection.call("POST", f"{ARGO}/workflows?fieldValidation=Strict", body)


def test_a_dry_run_of_the_real_server_names_what_was_checked(job: Job) -> None:
    assert job.run(workflow=shell("true"), namespace=NAMESPACE, dry_run="true") == 0
    assert "a dry run of the cluster: rights, admission, quota" in job.result["checked"]
