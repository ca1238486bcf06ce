"""Metrics, their directions, and differences between runs."""

from __future__ import annotations

import math

import pytest

from mlops_actions.core.runs import Run
from mlops_actions.wandb_runs.differences import best_ids, compare, difference
from mlops_actions.wandb_runs.metrics.directions import with_directions
from mlops_actions.wandb_runs.metrics.grammar import parse
from mlops_actions.wandb_runs.metrics.metric import Metric, best_run
from mlops_actions.wandb_runs.metrics.names import infer_direction


def run(name: str, state: str = "finished", directions: dict[str, str] | None = None, **summary: object) -> Run:
    return Run(
        id=name,
        name=name,
        state=state,
        url="",
        entity="team",
        project="digits",
        summary=summary,
        directions=directions or {},
    )


def test_directions_are_parsed_from_names() -> None:
    assert parse(["acc:max", "a:b", "loss : MIN".replace(" ", ""), "acc", "top:1"]) == (
        Metric("acc", "max", "given"),
        Metric("a:b"),
        Metric("loss", "min", "given"),
        Metric("top:1"),
    )


@pytest.mark.parametrize("entries", [["acc:min", "acc:max"], [":max"]])
def test_contradicting_directions_are_refused(entries: list[str]) -> None:
    with pytest.raises(ValueError, match=r"two directions|without a name"):
        parse(entries)


def test_the_users_direction_wins_over_the_trackers_and_that_over_the_name() -> None:
    known = [run("r", directions={"loss": "max", "score": "min"})]
    metrics = with_directions(parse(["loss:min", "score", "acc", "thing", "x.min"]), known)
    assert [(metric.direction, metric.source) for metric in metrics] == [
        ("min", "given"),
        ("min", "tracker"),
        ("max", "inferred"),
        ("", ""),
        ("min", "tracker"),
    ]


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("val_acc", "max"),
        ("valAccuracy", "max"),
        ("eval/top1", "max"),
        ("train-loss", "min"),
        ("wer", "min"),
        ("answer", ""),
        ("accuracy_loss", ""),
        ("epoch", ""),
        ("mAP", "max"),
        ("map", "max"),
        ("latency_ms", "min"),
    ],
)
def test_a_direction_is_inferred_from_a_name(name: str, direction: str) -> None:
    assert infer_direction(name) == direction


def test_the_best_run_is_finished_and_best_by_the_first_metric_with_a_direction() -> None:
    runs = [run("new"), run("unfinished", "running", acc=1.0), run("good", acc=0.9), run("odd", acc=math.nan)]
    assert best_run(runs, [Metric("thing"), Metric("acc", "max")]) is runs[2]
    assert best_run(runs, [Metric("absent", "max")]) is runs[0], "the newest, where no metric decides"
    assert best_run([], [Metric("acc", "max")]) is None


def test_differences() -> None:
    up, down, unknown = Metric("m", "max"), Metric("m", "min"), Metric("m")
    assert difference(up, 3.0, 2.0).better is True
    assert difference(down, 3.0, 2.0).better is False
    assert difference(up, 2.0, 2.0).better is None
    assert difference(unknown, 3.0, 2.0).better is None
    assert difference(up, 3.0, 0.0).percent is None
    assert difference(up, -1.0, -2.0).percent == 50.0


def test_a_comparison_leaves_out_values_that_are_no_numbers() -> None:
    baselines = [run("new", acc="high"), run("mid", acc=0.8), run("old", acc=0.9)]
    (row,) = compare(run("c", acc=0.85), baselines, [Metric("acc", "max")])
    references = [difference.reference for difference in (row.best, row.mean) if difference]
    assert references == [0.9, pytest.approx(0.85)]
    assert row.latest is None, "the latest baseline is the newest run, whether or not it has a value"
    (row,) = compare(run("c", acc=math.nan), baselines, [Metric("acc", "max")])
    assert (row.best, row.mean, row.latest) == (None, None, None)
    (row,) = compare(run("c", acc=1), [], [Metric("acc", "max")])
    assert row.value == 1
    assert row.best is None


def test_several_runs_can_be_best_and_none_without_a_direction() -> None:
    runs = [run("a", acc=1.0), run("b", acc=1.0), run("c", acc=0.5)]
    assert best_ids(runs, Metric("acc", "max")) == {"a", "b"}
    assert best_ids(runs, Metric("acc")) == frozenset()
