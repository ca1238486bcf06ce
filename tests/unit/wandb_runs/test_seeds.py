"""Groups of seeds: means, survivors, intervals, pairs and verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from mlops_actions.core.runs import Run
from mlops_actions.core.statistics.pairing import pair_up, repeated_seeds
from mlops_actions.wandb_runs.metrics.metric import Metric
from mlops_actions.wandb_runs.statistics.choice import Choice
from mlops_actions.wandb_runs.statistics.seeds import SeedComparison, SeedGroup, compare_seeds, group_runs
from mlops_actions.wandb_runs.statistics.survivors import doubts, lacking_doubts

ACC = Metric("acc", "max")


def run(identifier: str, group: str = "", *, state: str = "finished", config: Any = None, **summary: Any) -> Run:
    return Run(
        id=identifier,
        name="n",
        state=state,
        url="",
        entity="t",
        project="p",
        group=group,
        config=config or {},
        summary={name: value for name, value in summary.items() if value is not None},
    )


def runs(group: str, *values: float | None, state: str = "finished") -> list[Run]:
    return [run(f"{group}{index}", group, state=state, acc=value) for index, value in enumerate(values)]


def seeded(group: str, seeds: Sequence[Any], key: str = "seed", values: Sequence[float] = ()) -> list[Run]:
    """Runs with these seeds in their config under a dotted key."""
    found = []
    for index, seed in enumerate(seeds):
        config: Any = seed
        for part in reversed(key.split(".")):
            config = {part: config}
        found.append(run(f"{group}{index}", group, config=config, acc=values[index] if values else 0.0))
    return found


def grouped(*members: Run, metric: Metric = ACC) -> SeedGroup:
    (group,) = group_runs(members, [metric], by_group=True)
    return group


def compared(candidates: Sequence[Run], baselines: Sequence[Run], metric: Metric = ACC) -> SeedComparison:
    (comparison,) = compare_seeds(grouped(*candidates, metric=metric), grouped(*baselines, metric=metric), [metric])
    return comparison


def test_a_group_has_the_mean_and_is_represented_by_its_best_run() -> None:
    group = grouped(*runs("g", 0.8, 0.9, 1.0))
    assert group.run.summary["acc"] == pytest.approx(0.9)
    assert group.run.id == "g2"
    assert group.run.title == "g (n = 3)"


def test_a_seed_without_the_metric_leaves_the_group_without_a_mean() -> None:
    assert "acc" not in grouped(*runs("g", 0.8, None)).run.summary


def test_only_finished_runs_are_grouped_and_only_on_request() -> None:
    all_runs = [*runs("g", 1, 2), *runs("h", 9, state="crashed"), *runs("", 3, 4)]
    assert [len(group.members) for group in group_runs(all_runs, [ACC], by_group=True)] == [2, 1, 1]
    assert [len(group.members) for group in group_runs(all_runs, [ACC], by_group=False)] == [1, 1, 1, 1]


def test_a_group_that_lost_seeds_is_marked_and_doubtful() -> None:
    group = grouped(*runs("g", 1, 2, 3), *runs("g", None, state="crashed"), *runs("g", None, state="running"))
    assert (len(group.members), group.started, group.lost) == (3, 5, 2)
    assert group.run.title == "g (3 of 5 seeds finished)"
    assert list(doubts(group, None)) == [
        "3 of 5 seeds finished of the candidate g: its means are those of the survivors, and tell nothing about the others."
    ]
    assert list(doubts(grouped(*runs("g", 1, 2)), grouped(*runs("h", 1, 2)))) == []


VERDICTS: list[tuple[str, list[float], list[float], str, str]] = [
    ("better", [0.95, 0.96, 0.97], [0.80, 0.81, 0.82], "max", "better by more than noise"),
    ("worse", [0.80, 0.81, 0.82], [0.95, 0.96, 0.97], "max", "worse by more than noise"),
    ("less is worse where less is better", [5, 6, 7], [1, 2, 2.5], "max", "better by more than noise"),
    ("more is worse where less is better", [5, 6, 7], [1, 2, 2.5], "min", "worse by more than noise"),
    ("no direction", [5, 6, 7], [1, 2, 2.5], "", "more than noise"),
    ("equal", [0.8, 0.9, 1.0], [0.8, 0.9, 1.0], "max", "no more than noise"),
    ("unlike but few", [0.8, 0.9, 1.0], [0.7, 0.8, 0.9], "max", "about 17 seeds a side would tell such a difference"),
    ("tiny", [0.8, 0.9, 1.0], [0.8001, 0.9001, 1.0001], "max", "more than 1,000 seeds a side would be needed to tell"),
    ("one seed", [0.9], [0.1, 0.2, 0.3], "max", "cannot be told from noise: one candidate seed says nothing"),
    ("one baseline", [0.9, 0.8], [0.1], "max", "cannot be told from noise: one baseline seed says nothing"),
    ("two a side far apart", [0.9, 0.91], [0.1, 0.11], "max", "better by more than noise"),
    ("no spread", [0.9, 0.9], [0.1, 0.1], "max", "all 2 candidate seeds have the same value"),
    ("two against ten", [0.95, 0.96], [0.9 + seed / 1000 for seed in range(10)], "max", "no more than noise"),
]


@pytest.mark.parametrize(
    ("candidates", "baselines", "direction", "verdict"), [case[1:] for case in VERDICTS], ids=[case[0] for case in VERDICTS]
)
def test_a_verdict_says_what_can_be_told(
    candidates: list[float], baselines: list[float], direction: str, verdict: str
) -> None:
    found = compared(runs("g", *candidates), runs("b", *baselines), Metric("acc", direction))
    assert verdict in found.verdict
    assert found.difference == pytest.approx(sum(candidates) / len(candidates) - sum(baselines) / len(baselines))
    if found.low is not None and found.high is not None:
        assert found.low <= found.difference <= found.high


def test_a_chance_find_among_many_metrics_is_none() -> None:
    names = [f"m{number}" for number in range(10)]
    metrics = [Metric(name, "max") for name in names]

    def side(group: str, gain: float) -> SeedGroup:
        values = [{name: 1 + seed / 10 + (gain if name == "m3" else 0) for name in names} for seed in range(3)]
        members = [replace(run(f"{group}{seed}", group), summary=summary) for seed, summary in enumerate(values)]
        return group_runs(members, metrics, by_group=True)[0]

    ours, theirs = side("g", 0.36), side("h", 0)
    (alone,) = compare_seeds(ours, theirs, [metrics[3]])
    assert alone.claimed
    among = compare_seeds(ours, theirs, metrics)[3]
    assert among.low == alone.low
    assert among.low is not None
    assert among.low > 0
    assert among.verdict.startswith("no more than noise among 10 metrics; about")


CHOICES: list[tuple[str, Choice, float]] = [
    ("one group a side", Choice(), 1),
    ("the best of three candidates", Choice(candidates=3), 2),
    ("against the best of three baselines", Choice(baselines=3), 2),
    ("the best of both sides", Choice(10, 10), 10),
    ("the best of one side, the worst of the other", Choice(4, 3, alike=False), 12),
    ("the worst of four", Choice(candidates=4, alike=False), 4),
]


@pytest.mark.parametrize(("choice", "factor"), [case[1:] for case in CHOICES], ids=[case[0] for case in CHOICES])
def test_a_choice_by_values_costs_certainty_in_claim_and_interval(choice: Choice, factor: float) -> None:
    ours, theirs = grouped(*runs("g", 0.8, 0.9, 1.0)), grouped(*runs("h", 0.5, 0.6, 0.7))
    (alone,) = compare_seeds(ours, theirs, [ACC])
    (chosen,) = compare_seeds(ours, theirs, [ACC], choice)
    assert alone.probability is not None
    assert alone.low is not None
    assert chosen.probability == pytest.approx(alone.probability * factor)
    assert chosen.low is not None
    assert chosen.low == alone.low if factor == 1 else chosen.low < alone.low
    # Claim and interval of a single metric say the same.
    assert chosen.claimed == (chosen.low > 0)
    assert chosen.verdict.startswith("better by more than noise" if chosen.claimed else "no more than noise; about")


PAIRS: list[tuple[str, list[Run], list[Run], int]] = [
    ("the same seeds in another order", seeded("g", [1, 2, 3]), seeded("h", [3, 1, 2]), 3),
    ("numbers and texts", seeded("g", [1, "2", 3.0]), seeded("h", ["1", 2, 3]), 3),
    ("under different keys", seeded("g", [1, 2], "random_seed"), seeded("h", [1, 2], "training.seed"), 2),
    ("one seed is another one", seeded("g", [1, 2, 3]), seeded("h", [1, 2, 4]), 0),
    ("one seed more", seeded("g", [1, 2, 3]), seeded("h", [1, 2]), 0),
    ("a seed twice", seeded("g", [1, 1, 2]), seeded("h", [1, 1, 2]), 0),
    ("the same seed everywhere", seeded("g", [42, 42]), seeded("h", [42, 42]), 0),
    ("no seeds", seeded("g", [1, 2], "lr"), seeded("h", [1, 2], "lr"), 0),
    ("a run without", [*seeded("g", [1]), run("g9", "g")], seeded("h", [1, 2]), 0),
    ("no numbers", seeded("g", [True, False]), seeded("h", [True, False]), 0),
    ("nothing", seeded("g", [None, [1]]), seeded("h", [None, [1]]), 0),
]


@pytest.mark.parametrize(("candidates", "baselines", "pairs"), [case[1:] for case in PAIRS], ids=[case[0] for case in PAIRS])
def test_runs_are_paired_by_seed_where_each_seed_ran_once_a_side(
    candidates: list[Run], baselines: list[Run], pairs: int
) -> None:
    assert len(pair_up(candidates, baselines)) == pairs


def test_the_same_seeds_narrow_the_interval_whatever_their_order() -> None:
    values = [0.5, 0.6, 0.7, 0.8, 0.9]
    ours = seeded(
        "g", range(5), values=[value + gain for value, gain in zip(values, (0.02, 0.03, 0.02, 0.03, 0.02), strict=True)]
    )
    theirs = seeded("h", range(5), values=values)
    paired = compared(ours, theirs[::-1])
    assert paired.paired
    assert paired.verdict == "better by more than noise"
    alone = compared(runs("g", *[found.summary["acc"] for found in ours]), theirs)
    assert not alone.paired
    assert alone.verdict.startswith("no more than noise")


def test_runs_of_one_seed_are_no_seeds() -> None:
    assert repeated_seeds(seeded("g", [42, 42, 42]))
    assert not repeated_seeds(seeded("g", [1, 2, 3]))
    assert not repeated_seeds(runs("g", 1, 2))
    # One of several seeds varies, and that is enough.
    assert not repeated_seeds([run(f"g{seed}", "g", config={"seed": 42, "torch_seed": seed}) for seed in (1, 2)])
    assert repeated_seeds([run(f"g{lr}", "g", config={"seed": 42, "random_seed": 7}) for lr in (1, 2)])
    group = grouped(*seeded("g", [42, 42]))
    assert list(doubts(None, group)) == [
        "Runs of the baseline g have the same seed: their spread is not that of different seeds."
    ]


LACKING: list[tuple[str, list[float | None], list[float | None], str]] = [
    ("of the candidate", [0.95, 0.951, 0.952, None, None], [0.8, 0.81, 0.82], "2 of 5 candidate seeds have no finite value"),
    ("NaN", [0.95, 0.951, float("nan")], [0.8, 0.81, 0.82], "1 of 3 candidate seeds has no finite value"),
    ("of the baseline", [0.95, 0.951, 0.952], [0.8, 0.81, float("inf")], "1 of 3 baseline seeds has no finite value"),
    ("of both", [0.95, 0.951, None], [0.8, 0.81, None], "1 of 3 candidate seeds has no finite value"),
]


@pytest.mark.parametrize(("ours", "theirs", "reason"), [case[1:] for case in LACKING], ids=[case[0] for case in LACKING])
@pytest.mark.parametrize("key", ["seed", "no_seed"])
def test_nothing_is_claimed_of_a_metric_that_seeds_lack(
    ours: list[float | None], theirs: list[float | None], reason: str, key: str
) -> None:
    def side(name: str, values: list[float | None]) -> list[Run]:
        return [run(f"{name}{seed}", name, config={key: seed}, acc=value) for seed, value in enumerate(values)]

    found = compared(side("g", ours), side("h", theirs))
    assert (found.claimed, found.low, found.seeds_needed, found.paired) == (None, None, None, False)
    assert found.verdict == f"cannot be told from noise: {reason}"


def test_the_words_after_a_mean_say_what_seeds_it_is_of() -> None:
    metrics = [Metric(name, "max") for name in ("all", "some")]
    finished = [run(f"g{seed}", "g", all=1.0 + seed, some=1.0 + seed if seed < 2 else "NaN") for seed in range(3)]
    crashed = [run("g8", "g", state="crashed"), run("g9", "g", state="crashed")]

    def words(*members: Run) -> list[str]:
        (group,) = group_runs(members, metrics, by_group=True)
        return [comparison.candidates.survivors for comparison in compare_seeds(group, group, metrics)]

    assert words(*finished) == ["n = 3", "2 of 3 seeds have it"]
    assert words(*finished, *crashed) == ["3 of 5 seeds finished", "3 of 5 seeds finished, 2 have it"]


def test_a_metric_that_only_some_seeds_have_is_a_doubt() -> None:
    metrics = [Metric(name, "max") for name in ("a", "b", "c", "d", "e", "all", "none")]
    members = [
        run("g0", "g", a=1.0, b=1.0, c=1.0, d=1.0, e=1.0, all=1.0),
        run("g1", "g", all=1.0, a=float("nan")),
    ]
    group = grouped(*members)
    assert list(lacking_doubts(group, grouped(*runs("h", 1, 2)), metrics)) == [
        "Seeds of the candidate g have no finite value of a (1 of 2), b (1 of 2), c (1 of 2) and 2 more metrics: "
        "their means are not known."
    ]
    assert list(lacking_doubts(None, group, metrics[3:4])) == [
        "Seeds of the baseline g have no finite value of d (1 of 2): their means are not known."
    ]
    assert list(lacking_doubts(group, None, metrics[5:])) == []


REPEATED: list[tuple[str, list[int], list[int], str]] = [
    ("of the candidate", [42, 42, 42], [1, 2, 3], "candidate runs have the same seed"),
    ("of the baseline", [1, 2, 3], [1, 1, 2], "baseline runs have the same seed"),
    ("of both", [42, 42, 42], [42, 42, 42], "candidate runs have the same seed"),
]


@pytest.mark.parametrize(("ours", "theirs", "reason"), [case[1:] for case in REPEATED], ids=[case[0] for case in REPEATED])
def test_nothing_is_claimed_of_repeated_seeds(ours: list[int], theirs: list[int], reason: str) -> None:
    found = compared(seeded("g", ours, values=[0.9, 0.9001, 0.9002]), seeded("h", theirs, values=[0.5, 0.5001, 0.5002]))
    assert (found.claimed, found.low, found.seeds_needed) == (None, None, None)
    assert reason in found.verdict


def test_equal_numbers_give_equal_results() -> None:
    sides = runs("g", 0.8, 0.9, 1.0), runs("b", 0.7, 0.8, 0.9)
    assert compared(*sides) == compared(*sides)
