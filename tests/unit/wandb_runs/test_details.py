"""Of which runs details are asked: of few runs each one's, of many those of the judged candidate and the baselines."""

from __future__ import annotations

import pytest

from mlops_actions.core.declare import read
from mlops_actions.core.runs import RunDetails, TrackerResult
from mlops_actions.wandb_runs.comparison import prepare
from mlops_actions.wandb_runs.details import MAX_RUNS, details_query
from mlops_actions.wandb_runs.inputs import Inputs
from mlops_actions.wandb_runs.report.document import render
from mlops_actions.wandb_runs.report.provenance import ReportContext
from tests.unit.wandb_runs.test_report import INPUTS, OTHER, findings, run

BASELINES = (run("b1", 0.8, commit=OTHER), run("b2", 0.7, commit=OTHER))
MANY = [run(f"c{index}", 0.9 - index / 1000) for index in range(MAX_RUNS)]
EVERY = {one.id for one in (*MANY, *BASELINES)}


# The inputs, the runs whose datasets are asked for, and those whose uncommitted changes are.
ASKED = {
    "many candidates": ({}, {"c0", "b1", "b2"}, {"c0", "b1", "b2"}),
    "many, and all must have the same data": ({"require": "same-data"}, EVERY, {"c0", "b1", "b2"}),
    "many, and all must be clean": ({"require": "clean"}, {"c0", "b1", "b2"}, EVERY),
    "many, each judged": ({"judge": "all"}, {f"c{MAX_RUNS - 1}", "c0", "b1", "b2"}, {f"c{MAX_RUNS - 1}", "c0", "b1", "b2"}),
    "many, without lineage": ({"lineage": "false"}, set(), {"c0", "b1", "b2"}),
}


@pytest.mark.parametrize(("inputs", "datasets", "changes"), ASKED.values(), ids=ASKED)
def test_details_are_asked_of_what_the_verdict_rests_on(
    inputs: dict[str, str], datasets: set[str], changes: set[str]
) -> None:
    parsed = read(Inputs, {**INPUTS, **{f"INPUT_{name.upper()}": value for name, value in inputs.items()}})
    query = details_query(parsed, prepare(parsed, TrackerResult(tuple(MANY), BASELINES)))
    assert (set(query.datasets), set(query.uncommitted_changes)) == (datasets, changes)


def test_of_few_runs_each_ones_details_are_asked_for() -> None:
    parsed = read(Inputs, INPUTS)
    few = MANY[: MAX_RUNS - len(BASELINES)]
    query = details_query(parsed, prepare(parsed, TrackerResult(tuple(few), BASELINES)))
    assert set(query.datasets) == set(query.uncommitted_changes) == {one.id for one in (*few, *BASELINES)}


def test_the_report_says_which_runs_were_not_asked_about() -> None:
    details = {name: RunDetails(datasets=(), has_uncommitted_changes=False) for name in ("c0", "b1", "b2")}
    text = render(findings(*MANY, baselines=BASELINES, details=details), ReportContext())
    assert f"data and uncommitted changes of {MAX_RUNS - 1} other candidates were not asked for" in text
    assert "`require: same-data, clean` asks for every run's" in text
    assert "data unknown" not in text


def test_a_run_without_an_answer_is_told_apart_from_one_that_was_not_asked_about() -> None:
    details = {"c0": RunDetails(), "b1": RunDetails(datasets=()), "b2": RunDetails(datasets=())}
    text = render(findings(*MANY, baselines=BASELINES, details=details), ReportContext())
    assert "data unknown: Ledger did not answer for 1 run" in text
    assert f"of {MAX_RUNS - 1} other candidates were not asked for" in text
    everything = {one.id: details["b1"] for one in (*MANY, *BASELINES)}
    assert "not asked" not in render(findings(*MANY, baselines=BASELINES, details=everything), ReportContext())
