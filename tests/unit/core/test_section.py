"""Which section of a comment a step writes: what is one section, and what are two."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_actions.core.context import Context
from mlops_actions.core.section import CommentSection as Section
from mlops_actions.core.section import matrix_values, section_of

STEP = {
    "GITHUB_REPOSITORY": "octo/digits",
    "GITHUB_WORKFLOW": "Train",
    "GITHUB_WORKFLOW_REF": "octo/digits/.github/workflows/train.yml@refs/heads/main",
    "GITHUB_JOB": "report",
    "GITHUB_ACTION": "__octo_wandb-runs",
    "GITHUB_RUN_ID": "10",
}


def section(matrix: Any = (), name: str = "", **changed: str) -> Section:
    environ = {**STEP, **{f"GITHUB_{variable.upper()}": value for variable, value in changed.items()}}
    return section_of(Context.from_environ(environ), dict(matrix), name)


ANOTHER = [
    ("workflow file", {"workflow_ref": "octo/digits/.github/workflows/nightly.yml@refs/heads/main"}),
    ("workflow name, where there is no file", {"workflow_ref": "", "workflow": "Nightly"}),
    ("job", {"job": "train"}),
    ("step", {"action": "__octo_wandb-runs_2"}),
    ("step's id", {"action": "report"}),
    ("matrix value", {"matrix": {"model": "cnn"}}),
    ("name", {"name": "nightly"}),
]
SAME = [
    ("run", {"run_id": "11"}),
    ("attempt", {"run_attempt": "2"}),
    ("branch of the workflow file", {"workflow_ref": "octo/digits/.github/workflows/train.yml@refs/pull/7/merge"}),
    ("title of the workflow", {"workflow": "Training"}),
    ("actor", {"actor": "ada"}),
]


@pytest.mark.parametrize("changed", [case[1] for case in ANOTHER], ids=[case[0] for case in ANOTHER])
def test_another_one_of_these_is_another_section(changed: Any) -> None:
    assert section(**changed).key != section().key


@pytest.mark.parametrize("changed", [case[1] for case in SAME], ids=[case[0] for case in SAME])
def test_another_one_of_these_is_the_same_section(changed: Any) -> None:
    assert section(**changed).key == section().key


def test_the_steps_of_a_job_share_its_leg_and_legs_share_the_workflow() -> None:
    first, second = section(), section(action="__octo_argo-submit")
    assert (first.leg, first.workflow) == (second.leg, second.workflow)
    cnn, mlp = section({"model": "cnn"}), section({"model": "mlp"})
    assert cnn.leg != mlp.leg
    assert cnn.workflow == mlp.workflow
    assert (first.in_matrix, cnn.in_matrix) == (False, True)


def test_the_order_of_matrix_values_is_not_a_difference() -> None:
    assert section({"a": 1, "b": 2}).key == section({"b": 2, "a": 1}).key


def test_a_name_stands_for_everything_else_but_the_leg_stays_known() -> None:
    one, two = section(name="nightly"), section(name="nightly", job="other", workflow_ref="")
    assert one.key == two.key
    assert one.leg == section().leg
    assert (one.is_named, section().is_named) == (True, False)


TITLES = [
    ({}, "Train · report"),
    ({"matrix": {"model": "cnn", "seed": 3}}, "Train · report (cnn, 3)"),
    ({"matrix": {"cfg": {"lr": 0.1}, "gpu": True, "x": None}}, 'Train · report ({"lr": 0.1}, true, null)'),
    ({"matrix": {"v": "x" * 50}}, f"Train · report ({'x' * 39}…)"),
    ({"action": "__octo_wandb-runs_2"}, "Train · report · step 2"),
    ({"action": "3"}, "Train · report · step 3"),
    ({"action": "compare"}, "Train · report · compare"),
    ({"action": "__run_12"}, "Train · report · step 12"),
    ({"workflow": "", "job": ""}, ""),
    ({"name": "nightly"}, "nightly"),
]


@pytest.mark.parametrize(("changed", "title"), TITLES, ids=[title for _, title in TITLES])
def test_the_title(changed: Any, title: str) -> None:
    assert section(**changed).title == title


@pytest.mark.parametrize("text", ["null", "{}"])
def test_a_job_without_a_matrix_has_no_values(text: str) -> None:
    assert matrix_values(text) == {}


@pytest.mark.parametrize("text", ["cnn", "[1]", "1", '"cnn"', "{"])
def test_what_is_no_matrix_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"toJSON\(matrix\)"):
        matrix_values(text)
