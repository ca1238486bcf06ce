"""What the server says of a workflow before it stores it: unknown fields, warnings, Argo's own lint, dry runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mlops_sandbox.cluster import Cluster
from mlops_sandbox.cluster.resources import WORKFLOWS
from tests.actions.argo_submit.apis import ARGO_SERVER, KUBERNETES
from tests.actions.argo_submit.job import Job, shell

LINT = "the rules of the Argo Server, by its own lint"
DRY_RUN = "a dry run of the cluster: rights, admission, quota"


@pytest.fixture
def api(request: pytest.FixtureRequest) -> str:
    return str(getattr(request, "param", KUBERNETES))


def stored(cluster: Cluster) -> list[dict[str, object]]:
    return list(cluster.store.items(WORKFLOWS)[0])


# Each is a field that Argo 4.0 has, or nearly, and that the definitions in the cluster lack.
UNKNOWN = {
    "spec.entrypoint": "(Argo 4.0 has it; the cluster's Argo may be older)",
    "spec.templates[0].container.image": "(Argo 4.0 has it; the cluster's Argo may be older)",
}


@pytest.mark.parametrize("field", UNKNOWN)
def test_a_field_that_the_cluster_does_not_know_is_refused_by_it(job: Job, cluster: Cluster, field: str) -> None:
    cluster.faults.unknown_fields = [field]
    assert job.run(workflow=shell("true"), wait="false") == 2
    cause, remedy = job.error.splitlines()
    assert cause.startswith("the cluster does not know a field (400): ")
    assert f'unknown field "{field}" {UNKNOWN[field]}' in cause
    assert remedy == "correct or remove the field; with 'strict: false' the cluster leaves it out, and warns"
    assert stored(cluster) == []


def test_without_strict_the_cluster_warns_of_a_field_and_leaves_it_out(job: Job, cluster: Cluster) -> None:
    cluster.faults.unknown_fields = ["spec.templates[0].container.image"]
    assert job.run(workflow=shell("true"), wait="false", strict="false") == 0
    warning = 'the cluster warns: unknown field "spec.templates[0].container.image" (Argo 4.0 has it; the cluster'
    assert f"::warning title=argo-submit::{warning}" in job.log
    assert len(stored(cluster)) == 1


def test_warnings_of_the_cluster_are_shown_once_and_cannot_command_the_runner(job: Job, cluster: Cluster) -> None:
    cluster.faults.warnings = ['policy "gpu": ask \\ first', "x\r\n::error::y", "policy"]
    assert job.run(workflow=shell("true"), dry_run="true") == 0
    assert job.run(workflow=shell("true"), wait="false") == 0
    shown = [line for line in job.log.splitlines() if "the cluster warns" in line]
    assert shown == [
        '::warning title=argo-submit::the cluster warns: policy "gpu": ask \\ first',
        "::warning title=argo-submit::the cluster warns: xrn::error::y",
        "::warning title=argo-submit::the cluster warns: policy",
    ]


@pytest.mark.parametrize("verb", ["create", "get", "watch", "list"])
def test_a_warning_is_shown_whatever_request_it_answers(job: Job, cluster: Cluster, verb: str) -> None:
    cluster.faults.deprecations = {verb: "argoproj.io/v1alpha1 is deprecated"}
    assert job.run(workflow=shell("true"), idempotency="sha") == 0
    warning = "::warning title=argo-submit::the cluster warns: argoproj.io/v1alpha1 is deprecated"
    assert job.log.splitlines().count(warning) == 1


@pytest.mark.parametrize(
    ("api", "checked", "not_checked"),
    [
        (KUBERNETES, [DRY_RUN], [f"{LINT} (needs an Argo Server: input 'argo-server')"]),
        (ARGO_SERVER, [LINT, DRY_RUN], []),
    ],
    indirect=["api"],
)
def test_a_dry_run_names_what_was_checked_and_what_was_not(
    job: Job, cluster: Cluster, checked: list[str], not_checked: list[str]
) -> None:
    assert job.run(workflow=shell("true"), dry_run="true") == 0
    result = job.result
    assert result["checked"] == [
        "fields and types of the manifest by the schema of Argo 4.0",
        "names, references, variables and arguments, as 'argo lint' does",
        *checked,
    ]
    assert result["not-checked"] == [*not_checked, "whether images, secrets, config maps and artifacts exist"]
    assert f"checked: {'; '.join(result['checked'])}. not checked: {'; '.join(result['not-checked'])}" in job.log
    assert stored(cluster) == []


def test_a_dry_run_of_a_workflow_that_exists_says_that_it_was_not_tried(job: Job, another_job: Callable[[], Job]) -> None:
    assert job.run(workflow=shell("true")) == 0
    again = another_job()
    assert again.run(workflow=shell("true"), dry_run="true") == 0
    assert f"{DRY_RUN} (the workflow exists already, and a submission would join it)" in again.result["not-checked"]


@pytest.mark.parametrize("api", [ARGO_SERVER], indirect=True)
@pytest.mark.parametrize("dry_run", ["true", "false"])
def test_what_the_argo_servers_lint_refuses_is_not_submitted(job: Job, cluster: Cluster, dry_run: str) -> None:
    cluster.faults.lint_refusal = "templates.main.container.command is odd"
    assert job.run(workflow=shell("true"), dry_run=dry_run) == 2
    assert "the Argo Server does not accept this (400): templates.main.container.command is odd" in job.error
    assert stored(cluster) == []


@pytest.mark.parametrize("api", [ARGO_SERVER], indirect=True)
def test_an_argo_server_without_a_lint_is_said_to_have_checked_nothing(job: Job, cluster: Cluster) -> None:
    cluster.faults.lint_missing = True
    assert job.run(workflow=shell("true"), dry_run="true") == 0
    assert LINT not in job.result["checked"]
    assert job.run(workflow=shell("true")) == 0
