"""The rights that argo-submit's README asks for, on the real cluster: what the submitter has, and each of them missing."""

from __future__ import annotations

import pytest

from mlops_actions.core.types import Json
from tests.actions.argo_submit.job import Job
from tests.e2e.cluster import access
from tests.e2e.cluster.connection import Connection
from tests.e2e.cluster.containers import PROCESS_IMAGE
from tests.e2e.cluster.real import ARGO, NAMESPACE, RealCluster
from tests.e2e.cluster.workflows import has_ended, manifest, run, running

# Long enough that it runs while it is followed.
SHORT = manifest(
    'entrypoint: main\ntemplates:\n- {name: main, container: {image: IMAGE, command: [sh, -c, "echo hi; sleep 3"]}}'
)
TEMPLATES = {
    "workflowtemplates": "workflowtemplate/rights",
    "cronworkflows": "cronworkflow/rights",
    "clusterworkflowtemplates": "clusterworkflowtemplate/rights",
}
# Without the right the job fails with this code and names it.
NEEDED = {
    ("workflows", "create"): 3,
    ("workflows", "get"): 3,
    ("workflows", "watch"): 0,  # then the workflow is read now and then
    **{(resource, "get"): 3 for resource in TEMPLATES},
    # Without these there are no logs, but the workflow's end is the job's all the same.
    ("pods", "watch"): 0,
    ("pods", "get"): 0,
    ("pods/log", "get"): 0,
}
AT_THE_END = ("workflows", "patch")  # missed when a workflow is to be stopped
TO_LIST = ("workflows", "list")  # missed by `stop: pull-request`
# What the Argo Server does as whoever asks it: it reads the pods for its logs, and writes a workflow that is resumed or
# retried, whose failed pods it deletes.
BY_THE_ARGO_SERVER = {("pods", "list"), ("workflows", "update"), ("pods", "delete")}


@pytest.fixture(scope="module")
def templates(cluster: RealCluster) -> None:
    """What `from` names."""
    spec: Json = {
        "entrypoint": "main",
        "templates": [{"name": "main", "container": {"image": PROCESS_IMAGE, "command": ["true"]}}],
    }
    for kind in ("WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow"):
        held = {"schedules": ["0 0 1 1 *"], "suspend": True, "workflowSpec": spec} if kind == "CronWorkflow" else spec
        place = "/apis/argoproj.io/v1alpha1" if kind.startswith("Cluster") else ARGO
        value = {"apiVersion": "argoproj.io/v1alpha1", "kind": kind, "metadata": {"name": "rights"}, "spec": held}
        cluster.connection.apply(f"{place}/{kind.lower()}s", value)


def rule(resource: str, verb: str) -> str:
    group = "" if resource.startswith("pods") else "argoproj.io"
    return f'{{apiGroups: ["{group}"], resources: ["{resource}"], verbs: ["{verb}"]}}'


def test_the_submitter_has_what_the_readme_prints_and_nothing_else(cluster: RealCluster) -> None:
    """As the API server sees it; what everybody may do, which is to ask who one is and what one may, is left out."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": NAMESPACE},
    }
    connection = Connection(cluster.url, cluster.certificate.certificate, cluster.tokens[access.SUBMITTER])
    status = connection.call("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", review)["status"]
    connection.close()
    has = {
        (group, resource, verb)
        for rule in status["resourceRules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        if group not in ("authorization.k8s.io", "authentication.k8s.io")
    }
    printed = {
        (group, resource, verb)
        for role in access.documented()
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert has == printed


def test_every_right_that_the_readme_prints_is_missed_by_a_test() -> None:
    rights = {(resource, verb) for resource, verb, _ in access.lacking().values()}
    assert rights == {*NEEDED, AT_THE_END, TO_LIST, *BY_THE_ARGO_SERVER}


@pytest.mark.usefixtures("templates")
@pytest.mark.parametrize(("resource", "verb"), NEEDED)
def test_a_missing_right_is_named(job: Job, cluster: RealCluster, resource: str, verb: str) -> None:
    user = access.without(resource, verb)
    job.environ["KUBECONFIG"] = str(cluster.kubeconfig(user))
    inputs = {"from_": TEMPLATES[resource]} if resource in TEMPLATES else {"workflow": SHORT}
    assert run(job, **inputs) == NEEDED[resource, verb], job.log
    assert f"the user '{user}' may not {verb} {resource}" in job.log
    assert rule(resource, verb) in job.log


@pytest.mark.parametrize(("resource", "verb"), sorted(BY_THE_ARGO_SERVER))
def test_what_only_the_argo_server_needs_is_not_missed(job: Job, cluster: RealCluster, resource: str, verb: str) -> None:
    job.environ["KUBECONFIG"] = str(cluster.kubeconfig(access.without(resource, verb)))
    assert run(job, workflow=SHORT) == 0, job.log
    assert "\nhi\n" in job.log
    assert "::warning" not in job.log


def test_the_right_to_list_is_missed_where_the_workflows_of_a_pull_request_are_to_be_found(
    job: Job, cluster: RealCluster
) -> None:
    user = access.without(*TO_LIST)
    job.environ["KUBECONFIG"] = str(cluster.kubeconfig(user))
    assert run(job, stop="pull-request", pr_number="7") == 3, job.log
    assert f"the user '{user}' may not list workflows" in job.log
    assert rule(*TO_LIST) in job.log


def test_a_workflow_that_may_not_be_stopped_is_left_and_said_to_be(job: Job, cluster: RealCluster) -> None:
    user = access.without(*AT_THE_END)
    job.environ["KUBECONFIG"] = str(cluster.kubeconfig(user))
    text = manifest("entrypoint: sleep", name="e2e-unstoppable")
    with running(job, "▶", workflow=text) as step:
        step.cancel()
    assert f"the user '{user}' may not patch workflows" in job.log
    assert not has_ended(cluster.workflow("e2e-unstoppable"))
    assert job.run_post(workflow=text) == 3, job.log
    assert rule(*AT_THE_END) in job.error
    # With the right, the post step does what was left to do.
    job.environ["KUBECONFIG"] = str(cluster.kubeconfig())
    assert job.run_post(workflow=text) == 0, job.log
    assert cluster.until("e2e-unstoppable", has_ended)["spec"]["shutdown"] == "Stop"
