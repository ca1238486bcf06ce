"""Which candidate is judged, and how often chance alone passes a gate on the metric that chose it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

import pytest

from mlops_actions.core import gates as gate_grammar
from mlops_actions.core.runs import Run
from mlops_actions.wandb_runs.metrics.metric import Metric
from mlops_actions.wandb_runs.selection.judged import choose
from mlops_actions.wandb_runs.statistics import chance
from mlops_actions.wandb_runs.statistics.seeds import group_runs
from mlops_actions.wandb_runs.verdict.chosen_by_gate import doubts
from mlops_actions.wandb_runs.verdict.every_candidate import decisive_run, evaluate_all
from mlops_actions.wandb_runs.verdict.gates import evaluate

ACC, LOSS = Metric("acc", "max"), Metric("loss", "min")
NAN = float("nan")
Summary = Mapping[str, object]


def runs(*summaries: Summary, groups: Sequence[str] = ()) -> list[Run]:
    """Return finished runs `c0`, `c1`, …, newest first."""
    made = [
        Run(f"c{at}", f"c{at}", "finished", "", "team", "digits", summary=summary) for at, summary in enumerate(summaries)
    ]
    return [replace(run, group=group) for run, group in zip(made, groups, strict=True)] if groups else made


def acc(*values: object) -> list[Summary]:
    return [{"acc": value} for value in values]


# judge, ranking, summaries → the judged run's id, the best one's, selected-by, words of the choice.
CHOICES = [
    pytest.param("best", [ACC], acc(0.8, 0.9, 0.7), "c1", "c1", "acc:max", "the best of 3 candidates by acc", id="best"),
    pytest.param("best", [LOSS], [{"loss": 2}, {"loss": 1}], "c1", "c1", "loss:min", "by loss", id="best by the lowest"),
    pytest.param("best", [ACC], acc(0.9, 0.9, 0.9), "c0", "c0", "acc:max", "together with 2 as good", id="ties: the newest"),
    pytest.param("best", [ACC], acc(0.9), "c0", "c0", "", "the only finished candidate", id="one candidate"),
    pytest.param("best", [ACC], acc(NAN), "c0", "c0", "", "the only finished candidate", id="one candidate without a value"),
    pytest.param("best", [ACC], acc(NAN, 0.1, "high"), "c1", "c1", "acc:max", "of 3", id="NaN and text are never the best"),
    pytest.param(
        "best", [ACC, LOSS], [{"loss": 2}, {"loss": 1}], "c1", "c1", "loss:min", "by loss", id="the first with a value"
    ),
    pytest.param("best", [Metric("x"), ACC], acc(1, 2), "c1", "c1", "acc:max", "by acc", id="the first with a direction"),
    pytest.param(
        "best", [Metric("x")], [{"x": 1}, {"x": 2}], "c0", "c0", "", "no metric tells", id="no direction: the latest"
    ),
    pytest.param("best", [], [{}, {}], "c0", "c0", "", "no metric tells which is best", id="no metric: the latest"),
    pytest.param("latest", [ACC], acc(0.8, 0.9), "c0", "c1", "", "the latest of 2 candidates", id="latest"),
    pytest.param("latest", [ACC], acc(NAN, 0.9), "c0", "c1", "", "the latest of 2 candidates", id="latest without a value"),
    pytest.param("mean", [ACC], acc(0.8, 0.9), "", "c1", "", "the mean of 2 candidates", id="mean"),
    pytest.param("mean", [ACC], acc(0.8), "c0", "c0", "", "the only finished candidate", id="mean of one"),
    pytest.param("all", [ACC], acc(0.8, 0.9, 0.7), "c2", "c1", "", "the one that decides of 3", id="all: the worst"),
    pytest.param("all", [LOSS], [{"loss": 1}, {"loss": 2}], "c1", "c0", "", "decides of 2", id="all: the highest loss"),
    pytest.param(
        "all", [ACC], acc(0.8, NAN, 0.7), "c1", "c0", "", "decides of 3", id="all: one without a value is the worst"
    ),
    pytest.param("all", [], [{}, {}], "c0", "c0", "", "decides of 2", id="all: without a metric the latest"),
]


@pytest.mark.parametrize(("judge", "ranking", "summaries", "judged_id", "best_id", "by", "words"), CHOICES)
def test_the_judged_candidate(
    judge: str, ranking: list[Metric], summaries: list[Summary], judged_id: str, best_id: str, by: str, words: str
) -> None:
    groups = group_runs(runs(*summaries), ranking, by_group=False)
    judged = choose(groups, judge=judge, ranking=ranking, metrics=ranking)
    assert judged.run is not None
    assert judged.best is not None
    assert (judged.run_id, judged.best.run.id, judged.selected_by) == (judged_id, best_id, by)
    assert words in judged.choice
    assert not judged.reason


def test_no_candidate_has_a_reason() -> None:
    for judge in ("best", "mean", "all", "latest"):
        judged = choose([], judge=judge, ranking=[ACC], metrics=[ACC])
        assert (judged.run, judged.accepted, judged.reason) == (None, None, "no candidate finished")


def test_a_metric_of_the_users_choice_is_never_replaced_by_another() -> None:
    groups = group_runs(runs({"loss": 1}, {"loss": 2}), [LOSS], by_group=False)
    judged = choose(groups, judge="best", ranking=[ACC], metrics=[ACC, LOSS], select_by=True)
    assert judged.run is None
    assert judged.reason == "no finished candidate has a finite value of acc, by which 'select-by' chooses"
    for judge in ("mean", "latest"):
        other = choose(groups, judge=judge, ranking=[ACC], metrics=[ACC, LOSS], select_by=True)
        assert other.run is not None, "these need no best one"
    single = choose(groups[:1], judge="best", ranking=[ACC], metrics=[ACC, LOSS], select_by=True)
    assert single.run_id == "c0", "there is nothing to choose"


def test_the_mean_counts_each_candidate_once_and_hides_no_gap() -> None:
    made = runs(*acc(1.0, 0.5, 0.0), groups=["g", "g", ""])
    groups = group_runs(made, [ACC], by_group=True)
    judged = choose(groups, judge="mean", ranking=[ACC], metrics=[ACC, LOSS], by_group=True)
    assert judged.run is not None
    assert judged.run.summary == {"acc": 0.375}
    assert judged.group is not None
    assert len(judged.group.members) == 3
    assert judged.accepted is None, "a mean is no model"
    assert judged.choice == "the mean of 2 candidate groups"
    lacking = choose(
        group_runs(runs(*acc(1.0), {"x": 1}), [ACC], by_group=False), judge="mean", ranking=[ACC], metrics=[ACC]
    )
    assert lacking.run is not None
    assert lacking.run.summary == {}


@pytest.mark.parametrize(("judge", "accepted"), [("best", "c1"), ("latest", "c0"), ("all", "c1"), ("mean", None)])
def test_what_a_passed_verdict_is_about(judge: str, accepted: str | None) -> None:
    judged = choose(group_runs(runs(*acc(0.8, 0.9)), [ACC], by_group=False), judge=judge, ranking=[ACC], metrics=[ACC])
    assert (judged.accepted.run.id if judged.accepted else None) == accepted


# Gates, summaries newest first, and for each gate: passed, the run that decides it.
EVERY = [
    pytest.param("acc >= 0.5", acc(0.9, 0.6), [(True, "c1")], id="all pass: the nearest to failing"),
    pytest.param("acc >= 0.7", acc(0.9, 0.6), [(False, "c1")], id="one fails"),
    pytest.param("acc >= 0.7", acc(0.9, 0.6, 0.1), [(False, "c2")], id="two fail: the worst"),
    pytest.param("acc >= 0.7", acc(0.9, NAN, 0.1), [(False, "c1")], id="a missing value is the worst"),
    pytest.param("acc <= 0.95", acc(0.9, 0.6), [(True, "c0")], id="less: the highest"),
    pytest.param("acc != 0.6", acc(0.9, 0.6), [(False, "c1")], id="unequal"),
    pytest.param("acc == 0.9", acc(0.9, 0.6), [(False, "c1")], id="equal"),
    pytest.param("acc >= 0.5\nacc <= 0.8", acc(0.9, 0.4), [(False, "c1"), (False, "c0")], id="each gate its own"),
    pytest.param("acc >= baseline", acc(0.9, 0.6), [(False, None)], id="no baseline"),
]


@pytest.mark.parametrize(("lines", "summaries", "expected"), EVERY)
def test_every_candidate_must_pass(lines: str, summaries: list[Summary], expected: list[tuple[bool, str | None]]) -> None:
    parsed = gate_grammar.parse(lines.splitlines())
    groups = group_runs(runs(*summaries), [ACC], by_group=False)
    results = evaluate_all(groups, lambda group: evaluate(parsed, group.run, [], {"acc": ACC}))
    for result, (passed, decided_by) in zip(results, expected, strict=True):
        assert result.passed == passed
        assert result.run is not None
        assert decided_by in (None, result.run.id)
    failed = next((by for passed, by in expected if not passed), None)
    decisive = decisive_run(results)
    assert failed is None or (decisive is not None and decisive.id == failed)


# Of N candidates and M baselines, drawn from one distribution.
SIMULATED = [(2, 1), (3, 1), (5, 1), (20, 1), (2, 2), (3, 5), (10, 10), (20, 10), (1, 10)]


def share(candidates: int, baselines: int, reference: Callable[[Sequence[float]], float], draws: int = 20_000) -> float:
    """Simulate how often the best candidate reaches the baselines' `reference`."""
    noise = random.Random(candidates * 100 + baselines)

    def draw(number: int) -> list[float]:
        return [noise.gauss(0, 1) for _ in range(number)]

    return fmean(max(draw(candidates)) >= reference(draw(baselines)) for _ in range(draws))


@pytest.mark.parametrize(("candidates", "baselines"), SIMULATED)
def test_the_best_of_several_passes_as_often_as_computed(candidates: int, baselines: int) -> None:
    assert chance.best_against_best(candidates, baselines) == pytest.approx(share(candidates, baselines, max), abs=0.012)
    assert chance.best_against_mean(candidates, baselines) == pytest.approx(share(candidates, baselines, fmean), abs=0.012)


def test_known_sizes_of_chance() -> None:
    assert chance.best_against_best(20) == pytest.approx(20 / 21)
    assert chance.best_against_best(1) == 0.5
    for number in (1, 2, 5, 20, 200):
        assert chance.best_against_mean(number, 1) == pytest.approx(number / (number + 1), abs=1e-4)
        assert chance.best_against_mean(number, 100_000) == pytest.approx(1 - 0.5**number, abs=1e-2)
    assert chance.best_of_tries(20, 0.05) == pytest.approx(0.6415, abs=1e-4)
    assert chance.best_of_tries(1, 0.05) == pytest.approx(0.05)


def candidates_of(number: int) -> list[Summary]:
    return acc(*(0.9 - index / 1000 for index in range(number)))


# judge, gates, candidates, baselines, and the words of the doubt (none: no doubt).
DOUBTS = [
    pytest.param(
        "best", "acc >= baseline", 20, [0.5], "an unchanged model passes such a gate (acc >= baseline) 95 times", id="20:1"
    ),
    pytest.param("best", "acc >= baseline.latest", 3, [0.5, 0.6], ") 75 times in 100", id="3 against the latest"),
    pytest.param("best", "acc >= baseline", 20, [index / 100 for index in range(10)], ") 67 times in 100", id="20:10"),
    pytest.param("best", "acc > baseline.mean", 2, [0.5, 0.6], ") about 70 times in 100", id="against a mean"),
    pytest.param("best", "acc >= baseline.mean", 2, [0.5], ") 67 times in 100", id="against a mean of one"),
    pytest.param("best", "acc >= baseline - 1%", 20, [0.5], ") at least 95 times in 100", id="with a tolerance"),
    pytest.param("best", "acc >= baseline + 0.1", 20, [0.5], ") at most 95 times in 100", id="with a surcharge"),
    pytest.param("best", "acc >= baseline * 0.9", 4, [0.5], ") at least 80 times in 100", id="with a factor"),
    pytest.param(
        "best", "acc >= baseline * 0.9", 4, [-0.5], ") at most 80 times in 100", id="with a factor of a negative number"
    ),
    pytest.param("best", "acc >= baseline", 2, [0.5, 0.5], ") at least 50 times in 100", id="equal values help"),
    pytest.param("best", "acc > baseline", 2, [0.5, 0.5], ") at most 50 times in 100", id="equal values hinder"),
    pytest.param(
        "best", "acc >= 0.8", 20, [], "a model that reaches the number in 5% of its runs passes such a gate", id="a number"
    ),
    pytest.param("best", "acc >= 0.8", 20, [], ") 64 times in 100", id="a number's size"),
    pytest.param("best", "acc >= baseline", 300, [0.5], "more than 99 times in 100", id="certain"),
    pytest.param(
        "best", "acc >= baseline\nacc > 0.5", 20, [0.5], "(acc >= baseline) 95 times", id="the most easily passed gate"
    ),
    pytest.param("best", "acc >= 0.5\nacc <= 1", 20, [0.5], "(acc >= 0.5)", id="the gate that the choice helps"),
    pytest.param("best", "acc >= baseline", 1, [0.5], "", id="nothing was chosen"),
    pytest.param("best", "loss <= baseline", 20, [0.5], "", id="another metric is gated"),
    pytest.param("best", "acc <= baseline", 20, [0.5], "", id="the choice does not help"),
    pytest.param("best", "acc == 1", 20, [0.5], "", id="equality"),
    pytest.param("best", "acc >= baseline", 20, [], "", id="no baseline: the gate fails anyway"),
    pytest.param("best", "", 20, [0.5], "", id="no gate"),
    pytest.param("best", "acc > baseline with 95% confidence", 20, [0.5], "", id="evidence counts the choices itself"),
    pytest.param("all", "acc >= baseline", 20, [0.5], "", id="all are judged"),
    pytest.param("mean", "acc >= baseline", 20, [0.5], "", id="the mean is judged"),
    pytest.param("latest", "acc >= baseline", 20, [0.5], "", id="the latest is judged"),
]


@pytest.mark.parametrize(("judge", "lines", "number", "references", "words"), DOUBTS)
def test_a_gate_on_the_metric_that_chose(judge: str, lines: str, number: int, references: list[float], words: str) -> None:
    groups = group_runs(runs(*candidates_of(number)), [ACC], by_group=False)
    judged = choose(groups, judge=judge, ranking=[ACC], metrics=[ACC])
    found = list(doubts(judged, gate_grammar.parse(lines.splitlines()), runs(*acc(*references))))
    assert len(found) == bool(words)
    for doubt in found:
        assert doubt.startswith(f"Best of {number} by the gated metric acc: ")
        assert words in doubt


def test_groups_count_as_candidates() -> None:
    made = runs(*acc(0.9, 0.8, 0.7, 0.6), groups=["g", "g", "h", "h"])
    judged = choose(group_runs(made, [ACC], by_group=True), judge="best", ranking=[ACC], metrics=[ACC], by_group=True)
    (doubt,) = doubts(judged, gate_grammar.parse(["acc >= baseline"]), runs(*acc(0.5)))
    assert "Best of 2 by the gated metric acc: an unchanged model passes such a gate (acc >= baseline) 67 times" in doubt
