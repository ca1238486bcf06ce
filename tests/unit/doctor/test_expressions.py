"""Whose token an input holds, and which inputs are given, as far as the file tells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from mlops_actions.argo_submit.read_manifest import read_manifest
from mlops_actions.doctor import job_rights, step_rights, token_writes
from mlops_actions.doctor.checks import Status
from mlops_actions.doctor.expressions import ALL_VARIABLES, TokenOwner, token_owner
from mlops_actions.doctor.ports import ApiAnswer, GitHubApi
from mlops_actions.doctor.scope import Scope
from mlops_actions.doctor.workflow import parse

ROOT = Path(__file__).parents[3]
CONTEXT = {"vars.SET": "set", "vars.EMPTY": "", "secrets.GITHUB_TOKEN": "t", ALL_VARIABLES: "known"}
ENV = {"OWN": "${{ github.token }}", "PAT": "${{ secrets.PAT }}", "EITHER": "${{ secrets.PAT || github.token }}"}


@pytest.mark.parametrize(
    ("text", "owner"),
    [
        ("", TokenOwner.JOB),
        ("${{ github.token }}", TokenOwner.JOB),
        ("${{github.token}}", TokenOwner.JOB),
        ("${{ secrets.GITHUB_TOKEN }}", TokenOwner.JOB),
        ("${{ secrets['GITHUB_TOKEN'] }}", TokenOwner.JOB),
        ("${{ secrets.github_token }}", TokenOwner.JOB),
        ("${{ vars.EMPTY || github.token }}", TokenOwner.JOB),
        ("${{ env.OWN }}", TokenOwner.JOB),
        ("${{ secrets.PAT }}", TokenOwner.OTHER),
        ("${{ steps.app.outputs.token }}", TokenOwner.OTHER),
        ("${{ needs.app.outputs.token || secrets.PAT }}", TokenOwner.OTHER),
        ("${{ vars.SET || github.token }}", TokenOwner.OTHER),
        ("${{ env.PAT }}", TokenOwner.OTHER),
        ("${{ secrets.PAT || github.token }}", TokenOwner.UNKNOWN),
        ("${{ secrets.PAT || secrets.GITHUB_TOKEN }}", TokenOwner.UNKNOWN),
        ("${{ steps.app.outputs.token || github.token }}", TokenOwner.UNKNOWN),
        ("${{ inputs.token }}", TokenOwner.UNKNOWN),
        ("${{ inputs.token || github.token }}", TokenOwner.UNKNOWN),
        ("${{ matrix.token }}", TokenOwner.UNKNOWN),
        ("${{ env.EITHER }}", TokenOwner.UNKNOWN),
        ("${{ env.UNKNOWN }}", TokenOwner.UNKNOWN),
        ("${{ github.event_name == 'push' && secrets.PAT || github.token }}", TokenOwner.UNKNOWN),
    ],
)
def test_the_owner_of_a_token_is_told_as_far_as_the_file_tells_it(text: str, owner: TokenOwner) -> None:
    assert token_owner(text, ENV, CONTEXT) is owner


def scope_of(inputs: Mapping[str, str], *, action: str = "wandb-runs", permissions: Any = None, env: Any = None) -> Scope:
    step = {"uses": f"o/mlops-actions/actions/{action}@v1", "with": inputs}
    return scope_of_job({"permissions": permissions or {}, "steps": [step]}, env)


def scope_of_job(job: Mapping[str, Any], env: Any = None) -> Scope:
    workflow = parse(json.dumps({"on": "issue_comment", "env": env or {}, "jobs": {"train": job}}), "mlops.yml")
    return Scope(workflow=workflow, repository="o/r", context=CONTEXT, read=str, read_manifest=read_manifest)


@pytest.mark.parametrize(
    ("comment", "token", "status"),
    [
        ("true", "${{ github.token }}", Status.FAILS),
        ("true", "${{ secrets.PAT || github.token }}", Status.UNKNOWN),
        ("true", "${{ inputs.token }}", Status.UNKNOWN),
        ("true", "${{ secrets.PAT }}", Status.OK),
        ("${{ inputs.comment }}", "", Status.UNKNOWN),
        ("${{ matrix.comment }}", "", Status.UNKNOWN),
        ("${{ vars.EMPTY }}", "", Status.OK),
        ("${{ env.COMMENT }}", "", Status.FAILS),
        ("false", "", Status.OK),
    ],
)
def test_a_permission_that_only_a_value_of_the_job_needs_cannot_be_told(comment: str, token: str, status: Status) -> None:
    scope = scope_of({"project": "e/p", "comment": comment, "github-token": token}, env={"COMMENT": True})
    (check,) = job_rights.permissions(scope, "read")
    assert check.status is status
    assert ("pull-requests: write" in check.remedy) is (status is not Status.OK)


@pytest.mark.parametrize(
    ("app", "token", "status"),
    [
        ("", "", Status.FAILS),
        ("7", "", Status.OK),
        ("${{ vars.EMPTY }}", "", Status.FAILS),
        ("${{ inputs.app }}", "", Status.UNKNOWN),
        ("", "${{ secrets.PAT }}", Status.OK),
        ("", "${{ secrets.PAT || github.token }}", Status.UNKNOWN),
    ],
)
def test_a_teams_token_is_judged_only_where_the_file_tells_it(app: str, token: str, status: Status) -> None:
    inputs = {"commands": "/train", "allow-teams": "o/t", "app-id": app, "github-token": token}
    (check,) = job_rights.teams(scope_of(inputs, action="chatops"))
    assert check.status is status


def test_a_secret_that_something_stands_in_for_is_optional() -> None:
    step = {"uses": "o/r@v1", "with": {"a": "${{ secrets.A || github.token }}", "b": "${{ secrets['B'] }}",
                                       "c": "${{ secrets.C || secrets.D }} ${{ secrets.C }}"}}  # fmt: skip
    file = parse(json.dumps({"on": "push", "jobs": {"job": {"steps": [step]}}}), "mlops.yml")
    assert file.secrets == ("A", "B", "C", "D")
    assert file.optional_secrets == {"A"}


@pytest.mark.parametrize(
    ("is_public", "permissions", "lacks"),
    [(False, {}, {"contents": "read", "pull-requests": "write"}), (True, {}, {"pull-requests": "write"}),
     (False, None, {"pull-requests": "write"})],
)  # fmt: skip
def test_a_line_to_read_is_needed_only_where_not_everybody_may_read(
    is_public: bool, permissions: Any, lacks: Mapping[str, str]
) -> None:
    scope = scope_of({"commands": "/train"}, action="chatops")
    (job,) = scope.workflow.jobs
    job = type(job)(job.name, permissions, "", job.steps)
    assert job_rights.missing(job, scope, "read", is_public=is_public) == lacks


@pytest.mark.parametrize(
    ("permissions", "lacks"),
    [
        (step_rights.OF_PIPELINE, {}),
        ("write-all", {}),
        ({}, step_rights.OF_PIPELINE),
        ({**step_rights.OF_PIPELINE, "actions": "read"}, {"actions": "write"}),
    ],
)
def test_a_caller_grants_what_the_jobs_of_the_reusable_workflow_ask_for(permissions: Any, lacks: Mapping[str, str]) -> None:
    uses = "machine-learning-apps/mlops-actions/.github/workflows/pipeline.yml@v1"
    job = {"permissions": permissions, "uses": uses, "with": {"commands": "train"}}
    scope = scope_of_job(job)
    # GitHub refuses the file itself, so that a public repository makes no difference.
    assert job_rights.missing(scope.workflow.jobs[0], scope, "read", is_public=True) == lacks


@pytest.mark.parametrize(
    ("file", "rights"),
    [("pipeline.yml", step_rights.OF_PIPELINE), ("pipeline-keyless.yml", step_rights.OF_KEYLESS_PIPELINE)],
)
def test_the_rights_of_the_reusable_workflow_are_those_of_its_jobs(file: str, rights: Mapping[str, str]) -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows" / file).read_text())["jobs"].values()
    asked = [f"{name}: {level}" for job in jobs for name, level in job["permissions"].items()]
    assert step_rights.merged(asked) == rights


def test_an_app_replaces_the_jobs_token_for_the_feedback_alone() -> None:
    inputs = {"commands": "/train", "app-id": "7", "check-name": "training", "pending-label": "x", "allow-teams": "o/t"}
    scope = scope_of(inputs, action="chatops")
    (step,) = scope.workflow.steps("chatops")
    assert step_rights.of_job(step, scope).certain == {"contents": "read", "pull-requests": "write"}
    assert step_rights.of_app(step, scope) == {
        "pull_requests": "write", "issues": "write", "checks": "write", "members": "read",
    }  # fmt: skip


@pytest.mark.parametrize("name", step_rights.BY_IDENTITY)
def test_a_login_by_the_jobs_identity_token_needs_its_line(name: str) -> None:
    for permissions, status in (({}, Status.FAILS), ({"id-token": "write"}, Status.OK), ("write-all", Status.OK)):
        scope = scope_of({"workflow": "w.yaml", name: "x"}, action="argo-submit", permissions=permissions)
        (check,) = job_rights.permissions(scope, "write")
        assert check.status is status
    scope = scope_of({"workflow": "w.yaml", name: "x"}, action="argo-submit")
    (job,) = scope.workflow.jobs
    by_default = type(job)(job.name, None, "", job.steps)
    assert job_rights.missing(by_default, scope, "write") == {"id-token": "write"}


@pytest.mark.parametrize(
    ("is_job", "has_token", "found"), [(True, True, ["ok"]), (True, False, ["fails"]), (False, False, [])]
)
def test_a_job_is_told_whether_it_gets_an_identity_token(is_job: bool, has_token: bool, found: list[str]) -> None:
    scope = replace(scope_of({}), is_job=is_job, has_identity_token=has_token)
    answer = ApiAnswer(200, {}, {})
    checks = token_writes.check(scope, cast(GitHubApi, None), "", answer, ["id-token"])
    assert [check.status.value for check in checks] == found
