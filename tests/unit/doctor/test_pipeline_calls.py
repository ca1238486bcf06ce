"""What doctor says of jobs that call the reusable workflow: runners, identity, sections, environment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

import pytest

from mlops_actions.argo_submit.read_manifest import read_manifest
from mlops_actions.doctor import environments, job_rights, pipeline_calls, step_rights
from mlops_actions.doctor.checks import HealthCheck, Status
from mlops_actions.doctor.ports import ApiAnswer, GitHubApi
from mlops_actions.doctor.scope import Scope
from mlops_actions.doctor.workflow import parse

PLAIN, KEYLESS = "pipeline.yml", "pipeline-keyless.yml"


def call(file: str = PLAIN, *, matrix: Mapping[str, Any] | None = None, **inputs: str) -> dict[str, Any]:
    given = {"commands": "/train", **{name.replace("_", "-"): value for name, value in inputs.items()}}
    uses = f"machine-learning-apps/mlops-actions/.github/workflows/{file}@v1"
    return {"uses": uses, "permissions": {}, "with": given, **({"strategy": {"matrix": matrix}} if matrix else {})}


def scope(**jobs: Mapping[str, Any]) -> Scope:
    workflow = parse(json.dumps({"on": "issue_comment", "jobs": jobs}), "mlops.yml")
    context = {"vars.RUNNERS": '["self-hosted"]', "vars": "known"}
    return Scope(workflow=workflow, repository="o/r", context=context, read=str, read_manifest=read_manifest)


def checks(**jobs: Mapping[str, Any]) -> list[HealthCheck]:
    return list(pipeline_calls.check(scope(**jobs)))


RUNNERS: dict[str, Status] = {
    "ubuntu-latest": Status.OK,
    "gpu a100": Status.OK,
    '["self-hosted", "gpu"]': Status.OK,
    '{"group": "gpu"}': Status.OK,
    '{"group": "gpu", "labels": "x64"}': Status.OK,
    "${{ vars.RUNNERS }}": Status.OK,
    "self-hosted, gpu": Status.FAILS,
    "[self-hosted, gpu]": Status.FAILS,
    '["self-hosted", 7]': Status.FAILS,
    "[]": Status.FAILS,
    '[""]': Status.FAILS,
    "{}": Status.FAILS,
    '{"gruop": "gpu"}': Status.FAILS,
    "[" * 5000: Status.FAILS,
}


@pytest.mark.parametrize("text", RUNNERS, ids=[text[:40] for text in RUNNERS])
def test_runners_are_one_label_a_list_or_a_group(text: str) -> None:
    (check,) = checks(mlops=call(runs_on=text))
    assert check.status is RUNNERS[text]
    assert check.status is Status.OK or '["self-hosted", "gpu"]' in check.remedy


@pytest.mark.parametrize("text", ["", "${{ inputs.runner }}", "${{ matrix.runner }}"])
def test_nothing_is_said_of_runners_that_are_not_given_or_not_known_here(text: str) -> None:
    assert checks(mlops=call(runs_on=text)) == []


@pytest.mark.parametrize("name", step_rights.BY_IDENTITY)
def test_a_login_by_identity_token_needs_the_keyless_workflow(name: str) -> None:
    inputs: dict[str, Any] = {"workflow": "w.yaml", name.replace("-", "_"): "x"}
    (check,) = checks(mlops=call(**inputs))
    assert (check.status, name in check.answer, KEYLESS in check.remedy) == (Status.FAILS, True, True)
    assert checks(mlops=call(KEYLESS, **inputs)) == []


def test_callers_of_the_keyless_workflow_grant_the_identity_token() -> None:
    found = scope(mlops=call(KEYLESS))
    assert job_rights.missing(found.workflow.jobs[0], found, "read") == {**step_rights.OF_PIPELINE, "id-token": "write"}


ONE, TWO = call(section="one"), call(section="two")
CALLS: dict[str, tuple[dict[str, Any], str]] = {
    "one call": ({"a": call()}, ""),
    "two names": ({"a": ONE, "b": TWO}, ""),
    "one of two has a name": ({"a": call(), "b": TWO}, ""),
    "no names": ({"a": call(), "b": call()}, "jobs 'a' and 'b'"),
    "one name twice": ({"a": ONE, "b": TWO, "c": ONE}, "jobs 'a' and 'c'"),
    "other commands": ({"a": call(), "b": call(commands="/tune")}, ""),
    "a matrix": ({"a": call(matrix={"model": ["cnn", "mlp"]})}, "the legs of job 'a'"),
    "a matrix that is handed on": ({"a": call(matrix={"m": [1, 2]}) | {"with": {
        "commands": "/train", "matrix": "${{ toJSON(matrix) }}",
    }}}, ""),
    "a name by the matrix": ({"a": call(matrix={"m": [1, 2]}) | {"with": {
        "commands": "/train", "section": "${{ matrix.m }}",
    }}}, ""),
    "one name for all legs": ({"a": call(matrix={"m": [1, 2]}, section="all")}, "the legs of job 'a'"),
}  # fmt: skip


@pytest.mark.parametrize("case", CALLS)
def test_calls_of_one_file_are_told_apart(case: str) -> None:
    jobs, fault = CALLS[case]
    found = checks(**jobs)
    assert [check.status for check in found] == ([Status.FAILS] if fault else [])
    assert all(fault in check.answer for check in found)


class Api:
    """GitHub with an environment that asks for a reviewer."""

    def get(self, _path: str, **_query: str | int) -> ApiAnswer:
        return ApiAnswer(200, {"protection_rules": [{"type": "required_reviewers", "reviewers": []}]}, {})


def test_the_environment_of_a_call_binds_its_job_and_takes_no_right() -> None:
    found = scope(mlops=call(environment="gpu"))
    (check,) = environments.check(found, cast(GitHubApi, Api()), "/repos/o/r", "main")
    assert (check.name, check.status) == ("environment gpu", Status.OK)
    assert job_rights.missing(found.workflow.jobs[0], found, "read") == step_rights.OF_PIPELINE
