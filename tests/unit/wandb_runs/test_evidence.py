"""Gates that ask for evidence: the interval's end is compared, and nothing that cannot be told is a pass."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mlops_actions.core.gates import parse
from mlops_actions.core.runs import Run
from mlops_actions.wandb_runs.metrics.metric import Metric
from mlops_actions.wandb_runs.statistics.seeds import SeedGroup, compare_seeds, group_runs
from mlops_actions.wandb_runs.verdict.evidence import Seeds, judge
from mlops_actions.wandb_runs.verdict.gates import GateResult, evaluate

Values = Sequence[float | None]
WITH = "with 95% confidence"


def grouped(name: str, values: Values, seed: int | None = None) -> SeedGroup:
    members = [
        Run(
            id=f"{name}{index}",
            name="n",
            state="finished",
            url="",
            entity="t",
            project="p",
            group=name,
            config={} if seed is None else {"seed": seed},
            summary={} if value is None else {"x": value},
        )
        for index, value in enumerate(values)
    ]
    (group,) = group_runs(members, [Metric("x")], by_group=True)
    return group


def judged(line: str, ours: Values, *theirs: Values, bar: int = 0, choices: int = 1, direction: str = "") -> GateResult:
    (gate,) = parse([line])
    groups = tuple(grouped(f"b{index}", values) for index, values in enumerate(theirs))
    seeds = Seeds(grouped("g", ours), groups, groups[bar] if groups else None, choices)
    return judge(gate, Metric("x", direction), seeds)


STEADY = [0.900, 0.901, 0.899, 0.900, 0.902]
OLD = [0.880, 0.881, 0.879, 0.880, 0.882]
NOISY = [0.88, 0.92, 0.90, 0.86, 0.94]

CASES: list[tuple[str, str, Values, list[Values], bool, str]] = [
    ("a gain beyond noise", f"x > baseline {WITH}", STEADY, [OLD], True, ""),
    ("the same turned around", f"x < baseline {WITH}", OLD, [STEADY], True, ""),
    ("no gain", f"x > baseline {WITH}", OLD, [STEADY], False, "the mean of the seeds is 0.8804, required is > 0.9004"),
    ("a gain within noise", f"x > baseline {WITH}", NOISY, [OLD], False, "is certain, and required is > 0.8804; about"),
    ("equal groups", f"x > baseline {WITH}", STEADY, [STEADY], False, "the mean of the seeds is 0.9004"),
    ("not worse by more than a margin", f"x >= baseline.mean - 1% {WITH}", STEADY, [STEADY], True, ""),
    ("a margin within noise", f"x >= baseline.mean - 1% {WITH}", NOISY, [STEADY], False, "only 0.860"),
    ("an absolute margin", f"x >= baseline - 0.01 {WITH}", STEADY, [STEADY], True, ""),
    ("a factor", f"x <= baseline.mean * 1.1 {WITH}", STEADY, [OLD], True, ""),
    ("less confidence is easier", "x > baseline with 50% confidence", NOISY, [OLD], True, ""),
    ("a number", f"x >= 0.89 {WITH}", STEADY, [], True, ""),
    ("a number within noise", f"x >= 0.89 {WITH}", NOISY, [], False, "seeds would tell (an estimate)"),
    ("a number from above", f"x <= 0.91 {WITH}", STEADY, [], True, ""),
    ("one seed", f"x >= 0.5 {WITH}", [0.9], [], False, "one candidate seed says nothing about its own spread; train"),
    ("one baseline seed", f"x > baseline {WITH}", STEADY, [[0.1]], False, "one baseline seed says nothing"),
    ("seeds without spread", f"x > baseline {WITH}", [0.9, 0.9], [OLD], False, "all 2 candidate seeds have the same value"),
    ("a seed without the metric", f"x > 0 {WITH}", [0.9, None, 0.8], [], False, "1 of 3 seeds of g (n = 3) have no"),
    ("a NaN", f"x > 0 {WITH}", [0.9, float("nan"), 0.8], [], False, "1 of 3 seeds of g (n = 3)"),
    ("a baseline's seed without it", f"x > baseline {WITH}", STEADY, [[0.1, None]], False, "1 of 2 seeds of b0 (n = 2)"),
    ("no baseline", f"x > baseline {WITH}", STEADY, [], False, "there is no baseline"),
    ("a required number beyond a float", f"x > baseline * 1e308 {WITH}", STEADY, [[1e5, 2e5]], False, "not finite"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "ours", "theirs", "passed", "reason"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_gate_passes_only_if_the_end_of_the_interval_does(
    line: str, ours: Values, theirs: list[Values], passed: bool, reason: str
) -> None:
    result = judged(line, ours, *theirs)
    assert result.passed is passed, result.reason
    assert reason in result.reason
    assert bool(result.reason) is not passed
    if result.bound is not None and result.required is not None:
        assert result.gate.passes(result.bound, result.required) is passed


def test_the_bound_is_the_end_of_the_interval_that_the_report_shows() -> None:
    result = judged(f"x > baseline {WITH}", STEADY, OLD)
    (shown,) = compare_seeds(grouped("g", STEADY), grouped("b", OLD), [Metric("x")])
    assert result.bound is not None
    assert result.required is not None
    assert result.bound - result.required == pytest.approx(shown.low)


# Newest first; the bar is the second group. Each gate is against one of them, never against all seeds together.
GROUPS: list[Values] = [[0.85, 0.86, 0.87], [0.95, 0.96, 0.97], [0.75, 0.76, 0.77]]
AGAINST = [
    ("latest", "max", "b0"),
    ("best", "max", "b1"),
    ("mean", "max", "b1"),
    ("", "max", "b1"),
    ("", "min", "b2"),
]


@pytest.mark.parametrize(("reference", "direction", "name"), AGAINST)
def test_a_gate_is_against_one_group_of_baselines(reference: str, direction: str, name: str) -> None:
    line = f"x > baseline{'.' if reference else ''}{reference} {WITH}"
    result = judged(line, STEADY, *GROUPS, bar=1, direction=direction)
    assert result.against == f"{name} (n = 3)"
    values = [value for value in GROUPS[int(name[1])] if value is not None]
    assert result.required == pytest.approx(sum(values) / 3)


def test_the_best_of_several_groups_needs_more_evidence() -> None:
    line, ours = f"x > baseline {WITH}", [0.890, 0.889, 0.888, 0.884, 0.887]
    assert judged(line, ours, OLD).passed
    assert not judged(line, ours, OLD, choices=200).passed


Y = Metric("y", "max")
# The gate, the metric by which the bar is the best of three baseline groups, and by what the error is divided. The judged
# group is the best of two.
CHOICES: list[tuple[str, str, Metric | None, int]] = [
    ("a number", f"x >= 0.5 {WITH}", Y, 2),
    ("the latest", f"x > baseline.latest {WITH}", Y, 2),
    ("the best of the gate's own metric", f"x > baseline {WITH}", Y, 2),
    ("the bar, by the gate's own metric", f"x > baseline.best {WITH}", Metric("x", "max"), 2),
    ("the bar, by another metric", f"x > baseline.best {WITH}", Y, 3),
    ("the bar's mean, by another metric", f"x >= baseline.mean - 1% {WITH}", Y, 3),
    ("the bar, by the worst of the gate's metric", f"x < baseline.best {WITH}", Metric("x", "max"), 3),
    ("the latest as the bar", f"x > baseline.best {WITH}", None, 2),
]


@pytest.mark.parametrize(("line", "bar_by", "choices"), [case[1:] for case in CHOICES], ids=[case[0] for case in CHOICES])
def test_the_choice_of_the_groups_is_allowed_for(line: str, bar_by: Metric | None, choices: int) -> None:
    (gate,) = parse([line])
    groups = tuple(grouped(f"b{index}", values) for index, values in enumerate(GROUPS))
    seeds = Seeds(grouped("g", STEADY), groups, groups[0], 2, bar_by)
    assert seeds.choices(gate) == choices
    result, alone = judge(gate, Metric("x"), seeds), judge(gate, Metric("x"), Seeds(seeds.judged, groups, groups[0]))
    assert result.bound is not None
    assert alone.bound is not None
    # More choices, less certainty.
    assert result.bound < alone.bound if ">" in line else result.bound > alone.bound


def test_no_text_says_that_a_number_is_not_at_least_itself() -> None:
    result = judged(f"x >= 0.95 {WITH}", [0.95000001, 0.95000002, 0.95000003])
    assert not result.passed
    assert "0.95000002, but with 95 % confidence only 0.94999996 is certain, and required is >= 0.95" in result.reason


def test_without_groups_evidence_is_never_a_pass() -> None:
    gates = parse([f"x >= 0 {WITH}"])
    (result,) = evaluate(gates, grouped("g", STEADY).run, [], {})
    assert not result.passed
    assert "aggregate: group" in result.reason


@pytest.mark.parametrize("line", [f"x > baseline {WITH}", f"x >= 0.5 {WITH}", f"x >= baseline.mean - 50% {WITH}"])
def test_runs_of_one_seed_are_no_evidence(line: str) -> None:
    (gate,) = parse([line])
    baseline = grouped("b", OLD)
    for seed, passed in ((None, True), (42, False)):
        result = judge(gate, Metric("x"), Seeds(grouped("g", STEADY, seed), (baseline,), baseline))
        assert result.passed is passed
    assert "candidate runs have the same seed" in result.reason
    assert result.value == pytest.approx(0.9004)
