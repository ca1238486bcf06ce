"""Idempotency: the same request has the same name, and another request has another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_actions.argo_submit.idempotency import KEY_ANNOTATION, request_key, with_name
from mlops_actions.argo_submit.object_names import NAME
from mlops_actions.core.context import Context

CONTEXT = Context.from_environ({"GITHUB_REPOSITORY": "o/r", "GITHUB_RUN_ID": "1", "GITHUB_JOB": "j", "GITHUB_ACTION": "s"})
WORKFLOW = {"metadata": {}, "spec": {"a": 1}}


def test_a_rerun_of_the_job_is_the_same_request() -> None:
    again = replace(CONTEXT, run_attempt=2, temp=Path("/elsewhere"))
    assert request_key(WORKFLOW, "run", CONTEXT, "x") == request_key(WORKFLOW, "run", again, "x")


@pytest.mark.parametrize("change", [{"run_id": "2"}, {"job": "k"}, {"step": "t"}, {"repository": "o/other"}])
def test_another_run_job_step_or_repository_is_another_request(change: dict[str, Any]) -> None:
    assert request_key(WORKFLOW, "run", CONTEXT, "x") != request_key(WORKFLOW, "run", replace(CONTEXT, **change), "x")


def test_the_legs_of_a_matrix_are_different_requests() -> None:
    assert request_key(WORKFLOW, "run", CONTEXT, "x") != request_key({"spec": {"a": 2}}, "run", CONTEXT, "x")
    legs: list[dict[str, Any]] = [{}, {"matrix": {"gpu": 1}}, {"matrix": {"gpu": 2}}, {"section": "a"}, {"section": "b"}]
    assert len({request_key(WORKFLOW, "run", CONTEXT, "x", **leg) for leg in legs}) == len(legs)
    assert len({request_key(WORKFLOW, "sha", CONTEXT, "x", **leg) for leg in legs}) == 1


def test_by_commit_the_key_depends_on_the_commit_and_not_on_the_run() -> None:
    other = replace(CONTEXT, run_id="2")
    assert request_key(WORKFLOW, "sha", CONTEXT, "x") == request_key(WORKFLOW, "sha", other, "x")
    assert request_key(WORKFLOW, "sha", CONTEXT, "x") != request_key(WORKFLOW, "sha", CONTEXT, "y")


def test_without_idempotency_the_server_makes_the_name() -> None:
    assert request_key(WORKFLOW, "none", CONTEXT, "x") == ""
    assert with_name({}, "") == {"generateName": "workflow-"}
    assert with_name({"generateName": "a-"}, "") == {"generateName": "a-"}


def test_a_given_name_stays() -> None:
    assert with_name({"name": "mine"}, "k" * 64) == {"name": "mine", "annotations": {KEY_ANNOTATION: "k" * 64}}


@given(base=st.from_regex(r"[a-z0-9][-a-z0-9]{0,80}-?", fullmatch=True), attempt=st.integers(0, 12))
def test_generated_names_are_valid_and_short_enough(base: str, attempt: int) -> None:
    named = with_name({"generateName": base}, "0123456789abcdef" * 4, attempt=attempt)
    assert len(named["name"]) <= 63
    assert NAME.fullmatch(named["name"])
    assert "generateName" not in named


def test_a_repetition_has_a_name_of_its_own() -> None:
    first, second = (with_name({"generateName": "a-"}, "0" * 64, attempt=attempt)["name"] for attempt in (0, 2))
    assert second == f"{first}-2"
