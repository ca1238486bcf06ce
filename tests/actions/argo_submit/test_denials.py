"""Denials of rights that were allowed before: an API server that has just started denies every request for a moment."""

from __future__ import annotations

import pytest

from mlops_actions.boundary.cluster import refusals
from mlops_actions.boundary.cluster.refusals import SeenRights
from mlops_sandbox.cluster import Cluster, rule
from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.host import Host
from tests.actions.argo_submit.apis import APIS, environ_for
from tests.actions.argo_submit.job import SUSPENDED, Job, read_until, resume

DENIAL = (
    'workflows.argoproj.io "held" is forbidden: User "submitter" cannot get resource "workflows" in API group '
    '"argoproj.io" in the namespace "default"'
)


@pytest.fixture(params=APIS)
def api(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# A slow machine must not turn a temporary denial into a lasting one.
PATIENT = """
import sys
from mlops_actions.__main__ import main
from mlops_actions.boundary.cluster import refusals
refusals.PASSING_DENIAL_SECONDS = 600.0
sys.exit(main(["argo-submit"]))
"""


def test_a_temporary_denial_is_waited_out(job: Job, cluster: Cluster) -> None:
    process = job.start(program=PATIENT, workflow=SUSPENDED, idempotency="none")
    log = read_until(process, "is suspended")
    cluster.faults.refuse(1000, 403, "Forbidden", DENIAL)
    cluster.close_watches()
    log += read_until(process, "which was allowed before")
    cluster.faults.refusals = 0
    cluster.store.change(WORKFLOWS, "default", "held", resume)
    rest, _ = process.communicate()
    assert process.returncode == 0, log + rest
    assert job.outputs["phase"] == "Succeeded"


def test_a_denial_at_the_start_is_final(job: Job, cluster: Cluster) -> None:
    cluster.faults.refuse(1, 403, "Forbidden", DENIAL.replace("cannot get", "cannot create"))
    assert job.run(workflow=SUSPENDED) == 3
    assert "may not create workflows" in job.error


def test_a_lasting_denial_is_final(monkeypatch: pytest.MonkeyPatch) -> None:
    granted = SeenRights()
    assert not granted.may_pass("GET /a")
    granted.allowed("GET /a")
    assert granted.may_pass("GET /a")
    assert not granted.may_pass("GET /b")
    monkeypatch.setattr(refusals, "PASSING_DENIAL_SECONDS", 0.0)
    assert not granted.may_pass("GET /a")
    granted.allowed("GET /a")
    assert not granted.may_pass("GET /a")


RIGHTS = {"workflows": "create get watch patch", "pods": "get list watch", "pods/log": "get"}
TEMPLATES = ("workflowtemplates", "cronworkflows", "clusterworkflowtemplates")


def lacking(api: str, cluster: Cluster, host: Host, job: Job, resource: str, verb: str) -> None:
    """Have the job speak for somebody who has every right but one."""
    rights = {**RIGHTS, **dict.fromkeys(TEMPLATES, "get")}
    rules = [rule(name, text.replace(verb, "") if name == resource else text) for name, text in rights.items()]
    job.environ |= environ_for(api, cluster, host.url, job.directory, token=cluster.add_user("ci", rules))


@pytest.mark.parametrize("resource", TEMPLATES)
def test_a_missing_right_to_a_template_is_named(api: str, cluster: Cluster, host: Host, job: Job, resource: str) -> None:
    lacking(api, cluster, host, job, resource, "get")
    assert job.run(from_=f"{resource.removesuffix('s')}/base") == 3
    cause, remedy = job.error.splitlines()
    assert f"the user 'ci' may not get {resource}" in cause
    role = "ClusterRole" if resource.startswith("cluster") else "Role"
    assert f"add this rule to a {role} that is bound to this user" in remedy
    assert f'- {{apiGroups: ["argoproj.io"], resources: ["{resource}"], verbs: ["get"]}}' in remedy


PATCH_RULE = '- {apiGroups: ["argoproj.io"], resources: ["workflows"], verbs: ["patch"]}'


def test_a_timeout_names_the_missing_right_to_stop(api: str, cluster: Cluster, host: Host, job: Job) -> None:
    lacking(api, cluster, host, job, "workflows", "patch")
    assert job.run(workflow=SUSPENDED, idempotency="none", timeout="1", on_timeout="stop") == 5
    assert "did not end in time" in job.error
    assert "the workflow runs on, since 'stop' was refused: the user 'ci' may not patch workflows" in job.error
    assert PATCH_RULE in job.error


def test_a_cancellation_names_the_missing_right_to_stop(api: str, cluster: Cluster, host: Host, job: Job) -> None:
    lacking(api, cluster, host, job, "workflows", "patch")
    process = job.start(workflow=SUSPENDED, idempotency="none")
    assert process.stdout is not None
    for line in process.stdout:
        if "is suspended" in line:
            break
    process.terminate()
    log, _ = process.communicate(timeout=7.5)
    assert process.returncode == 143
    assert PATCH_RULE in log.replace("%0A", "\n")
    assert job.run_post(workflow=SUSPENDED) == 3
    assert PATCH_RULE in job.error
