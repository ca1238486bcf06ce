"""What a step that failed advises, and what stands above its tables: each fits what went wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

import pytest

from mlops_actions.core import markdown
from mlops_actions.core.declare import read
from mlops_actions.core.runs import Artifact, Run, RunDetails, TrackerResult
from mlops_actions.wandb_runs.comparison import evaluate, prepare
from mlops_actions.wandb_runs.failures import error_of
from mlops_actions.wandb_runs.findings import Findings
from mlops_actions.wandb_runs.inputs import Inputs
from mlops_actions.wandb_runs.promotion import promote
from mlops_actions.wandb_runs.report.headline import headline, headline_text
from tests.unit.wandb_runs.test_report import INPUTS, LEDGER, NOW, OTHER, findings, run

BASELINE = run("b1", 0.8, commit=OTHER)
BETTER = "improve the candidate"


def seeds(group: str, *values: float, commit: str = "a" * 40) -> tuple[Run, ...]:
    runs = [replace(run(f"{group}{index}", value, commit=commit), group=group) for index, value in enumerate(values)]
    return tuple(replace(one, config={**one.config, "seed": index}) for index, one in enumerate(runs))


def judged(
    candidates: Sequence[Run],
    baselines: Sequence[Run],
    given: Mapping[str, str],
    details: Mapping[str, RunDetails] | None = None,
) -> tuple[Inputs, Findings]:
    inputs = read(Inputs, {**INPUTS, **{f"INPUT_{name.upper()}": value for name, value in given.items()}})
    compared = prepare(inputs, TrackerResult(tuple(candidates), tuple(baselines)))
    return inputs, evaluate(inputs, compared, details or {}, now=NOW, tracker=LEDGER)


@dataclass(frozen=True)
class Failed:
    """The runs and inputs of a step whose gates failed, and the beginning of its remedy."""

    remedy: str
    candidates: Sequence[Run] = (run("c1", 0.9),)
    baselines: tuple[Run, ...] = (BASELINE,)
    inputs: Mapping[str, str] = field(default_factory=lambda: {"gates": "acc > baseline + 1"})


GROUPS = {"gates": "acc > baseline with 95% confidence", "aggregate": "group"}
FAILED = {
    "a value that is too low": Failed(BETTER),
    "a plain number": Failed(BETTER, baselines=(), inputs={"gates": "acc > 1"}),
    "no baseline": Failed("give a finished run one of 'baseline-tags'", baselines=()),
    "no baseline, and no value": Failed(BETTER, (replace(run("c1", 0), summary={}),), ()),
    "no run": Failed("check that the training logs the commit", ()),
    "a crashed run": Failed("look at why the runs did not finish", (run("c1", 0.9, state="crashed"),)),
    "a killed run without a baseline": Failed("look at why", (run("c1", 0.9, state="killed"),), ()),
    "another commit": Failed("train the commit that 'sha' names", (run("c1", 0.9, commit="c" * 40),)),
    "a metric that chooses and is not there": Failed(
        "log this metric in the training, or name another one in 'select-by'",
        (run("c1", 0.9), run("c2", 0.8)),
        inputs={"gates": "acc > 0", "select-by": "other:max"},
    ),
    "weak evidence": Failed(
        "train more seeds", seeds("n", 0.81, 0.9, 0.85), seeds("m", 0.8, 0.81, 0.82, commit=OTHER), GROUPS
    ),
    "a mean that is too low": Failed(BETTER, seeds("n", 0.7, 0.71, 0.72), seeds("m", 0.8, 0.81, 0.82, commit=OTHER), GROUPS),
}


@pytest.mark.parametrize("case", FAILED.values(), ids=FAILED)
def test_the_remedy_fits_what_failed(case: Failed) -> None:
    error = error_of(*judged(case.candidates, case.baselines, case.inputs))
    assert error
    assert error.exit_code == 1
    assert error.remedy.startswith(case.remedy), error.remedy


CHOSEN_BY = {"select-by": "other:max"}
NOT_ACCEPTED = {
    "crashed": ((run("c1", 0.9, state="crashed"),), {}, "no candidate finished (1 crashed)", "look at why"),
    "failed and killed": (
        (run("c1", 0.9, state="failed"), run("c2", 0.9, state="killed")),
        {},
        "no candidate finished (1 failed, 1 killed)",
        "look at why the runs did not finish",
    ),
    "running, with 'partial'": (
        (run("c1", 0.9, state="running"),),
        {"partial": "true"},
        "no candidate finished (1 running)",
        "give 'wait: true'",
    ),
    "one crashed, one running, with 'partial'": (
        (run("c1", 0.9, state="crashed"), run("c2", 0.9, state="running")),
        {"partial": "true"},
        "no candidate finished (1 running, 1 crashed)",
        "give 'wait: true'",
    ),
    "no metric that chooses": (
        (run("c1", 0.9), run("c2", 0.8)),
        CHOSEN_BY,
        "no finished candidate has a finite value of other, by which 'select-by' chooses",
        "log this metric in the training, or name another one in 'select-by'",
    ),
}


@pytest.mark.parametrize("case", NOT_ACCEPTED.values(), ids=NOT_ACCEPTED)
@pytest.mark.parametrize("more", [{}, {"gates": "acc > 0"}], ids=["require alone", "with a gate"])
def test_requirements_of_which_no_run_can_tell_have_failed_with_reason_and_remedy(
    case: tuple[tuple[Run, ...], Mapping[str, str], str, str], more: Mapping[str, str]
) -> None:
    candidates, given, reason, remedy = case
    commits = {one.id: RunDetails(has_uncommitted_changes=False) for one in candidates}
    inputs, found = judged(candidates, (), {**given, **more, "require": "verified, clean"}, commits)
    assert all(result.holds for result in found.requirements), "they hold of runs that nobody can use"
    assert (found.requirement_status, found.verdict.check, found.verdict.mark) == ("failed", "failure", "❌")
    assert (found.verdict.promotes, found.verdict.attests) == (False, False)
    assert headline(found) == f"❌ Not accepted, `aaaaaaa`: {markdown.escape(reason)}"
    assert headline_text(found) == f"not accepted: {reason}"
    error = error_of(inputs, found)
    assert error
    assert (error.exit_code, error.cause.endswith(f": {reason}")) == (1, True)
    assert error.remedy.startswith(remedy)


def test_a_finished_run_of_another_commit_beside_one_that_crashed_asks_for_the_commit() -> None:
    runs = (run("c1", 0.9, state="crashed"), run("c2", 0.9, commit=OTHER))
    for asked in ({"gates": "acc > 0"}, {"require": "clean"}):
        error = error_of(*judged(runs, (), asked))
        assert error
        assert error.remedy.startswith("train the commit that 'sha' names")


def test_a_report_says_that_none_of_the_runs_was_judged() -> None:
    _, found = judged((run("c1", 0.9), run("c2", 0.8)), (BASELINE,), CHOSEN_BY)
    reason = "no finished candidate has a finite value of other, by which 'select-by' chooses"
    assert headline(found) == f"⚪ None of 2 finished runs was judged for `aaaaaaa`: {markdown.escape(reason)}"
    assert headline_text(found) == f"none judged: {reason}"


def test_where_every_candidate_passes_and_none_is_the_best_the_missing_promotion_is_explained() -> None:
    given = {**CHOSEN_BY, "judge": "all", "gates": "acc > 0", "promote-alias": "production"}
    _, found = judged((run("c1", 0.9), run("c2", 0.8)), (), given)
    promotion = promote("production", found, lambda run: pytest.fail("asked"), lambda *given: pytest.fail("promoted"))
    assert found.gate_status == "passed"
    assert promotion.reason == "no finished candidate has a finite value of other, by which 'select-by' chooses"
    assert promotion.remedy.startswith("log this metric")


STATES = ("finished", "running", "crashed", "failed", "killed", "preempted")
ASKED = {
    "nothing": {},
    "a gate": {"gates": "acc > 0.5"},
    "a gate that fails": {"gates": "acc > 2"},
    "a gate against a baseline": {"gates": "acc >= baseline"},
    "without a baseline": {"gates": "acc >= baseline", "no-baseline": "pass"},
    "neutral without a baseline": {"gates": "acc >= baseline\nacc > 0", "no-baseline": "neutral"},
    "requirements": {"require": "verified"},
    "both": {"gates": "acc >= baseline\nacc > 0.5", "no-baseline": "pass", "require": "verified"},
}
HOW = {"": {}, "partial": {"partial": "true"}, "no metric that chooses": CHOSEN_BY, "all": {"judge": "all"}}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
@pytest.mark.parametrize("how", HOW.values(), ids=HOW)
def test_the_first_line_has_a_tick_only_where_something_was_asked_and_judged_on_a_finished_run(
    asked: Mapping[str, str], how: Mapping[str, str]
) -> None:
    for states in (*((one,) for one in STATES), *product(STATES, STATES)):
        for baselines in ((), (BASELINE,)):
            candidates = [run(f"c{index}", 0.9, state=state) for index, state in enumerate(states)]
            inputs, found = judged(candidates, baselines, {**asked, **how})
            line, error = headline(found), error_of(inputs, found)
            asks = bool(found.gates or found.requirements)
            is_judged = bool(found.requirements and not found.gates) or any(gate.judged for gate in found.gates)
            if line.startswith("✅"):
                assert asks, line
                assert is_judged, line
                assert found.judged.run, line
                assert found.judged.run.finished, line
                assert error is None, line
                assert set(states) & {"running", "preempted"} == set() or "still running" in line, line
            if not found.judged.run:
                assert not any(word in line for word in ("✅", "passed", " hold", "📊")), line
                assert (error is not None) == asks, line


def test_evidence_names_the_choice_that_weakens_it_and_more_seeds_than_there_are() -> None:
    groups = (*seeds("n", 0.83, 0.835, 0.832), *seeds("o", 0.825, 0.826, 0.827), *seeds("p", 0.82, 0.821, 0.825))
    _, found = judged(groups, seeds("m", 0.822, 0.823, 0.827, commit=OTHER), GROUPS)
    (gate,) = found.gates
    assert "with 95 % confidence for the best of 3 groups only " in gate.reason
    assert "about 4 seeds on each side would tell" in gate.reason


def test_a_check_run_counts_no_gate_as_passed_that_nobody_judged() -> None:
    both = {"gates": "acc >= baseline\nacc >= 0.5", "no-baseline": "pass"}
    assert headline_text(judged([run("c1", 0.9)], [], both)[1]) == "1 of 2 gates passed, 1 not judged (no baseline)"
    assert headline_text(judged([run("c1", 0.9)], [BASELINE], both)[1]) == "2 of 2 gates passed"


def test_gates_that_nobody_judged_are_no_gates_that_passed() -> None:
    let_pass = {"gates": "acc >= baseline", "no-baseline": "pass"}
    line = headline(judged([run("c1", 0.9)], [], let_pass)[1])
    assert line == (
        "⚪ No gate was judged for `aaaaaaa`: there is no baseline, and 'no-baseline: pass' lets every gate pass"
    )
    both = {**let_pass, "gates": "acc >= baseline\nacc >= 0.5"}
    assert headline(judged([run("c1", 0.9)], [], both)[1]) == (
        "✅ 1 of 2 gates passed for `aaaaaaa` (no baseline for the other) · judged: c1"
    )


def test_a_judged_run_from_a_dirty_tree_is_said_first() -> None:
    dirty, clean = RunDetails(has_uncommitted_changes=True), RunDetails(has_uncommitted_changes=False)
    both = (run("c1", 0.9), run("c2", 0.7))
    told = "Trained from a tree with uncommitted changes, which the commit does not hold: c1."
    assert told in findings(*both, details={"c1": dirty, "c2": clean}).doubts
    assert not any("uncommitted" in doubt for doubt in findings(*both, details={"c1": clean, "c2": dirty}).doubts)
    mean = findings(*both, details={"c1": dirty, "c2": dirty}, judge="mean").doubts
    assert any("trees with uncommitted changes" in doubt and "c1, c2 (2 of 2 judged runs)" in doubt for doubt in mean)


def _data(digest: str) -> RunDetails:
    return RunDetails(datasets=(Artifact(name="digits", version=1, type="dataset", digest=digest),))


# The data of the judged c1, of c2 and of the baseline b1; the doubt in the first line.
DATA = {
    "all the same": ("x", "x", "x", ""),
    "the baseline's differ": ("x", "x", "y", "but candidates and baselines used different data"),
    "the judged one's differ": ("y", "x", "x", "but candidates and baselines used different data"),
    "another candidate's differ": ("x", "y", "x", "but other candidates used different data"),
    "each has its own": ("x", "y", "z", "but candidates and baselines used different data"),
}


@pytest.mark.parametrize(("judged", "other", "baseline", "doubt"), DATA.values(), ids=DATA)
def test_the_first_line_says_whose_data_differ(judged: str, other: str, baseline: str, doubt: str) -> None:
    details = {"c1": _data(judged), "c2": _data(other), "b1": _data(baseline)}
    found = findings(run("c1", 0.9), run("c2", 0.7), baselines=(BASELINE,), details=details, gates="acc >= 0.5")
    assert ("used different data" in headline(found)) == bool(doubt)
    assert doubt in headline(found)
    assert any("different data" in one for one in found.doubts) == bool(doubt)
