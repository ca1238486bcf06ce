"""The report as Markdown, for a tracker of any name."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mlops_actions.core.declare import read
from mlops_actions.core.runs import Artifact, Run, RunDetails, TrackerInfo, TrackerResult
from mlops_actions.wandb_runs.comparison import evaluate, prepare
from mlops_actions.wandb_runs.findings import Findings
from mlops_actions.wandb_runs.inputs import Inputs
from mlops_actions.wandb_runs.report.document import render
from mlops_actions.wandb_runs.report.headline import headline_text
from mlops_actions.wandb_runs.report.provenance import ReportContext
from mlops_actions.wandb_runs.report.run_table import runs_table

SHA, OTHER = "a" * 40, "b" * 40
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LEDGER = TrackerInfo(
    name="Ledger",
    server_url="https://ledger.example",
    project_url="https://ledger.example/acme/digits",
    digest_algorithm="ledger",
    commit_variables=("LEDGER_COMMIT",),
    dataset_call="ledger.use",
)
INPUTS = {
    "INPUT_PROJECT": "acme/digits",
    "INPUT_SHA": SHA,
    "INPUT_METRICS": "acc:max",
    "INPUT_CONFIG-KEYS": "lr",
    "INPUT_BASELINE-TAGS": "baseline",
}


def run(run_id: str, acc: float, *, commit: str = SHA, state: str = "finished") -> Run:
    return Run(
        id=run_id,
        name=run_id,
        state=state,
        url=f"https://ledger.example/{run_id}",
        entity="acme",
        project="digits",
        commit=commit,
        config={"github_sha": SHA, "lr": 0.1},
        summary={"acc": acc},
    )


def findings(
    *candidates: Run, baselines: tuple[Run, ...] = (), details: dict[str, RunDetails] | None = None, **inputs: str
) -> Findings:
    parsed = read(Inputs, {**INPUTS, **{f"INPUT_{name.upper()}": value for name, value in inputs.items()}})
    comparison = prepare(parsed, TrackerResult(candidates, baselines))
    return evaluate(parsed, comparison, details or {}, now=NOW, tracker=LEDGER)


def test_the_report_names_the_tracker_as_its_adapter_does() -> None:
    text = render(findings(run("c1", 0.9)), ReportContext())
    assert "✅ recorded by Ledger" in text
    assert "(https://ledger.example/acme/digits)" in text
    assert "W&B" not in text


def test_a_claimed_commit_comes_with_the_trackers_own_advice() -> None:
    text = render(findings(run("c1", 0.9, commit="")), ReportContext())
    assert "1 of 1 only claimed by the run's config" in text
    assert "Set `LEDGER_COMMIT` where the training runs, and Ledger records the commit." in text


def test_missing_datasets_come_with_the_trackers_own_call() -> None:
    text = render(findings(run("c1", 0.9), details={"c1": RunDetails(datasets=())}), ReportContext())
    assert "data not recorded (call `ledger.use` in the training)" in text


@pytest.mark.parametrize("details", [{}, {"c1": RunDetails()}], ids=["no details", "details without datasets"])
def test_datasets_that_the_tracker_did_not_answer_are_unknown(details: dict[str, RunDetails]) -> None:
    text = render(findings(run("c1", 0.9), details=details), ReportContext())
    assert "data unknown: Ledger did not answer for 1 run" in text
    assert "not recorded" not in text


def test_datasets_are_named_with_version_and_digest() -> None:
    details = RunDetails(datasets=(Artifact(name="digits", version=3, type="dataset", digest="4f2a"),))
    text = render(findings(run("c1", 0.9), details={"c1": details}), ReportContext())
    assert "data `digits:v3` (`4f2a`)" in text


def test_the_table_of_runs_has_the_best_value_in_bold() -> None:
    both = findings(run("c1", 0.9), baselines=(run("b1", 0.8, commit=OTHER),))
    table = runs_table(both).replace("\u00a0", " ")
    assert "|  | Run | State | `acc` ↑ | `lr` |" in table
    assert "| candidate | [c1](https://ledger.example/c1) | finished | **0.9** | 0.1 |" in table
    assert "| baseline | [b1](https://ledger.example/b1) | finished | 0.8 | 0.1 |" in table


def test_the_title_of_a_check_run_counts_gates_or_names_unmet_requirements() -> None:
    assert headline_text(findings(run("c1", 0.9))) == "1 of 1 run finished"
    assert headline_text(findings(run("c1", 0.9), gates="acc >= 0.5\nacc >= 0.95")) == "1 of 2 gates passed"
    rejected = findings(run("c1", 0.9), run("c2", 0.8, state="crashed"), require="one, finished")
    assert headline_text(rejected) == "not accepted: one, finished"


LOGGED = RunDetails(curves={"acc": [(0, 0.1), (1, 0.9)]})
HISTORIES: dict[str, tuple[dict[str, RunDetails], list[str], int]] = {
    "of both runs": ({"c1": LOGGED, "c2": LOGGED}, [], 2),
    "that the tracker did not tell of one run": (
        {"c1": LOGGED, "c2": RunDetails()},
        ["The history of `acc` is unknown, since Ledger did not answer: candidate [c2]"],
        1,
    ),
    "that the tracker did not tell at all": ({}, ["did not answer: candidate [c1]", "candidate [c2]"], 0),
    "that no run logged": (
        {name: RunDetails(curves={"acc": ()}) for name in ("c1", "c2")},
        ["No run shown here has a history of `acc`."],
        0,
    ),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_a_history_that_is_not_known_is_not_taken_for_none(name: str) -> None:
    details, says, lines = HISTORIES[name]
    text = render(findings(run("c1", 0.9), run("c2", 0.8), details=details, curves="acc"), ReportContext())
    assert [sentence for sentence in says if sentence not in text] == []
    assert len(re.findall(r"^  line \[", text, re.MULTILINE)) == lines


def test_a_group_of_which_one_history_is_not_known_has_no_mean() -> None:
    members = [replace(run(name, 0.9), group="g") for name in ("c1", "c2")]
    text = render(findings(*members, details={"c1": LOGGED}, curves="acc", aggregate="group"), ReportContext())
    assert "The history of `acc` is unknown, since Ledger did not answer: candidate group `g`." in text
    assert "xychart" not in text
