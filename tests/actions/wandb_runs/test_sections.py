"""Legs of a matrix, steps and workflows with one tag: one comment with a section for each step that reports."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from tests.actions.wandb_runs.step import SHA, WandbStep

NIGHTLY = "octo/digits/.github/workflows/nightly.yml@refs/heads/main"
FIRST = {"GITHUB_WORKFLOW": "Train", "GITHUB_JOB": "report", "GITHUB_ACTION": "__octo_wandb-runs"}


def report(step: WandbStep, *, passes: bool = True, environ: Mapping[str, str] | None = None, **inputs: str) -> str:
    """Run one step; return the only comment."""
    step.environ.update({**FIRST, **(environ or {})})
    given = {"sha": SHA, "comment": "true", "pr_number": step.pull.number, "gates": f"acc > {0.1 if passes else 0.99}"}
    assert step.run(**{**given, **inputs}) == int(not passes), step.log
    (comment,) = step.comments()
    return comment


def matrix(**values: object) -> str:
    return json.dumps(values)


OTHERS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "leg of a matrix": ({"matrix": matrix(model="mlp")}, {}),
    "step of the job": ({"matrix": matrix(model="cnn")}, {"GITHUB_ACTION": "__octo_wandb-runs_2"}),
    "job": ({"matrix": "null"}, {"GITHUB_JOB": "nightly"}),
    "workflow": ({"matrix": "null"}, {"GITHUB_WORKFLOW": "Nightly", "GITHUB_WORKFLOW_REF": NIGHTLY, "GITHUB_RUN_ID": "78"}),
    "named section": ({"matrix": matrix(model="cnn"), "section": "with augmentation"}, {}),
}


@pytest.mark.parametrize("other", OTHERS)
def test_another_one_of_these_gets_a_section_of_its_own(step: WandbStep, other: str) -> None:
    step.candidate()
    inputs, environ = OTHERS[other]
    alone = report(step, matrix=matrix(model="cnn"))
    assert "reports" not in alone
    comment = report(step, passes=False, environ=environ, **inputs)
    assert comment.split("\n")[1] == "### ❌ 1 of 2 reports failed"
    assert "### ✅ The gate passed" in comment
    assert "### ❌ Gates failed" in comment


def test_a_leg_that_passes_at_its_next_attempt_mends_the_headline(step: WandbStep) -> None:
    step.candidate()
    report(step, matrix=matrix(model="cnn"))
    report(step, passes=False, matrix=matrix(model="mlp"))
    comment = report(step, environ={"GITHUB_RUN_ATTEMPT": "2"}, matrix=matrix(model="mlp"))
    assert comment.split("\n")[1] == "### ✅ All 2 reports passed"
    assert "Gates failed" not in comment


def test_the_sections_of_the_run_before_are_folded_together(step: WandbStep) -> None:
    step.candidate()
    report(step, matrix=matrix(model="cnn"))
    report(step, passes=False, matrix=matrix(model="mlp"))
    comment = report(step, environ={"GITHUB_RUN_ID": "78"}, matrix=matrix(model="cnn"))
    newest, *earlier = comment.split("<!-- mlops-actions-earlier -->")
    assert "reports" not in newest
    assert len(earlier) == 1
    assert "❌ 1 of 2 reports failed</summary>" in earlier[0]


def test_a_matrix_that_is_none_is_an_input_error(step: WandbStep) -> None:
    assert step.run(sha=SHA, matrix="cnn") == 2
    assert "toJSON(matrix)" in step.log
