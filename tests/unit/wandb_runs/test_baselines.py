"""Which runs count, which commits of the base branch are nearest, and which baseline is the bar: pure, as tables."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_actions.core.errors import Unavailable
from mlops_actions.core.gates import parse
from mlops_actions.core.runs import Run
from mlops_actions.wandb_runs.metrics.metric import Metric
from mlops_actions.wandb_runs.selection.base_commits import BaseCommits, in_order
from mlops_actions.wandb_runs.selection.baseline_bar import choose_bar
from mlops_actions.wandb_runs.selection.runs import RunSelection
from mlops_actions.wandb_runs.selection.usable import usable_baselines, usable_candidates, why_none_is_judged
from mlops_actions.wandb_runs.statistics.seeds import group_runs
from mlops_actions.wandb_runs.verdict.commit_evidence import CLAIMED, CONTRADICTED, RECORDED, UNKNOWN, evidence_of
from mlops_actions.wandb_runs.verdict.early_uploads import early_uploads
from mlops_actions.wandb_runs.verdict.gates import evaluate
from mlops_actions.wandb_runs.verdict.no_baseline import FAIL, NEUTRAL, PASS, no_baseline

SHA, OTHER, SHORT = "a" * 40, "b" * 40, "a" * 7


def run(name: str = "r", commit: str = "", claimed: Any = None, state: str = "finished", **more: Any) -> Run:
    config = {} if claimed is None else {"github_sha": claimed}
    return Run(id=name, name=name, state=state, url="", entity="e", project="p", commit=commit, config=config, **more)


EVIDENCE: list[tuple[str, str, Any, str, str]] = [
    # name, recorded, claimed, the commit asked for, evidence
    ("recorded", SHA, None, SHA, RECORDED),
    ("recorded and claimed", SHA, SHA, SHA, RECORDED),
    ("only claimed", "", SHA, SHA, CLAIMED),
    ("neither", "", None, SHA, UNKNOWN),
    ("recorded another", OTHER, None, SHA, CONTRADICTED),
    ("recorded another, claimed this", OTHER, SHA, SHA, CONTRADICTED),
    ("recorded this, claimed another", SHA, OTHER, SHA, CONTRADICTED),
    ("claimed another", "", OTHER, SHA, CONTRADICTED),
    ("recorded this, claimed its short form", SHA, SHORT, SHA, RECORDED),
    ("a short claim is none", "", SHORT, SHA, UNKNOWN),
    ("recorded this, claimed another short one", SHA, "b" * 7, SHA, CONTRADICTED),
    ("recorded a prefix", SHA[:12], SHA, SHA, CONTRADICTED),
    ("recorded this, claimed in capitals", SHA, SHA.upper(), SHA, RECORDED),
    ("recorded this, claimed a branch", SHA, "main", SHA, RECORDED),
    ("a claim that is no text", SHA, 7, SHA, RECORDED),
    ("an old text as the commit, recorded a real one", OTHER, "v1.2", "v1.2", CLAIMED),
    ("an old text as the commit, claimed another", "", "v1.3", "v1.2", CONTRADICTED),
    ("an old short commit, recorded in full", SHA, SHORT, SHORT, CLAIMED),
    ("an old short commit, recorded another", OTHER, SHORT, SHORT, CONTRADICTED),
]


@pytest.mark.parametrize("case", EVIDENCE, ids=[case[0] for case in EVIDENCE])
def test_what_ties_a_run_to_a_commit(case: tuple[str, str, Any, str, str]) -> None:
    _, recorded, claimed, sha, expected = case
    assert evidence_of(run(commit=recorded, claimed=claimed), sha, "github_sha") == expected
    usable = usable_candidates(RunSelection(sha=sha), [run(commit=recorded, claimed=claimed)])
    assert bool(usable) is (expected != CONTRADICTED)


def test_without_a_commit_every_candidate_counts() -> None:
    assert len(usable_candidates(RunSelection(group="g"), [run(commit=OTHER, claimed=SHA)])) == 1


@pytest.mark.parametrize(
    ("candidates", "reason"),
    [
        ([], "no candidate finished"),
        ([run(state="failed", commit=SHA)], "no candidate finished"),
        ([run(state="running", commit=OTHER)], "no candidate finished"),
        ([run(commit=OTHER)], "the only finished candidate is of another commit than 'sha', so no candidate counts"),
        (
            [run("1", OTHER), run("2", OTHER)],
            "all 2 finished candidates are of another commit than 'sha', so no candidate counts",
        ),
        ([run("1", OTHER), run("2", SHA)], ""),
    ],
)
def test_the_reason_why_no_candidate_is_judged(candidates: list[Run], reason: str) -> None:
    assert why_none_is_judged(candidates, usable_candidates(RunSelection(sha=SHA), candidates)) == reason


HISTORY = {
    # `m` are the base branch's own states, `w` a branch that was merged by m5.
    "m5": ("m4", "w2"), "m4": ("m3",), "w2": ("w1",), "w1": ("m2",), "m3": ("m2",), "m2": ("m1",), "m1": (),
}  # fmt: skip


@pytest.mark.parametrize(
    ("history", "start", "expected", "own"),
    [
        (HISTORY, "m5", ("m5", "m4", "m3", "m2", "m1", "w2", "w1"), 5),
        ({"m1": ()}, "m1", ("m1",), 1),
        ({"m3": ("m2",), "m2": ("m1",)}, "m3", ("m3", "m2"), 2),  # the list ended before the history did
        ({"m2": ("m1",), "m1": ("m2",)}, "m2", ("m2", "m1"), 2),  # no such history exists, and it ends all the same
        ({}, "m1", (), 0),
    ],
    ids=["a merge", "the first commit", "cut", "a circle", "nothing"],
)
def test_the_base_branchs_own_states_come_first(history: Any, start: str, expected: tuple[str, ...], own: int) -> None:
    assert in_order(history, start) == (expected, own)


BASE = BaseCommits(branch="main", start="m3" * 20, commits=("m3" * 20, "m2" * 20, "w1" * 20), own=2)
ON_BASE = BaseCommits(branch="main", commits=("m2" * 20, "m1" * 20, "w1" * 20), own=2)


@pytest.mark.parametrize(
    ("base", "sha", "place"),
    [
        (BASE, "m3" * 20, "m3m3m3m, where the branch left main"),
        (BASE, "m2" * 20, "m2m2m2m, 1 commit before the branch left main"),
        (BASE, "w1" * 20, "w1w1w1w, which was merged into main before"),
        (ON_BASE, "m2" * 20, "m2m2m2m, the commit before on main"),
        (ON_BASE, "m1" * 20, "m1m1m1m, 2 commits before on main"),
        (ON_BASE, "w1" * 20, "w1w1w1w, which was merged into main before"),
    ],
)
def test_the_place_of_a_commit_is_told(base: BaseCommits, sha: str, place: str) -> None:
    assert base.place_of(sha) == place


@pytest.mark.parametrize(
    ("base", "said"),
    [
        (BaseCommits("main"), "main has no earlier commit, so there is no baseline."),
        (BaseCommits("main", commits=(SHA,)), "No run of commit aaaaaaa of main has finished, so there is no baseline."),
        (
            BaseCommits("main", commits=(SHA, OTHER)),
            "No run of any of the commits of main has finished, so there is no baseline.",
        ),
        (
            BaseCommits("main", commits=(SHA, OTHER), has_more=True),
            "No run of the 2 nearest commits of main has finished, so there is no baseline.",
        ),
    ],
)
def test_what_was_searched_in_vain_is_told(base: BaseCommits, said: str) -> None:
    assert base.nothing_found == said


def test_a_tag_makes_a_baseline_whatever_its_commit() -> None:
    selection = RunSelection(baseline_tags=("base",), baseline_sha=SHA)
    tagged = run("tagged", OTHER, SHA, tags=("base",))
    forged = run("forged", OTHER, SHA)
    found = usable_baselines(selection, [tagged, forged, run("good", SHA), run("c1", SHA)], [run("c1", SHA)])
    assert [one.id for one in found.runs] == ["tagged", "good"]
    assert [one.id for one in found.contradicted] == ["forged"]


@pytest.mark.parametrize("policy", [FAIL, PASS, NEUTRAL])
def test_only_what_is_known_to_be_absent_is_excused(policy: str) -> None:
    nothing = usable_baselines(RunSelection(baseline_sha=SHA), [], [])
    forged = usable_baselines(RunSelection(baseline_sha=SHA), [run("forged", OTHER, SHA)], [])
    unknown = RunSelection(base=BaseCommits(error=Unavailable("GitHub is silent", "wait")))
    assert no_baseline(policy, RunSelection(), nothing, "T").policy == policy
    assert no_baseline(policy, RunSelection(), forged, "T").policy == FAIL
    silent = no_baseline(policy, unknown, nothing, "T")
    assert (silent.policy, silent.reason) == (FAIL, "GitHub is silent")


ACC = Metric("acc", "max")
BARS: list[tuple[str, list[dict[str, Any]], list[Metric], str, str]] = [
    # name, summaries newest first, the metrics that choose, the bar, its choice
    ("one", [{"acc": 1}], [ACC], "b0", "the only baseline"),
    ("the best", [{"acc": 1}, {"acc": 3}, {"acc": 2}], [ACC], "b1", "the best of 3 baselines by acc"),
    ("the least", [{"acc": 2}, {"acc": 1}], [Metric("acc", "min")], "b1", "the best of 2 baselines by acc"),
    ("the newest of equal ones", [{"acc": 1}, {"acc": 1}], [ACC], "b0", "the best of 2 baselines by acc"),
    ("no direction", [{"acc": 1}, {"acc": 3}], [Metric("acc")], "b0", "the latest of 2 baselines"),
    ("no metric", [{"acc": 1}, {"acc": 3}], [], "b0", "the latest of 2 baselines"),
    ("no value", [{}, {"acc": "NaN"}], [ACC], "b0", "the latest of 2 baselines"),
    ("the second metric", [{"f1": 1}, {"f1": 2}], [ACC, Metric("f1", "max")], "b1", "the best of 2 baselines by f1"),
    ("one has the metric", [{"f1": 9}, {"acc": 0.1}], [ACC, Metric("f1", "max")], "b1", "the best of 2 baselines by acc"),
]


@pytest.mark.parametrize("case", BARS, ids=[case[0] for case in BARS])
def test_the_bar_is_one_baseline_and_says_how_it_was_chosen(case: tuple[Any, ...]) -> None:
    _, summaries, metrics, expected, choice = case
    runs = [run(f"b{index}", summary=summary) for index, summary in enumerate(summaries)]
    bar = choose_bar(group_runs(runs, metrics, by_group=False), metrics)
    assert bar is not None
    assert (bar.run.id, bar.choice) == (expected, choice)


def test_a_group_is_one_bar() -> None:
    runs = [
        run(f"{group}{index}", group=group, summary={"acc": value + index})
        for group, value in (("g", 1), ("h", 5))
        for index in (0, 1)
    ]
    bar = choose_bar(group_runs(runs, [ACC], by_group=True), [ACC], by_group=True)
    assert bar is not None
    assert [one.id for one in bar.members] == ["h0", "h1"]
    assert (bar.choice, bar.run.summary["acc"]) == ("the best of 2 baseline groups by acc", 5.5)
    assert choose_bar([], [ACC]) is None


@pytest.mark.parametrize(
    ("line", "required", "against"),
    [
        ("loss <= baseline", 1.0, "old, the best loss of 2 baselines"),
        ("loss <= baseline.best", 2.0, "new, the best of 2 baselines by acc"),
        ("loss <= baseline.latest", 2.0, "new, the latest of 2 baselines"),
        ("loss <= baseline.mean", 1.5, "mean of 2 baselines"),
        ("acc >= baseline.best - 10%", 0.81, "new, the best of 2 baselines by acc"),
        ("only_old > baseline.mean", 7.0, "mean of 1 of 2 baselines"),
        ("acc >= 0.5", 0.5, ""),
    ],
)
def test_a_gate_says_where_its_number_comes_from(line: str, required: float, against: str) -> None:
    new, old = run("new", summary={"acc": 0.9, "loss": 2.0}), run("old", summary={"acc": 0.8, "loss": 1.0, "only_old": 7.0})
    bar = choose_bar(group_runs([new, old], [ACC], by_group=False), [ACC])
    candidate = run("c", summary={"acc": 0.85, "loss": 1.5, "only_old": 1})
    (result,) = evaluate(parse([line]), candidate, [new, old], {"loss": Metric("loss", "min"), "acc": ACC}, bar=bar)
    assert result.required == pytest.approx(required)
    assert result.against == against


def test_early_uploads_are_named_up_to_three() -> None:
    runs = [run(f"u{index}", state="failed", uploaded_early=True) for index in range(5)]
    (said,) = early_uploads(runs, "T")
    assert "u0 (failed), u1 (failed), u2 (failed) and 2 more" in said
    assert not list(early_uploads([run(uploaded_early=True), run(state="failed")], "T"))
