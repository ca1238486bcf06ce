"""Names: the same for the same request, another for another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_actions.argo_submit.inputs import NAME
from mlops_actions.argo_submit.names import KEY, key, named
from mlops_actions.core.context import Context

CONTEXT = Context.from_environ({"GITHUB_REPOSITORY": "o/r", "GITHUB_RUN_ID": "1", "GITHUB_JOB": "j", "GITHUB_ACTION": "s"})
WORKFLOW = {"metadata": {}, "spec": {"a": 1}}


def test_a_rerun_of_the_job_is_the_same_request() -> None:
    again = replace(CONTEXT, run_attempt=2, temp=Path("/elsewhere"))
    assert key(WORKFLOW, "run", CONTEXT, "x") == key(WORKFLOW, "run", again, "x")


@pytest.mark.parametrize("change", [{"run_id": "2"}, {"job": "k"}, {"step": "t"}, {"repository": "o/other"}])
def test_another_run_job_step_or_repository_is_another(change: dict[str, str]) -> None:
    assert key(WORKFLOW, "run", CONTEXT, "x") != key(WORKFLOW, "run", replace(CONTEXT, **change), "x")


def test_the_legs_of_a_matrix_are_different_requests() -> None:
    assert key(WORKFLOW, "run", CONTEXT, "x") != key({"spec": {"a": 2}}, "run", CONTEXT, "x")


def test_by_commit_the_run_does_not_count_but_the_commit_does() -> None:
    other = replace(CONTEXT, run_id="2")
    assert key(WORKFLOW, "sha", CONTEXT, "x") == key(WORKFLOW, "sha", other, "x")
    assert key(WORKFLOW, "sha", CONTEXT, "x") != key(WORKFLOW, "sha", CONTEXT, "y")


def test_without_idempotency_the_server_makes_the_name() -> None:
    assert key(WORKFLOW, "none", CONTEXT, "x") == ""
    assert named({}, "") == {"generateName": "workflow-"}
    assert named({"generateName": "a-"}, "") == {"generateName": "a-"}


def test_a_given_name_stays() -> None:
    assert named({"name": "mine"}, "k" * 64) == {"name": "mine", "annotations": {KEY: "k" * 64}}


@given(base=st.from_regex(r"[a-z0-9][-a-z0-9]{0,80}-?", fullmatch=True), attempt=st.integers(0, 12))
def test_made_names_are_valid_and_short_enough(base: str, attempt: int) -> None:
    made = named({"generateName": base}, "0123456789abcdef" * 4, attempt=attempt)
    assert len(made["name"]) <= 63
    assert NAME.fullmatch(made["name"])
    assert "generateName" not in made


def test_a_repetition_has_a_name_of_its_own() -> None:
    first, second = (named({"generateName": "a-"}, "0" * 64, attempt=attempt)["name"] for attempt in (0, 2))
    assert second == f"{first}-2"
