from __future__ import annotations

import pytest

from mlops_actions.core.runs import Run
from mlops_actions.wandb_runs.metrics import Metric
from mlops_actions.wandb_runs.seeds import compare_seeds, group_runs

ACC = Metric("acc", "max")


def runs(group: str, *values: float | None, state: str = "finished") -> list[Run]:
    return [
        Run(f"{group}{index}", "n", state, "", "t", "p", group=group, summary={} if value is None else {"acc": value})
        for index, value in enumerate(values)
    ]


def test_seeds_become_their_mean_and_stand_under_their_best():
    (found,) = group_runs(runs("g", 0.8, 0.9, 1.0), [ACC], by_group=True)
    assert found.run.summary["acc"] == pytest.approx(0.9)
    assert found.run.id == "g2"
    assert found.run.title == "g (n = 3)"


def test_a_seed_without_the_metric_leaves_the_group_without_a_mean():
    (found,) = group_runs(runs("g", 0.8, None), [ACC], by_group=True)
    assert "acc" not in found.run.summary


def test_only_finished_runs_and_only_where_asked():
    everything = [*runs("g", 1, 2), *runs("g", 9, state="crashed"), *runs("", 3, 4)]
    assert [len(group.members) for group in group_runs(everything, [ACC], by_group=True)] == [2, 1, 1]
    assert [len(group.members) for group in group_runs(everything, [ACC], by_group=False)] == [1, 1, 1, 1]


def told(ours: list[float], theirs: list[float], metric: Metric = ACC):
    (group,) = group_runs(runs("g", *ours), [metric], by_group=True)
    return compare_seeds(group, runs("b", *theirs), [metric])[0]


def test_more_than_noise():
    found = told([0.95, 0.96, 0.97], [0.90, 0.91, 0.92])
    assert found.difference == pytest.approx(0.05)
    assert 0 < found.low <= found.difference <= found.high
    assert found.verdict == "better by more than noise"
    assert told([0.90, 0.91, 0.92], [0.95, 0.96, 0.97]).verdict == "worse by more than noise"
    assert told([5, 6, 7], [1, 2, 3], Metric("acc", "min")).verdict == "worse by more than noise"
    assert told([5, 6, 7], [1, 2, 3], Metric("acc")).verdict == "more than noise"


def test_noise_and_too_few():
    assert told([0.8, 0.9, 1.0], [0.85, 0.9, 0.95]).verdict == "no more than noise"
    few = told([0.8, 0.9], [0.1, 0.2, 0.3])
    assert few.low is None
    assert "too few seeds" in few.verdict


def test_the_same_numbers_give_the_same_interval():
    assert told([0.8, 0.9, 1.0], [0.7, 0.8, 0.9]) == told([0.8, 0.9, 1.0], [0.7, 0.8, 0.9])
