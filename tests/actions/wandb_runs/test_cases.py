"""Every case of `cases.py` and `cases_judge.py`, as a process between the two stand-ins."""

from __future__ import annotations

import pytest

from tests.actions.wandb_runs import cases, cases_judge
from tests.actions.wandb_runs.cases import Case
from tests.actions.wandb_runs.cases_judge import REFUSED
from tests.actions.wandb_runs.step import SHA, WandbStep
from tests.support.result_schemas import check_result

CASES = [*cases.CASES, *cases_judge.CASES]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_case_has_its_outcome(step: WandbStep, case: Case) -> None:
    for index, run in enumerate(case.candidates):
        step.candidate(f"c{index}", age=index, **run)
    for index, run in enumerate(case.baselines):
        step.baseline(f"b{index}", age=100 + index, **run)
    given = {"sha": SHA, "baseline_tags": "baseline", "comment": "true", "pr_number": step.pull.number, **case.inputs}

    assert step.run(**given) == case.code, step.log

    outputs = step.outputs()
    assert {name: outputs[name] for name in case.outputs} == dict(case.outputs)
    check_result("wandb-runs", outputs["result"])
    check_result("wandb-runs", (step.workspace / "wandb_report.json").read_text())
    rows = step.rows()
    if case.csv is not None:
        assert [row["run.id"] for row in rows] == list(case.csv)
    assert {name: rows[0][name] for name in case.cells} == dict(case.cells)
    (comment,) = step.comments()
    for text in case.says:
        assert text in comment
    for text in case.hides:
        assert text not in comment
    # What is on the pull request is what the summary and the file say.
    assert comment.rstrip().endswith(step.summary().strip())
    assert {path.name for path in step.workspace.iterdir()} == {f"wandb_report.{kind}" for kind in ("csv", "json", "md")}


@pytest.mark.parametrize(("inputs", "says"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_the_inputs_are_refused(step: WandbStep, inputs: dict[str, str], says: list[str]) -> None:
    asked = len(step.server.requests)
    assert step.run(sha=SHA, **inputs) == 2, step.log
    for text in says:
        assert text in step.log
    assert len(step.server.requests) == asked
