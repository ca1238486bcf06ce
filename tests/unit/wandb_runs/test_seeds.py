"""Groups of seeds: means, intervals and verdicts."""

from __future__ import annotations

import pytest

from mlops_actions.core.runs import Run
from mlops_actions.wandb_runs.metrics.metric import Metric
from mlops_actions.wandb_runs.statistics.seeds import SeedComparison, compare_seeds, group_runs

ACC = Metric("acc", "max")


def runs(group: str, *values: float | None, state: str = "finished") -> list[Run]:
    return [
        Run(
            id=f"{group}{index}",
            name="n",
            state=state,
            url="",
            entity="t",
            project="p",
            group=group,
            summary={} if value is None else {"acc": value},
        )
        for index, value in enumerate(values)
    ]


def test_a_group_has_the_mean_and_is_represented_by_its_best_run() -> None:
    (group,) = group_runs(runs("g", 0.8, 0.9, 1.0), [ACC], by_group=True)
    assert group.run.summary["acc"] == pytest.approx(0.9)
    assert group.run.id == "g2"
    assert group.run.title == "g (n = 3)"


def test_a_seed_without_the_metric_leaves_the_group_without_a_mean() -> None:
    (group,) = group_runs(runs("g", 0.8, None), [ACC], by_group=True)
    assert "acc" not in group.run.summary


def test_only_finished_runs_are_grouped_and_only_on_request() -> None:
    all_runs = [*runs("g", 1, 2), *runs("g", 9, state="crashed"), *runs("", 3, 4)]
    assert [len(group.members) for group in group_runs(all_runs, [ACC], by_group=True)] == [2, 1, 1]
    assert [len(group.members) for group in group_runs(all_runs, [ACC], by_group=False)] == [1, 1, 1, 1]


def compared(candidates: list[float], baselines: list[float], metric: Metric = ACC) -> SeedComparison:
    (group,) = group_runs(runs("g", *candidates), [metric], by_group=True)
    return compare_seeds(group, runs("b", *baselines), [metric])[0]


def test_a_difference_beyond_the_interval_is_more_than_noise() -> None:
    comparison = compared([0.95, 0.96, 0.97], [0.90, 0.91, 0.92])
    assert comparison.difference == pytest.approx(0.05)
    assert comparison.low is not None
    assert comparison.high is not None
    assert 0 < comparison.low <= comparison.difference <= comparison.high
    assert comparison.verdict == "better by more than noise"
    assert compared([0.90, 0.91, 0.92], [0.95, 0.96, 0.97]).verdict == "worse by more than noise"
    assert compared([5, 6, 7], [1, 2, 3], Metric("acc", "min")).verdict == "worse by more than noise"
    assert compared([5, 6, 7], [1, 2, 3], Metric("acc")).verdict == "more than noise"


def test_noise_and_too_few_seeds_are_named() -> None:
    assert compared([0.8, 0.9, 1.0], [0.85, 0.9, 0.95]).verdict == "no more than noise"
    few = compared([0.8, 0.9], [0.1, 0.2, 0.3])
    assert few.low is None
    assert "too few seeds" in few.verdict


def test_equal_numbers_give_equal_intervals() -> None:
    assert compared([0.8, 0.9, 1.0], [0.7, 0.8, 0.9]) == compared([0.8, 0.9, 1.0], [0.7, 0.8, 0.9])
