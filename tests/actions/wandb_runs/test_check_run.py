"""The check run of a report: in progress while a candidate runs, concluded by a later run of the step."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_sandbox.github.checks import CheckRun
from tests.actions.wandb_runs.step import OTHER, SHA, WandbStep


def report(step: WandbStep, code: int = 0, **inputs: Any) -> list[CheckRun]:
    given = {"sha": SHA, "check_name": "metrics", "gates": "acc > 0.1", **inputs}
    assert step.run(**given) == code, step.log
    return list(step.repository.check_runs.values())


def state(run: CheckRun) -> tuple[str, str | None]:
    return run.status, run.conclusion


def test_a_check_run_stays_in_progress_over_several_runs_of_the_step_and_is_concluded_once(step: WandbStep) -> None:
    step.candidate("c1")
    late = step.candidate("c2", state="running")
    for _ in range(2):
        (run,) = report(step, 5)
        assert (state(run), run.title) == (("in_progress", None), "not decided yet: 1 run still running")
        assert "### ⏳ Not decided yet" in (run.summary or "")
    late.state = "finished"
    (run,) = report(step)
    assert state(run) == ("completed", "success")
    assert "### ✅ The gate passed" in (run.summary or "")


ENDS: list[tuple[str, dict[str, Any], int, str]] = [
    ("passed", {}, 0, "success"),
    ("failed", {"gates": "acc > 1"}, 1, "failure"),
    ("without gates", {"gates": ""}, 0, "neutral"),
]


@pytest.mark.parametrize(("inputs", "code", "conclusion"), [case[1:] for case in ENDS], ids=[case[0] for case in ENDS])
def test_a_later_run_concludes_it_by_its_own_verdict(
    step: WandbStep, inputs: dict[str, Any], code: int, conclusion: str
) -> None:
    late = step.candidate(state="running")
    report(step, 5)
    late.state = "finished"
    step.environ["GITHUB_WORKFLOW"] = "another workflow"
    (run,) = report(step, code, **inputs)
    assert state(run) == ("completed", conclusion)


ANOTHER: dict[str, dict[str, Any]] = {
    "name": {"check_name": "other"},
    "selection of runs": {"group": "seeds"},
}


@pytest.mark.parametrize("changed", ANOTHER.values(), ids=ANOTHER)
def test_a_report_about_something_else_leaves_it_in_progress(step: WandbStep, changed: dict[str, Any]) -> None:
    step.candidate("c1", state="running", age=1)
    report(step, 5)
    step.candidate("c2", group="seeds")
    first, second = report(step, 5 if "check_name" in changed else 0, **changed)
    assert first.status == "in_progress"
    assert second.id != first.id


@pytest.mark.parametrize("status", [403, 422])
def test_where_github_locks_it_a_concluded_one_stands_beside_it(step: WandbStep, status: Any) -> None:
    late = step.candidate(state="running")
    report(step, 5)
    late.state = "finished"
    step.github.locked_check_runs = status
    first, second = report(step)
    assert state(first) == ("in_progress", None)
    assert state(second) == ("completed", "success")
    assert second.id > first.id, "the newest of a name counts"


def test_check_runs_that_cannot_be_listed_are_said(step: WandbStep) -> None:
    step.candidate()
    step.github.faults.answer("GET /repos/*/*/commits/*/check-runs", 403)
    (run,) = report(step)
    assert state(run) == ("completed", "success")
    assert "an earlier check run 'metrics' may stay in progress" in step.log


def test_without_gates_it_stays_in_progress_too(step: WandbStep) -> None:
    step.candidate(state="running")
    (run,) = report(step, gates="")
    assert state(run) == ("in_progress", None)


def test_a_wait_that_found_too_few_runs_concludes_it(step: WandbStep) -> None:
    step.candidate()
    (run,) = report(step, 5, wait="true", min_runs="2", timeout="0s")
    assert state(run) == ("completed", "timed_out")


def test_partial_concludes_it(step: WandbStep) -> None:
    step.candidate("c1")
    step.candidate("c2", state="running")
    (run,) = report(step, partial="true")
    assert state(run) == ("completed", "success")
    assert "Judged before all runs ended" in (run.summary or "").replace("\\", "")


def test_a_running_run_of_another_commit_is_not_waited_for(step: WandbStep) -> None:
    step.candidate("c1", commit=SHA)
    step.candidate("c2", state="running", commit=OTHER)
    (run,) = report(step)
    assert state(run) == ("completed", "success")


def test_the_doubts_survive_the_cut(step: WandbStep) -> None:
    step.candidate("c1", commit=SHA, summary={f"m{index}": 1.0 for index in range(900)} | {"acc": 0.9})
    step.candidate("c2", commit=OTHER)
    names = ",".join(f"m{index}" for index in range(900))
    (run,) = report(step, metrics=names, config_keys=names)
    summary = (run.summary or "").replace("\\", "")
    assert len(summary.encode()) <= 65_535
    assert "c2" in summary.partition("| ")[0]
    assert "Not of commit" in summary.partition("| ")[0]
