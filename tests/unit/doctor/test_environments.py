"""Whether the protection rules of an environment hold the job that works."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from mlops_actions.argo_submit.read_manifest import read_manifest
from mlops_actions.doctor import environments
from mlops_actions.doctor.checks import Status
from mlops_actions.doctor.ports import ApiAnswer, GitHubApi
from mlops_actions.doctor.scope import Scope
from mlops_actions.doctor.workflow import parse

RULES = {"protection_rules": [{"type": "required_reviewers", "reviewers": [{"reviewer": {"login": "maintainer"}}]}]}
LATER = {"conclude": "false"}


class Api:
    """GitHub with an environment `production` that asks for a reviewer."""

    def get(self, _path: str, **_query: str | int) -> ApiAnswer:
        return ApiAnswer(200, RULES, {})


@pytest.mark.parametrize(
    ("of_listen", "of_work", "inputs", "status", "remedy"),
    [
        ("", None, {}, Status.FAILS, "add to jobs.listen: environment: production"),
        ("production", None, {}, Status.OK, ""),
        ("staging", None, {}, Status.FAILS, "add to jobs.listen: environment: production"),
        ("", "production", LATER, Status.OK, ""),
        ("", "", LATER, Status.FAILS, "add to jobs.work: environment: production"),
        ("", "production", {}, Status.FAILS, "add to jobs.listen: environment: production"),
    ],
    ids=[
        "one job, not bound",
        "one job, bound",
        "one job, bound to another",
        "a later job, bound",
        "a later job, not bound",
        "the job of chatops works, and another is bound",
    ],
)
def test_an_environment_binds_the_job_that_names_it(
    of_listen: str, of_work: str | None, inputs: dict[str, str], status: Status, remedy: str
) -> None:
    step = {"uses": "o/mlops-actions/actions/chatops@v1", "with": {"environment": "production", **inputs}}
    jobs: dict[str, Any] = {"listen": {"environment": of_listen, "steps": [step]}}
    if of_work is not None:
        jobs["work"] = {
            "environment": of_work,
            "needs": "listen",
            "steps": [{"uses": "o/mlops-actions/actions/wandb-runs@v1"}],
        }
    workflow = parse(json.dumps({"on": "issue_comment", "jobs": jobs}), "mlops.yml")
    scope = Scope(workflow=workflow, repository="o/r", context={}, read=str, read_manifest=read_manifest)
    checks = {check.name: check for check in environments.check(scope, cast(GitHubApi, Api()), "/repos/o/r", "main")}
    assert (checks["environment production"].status, checks["environment production"].remedy) == (status, remedy)
