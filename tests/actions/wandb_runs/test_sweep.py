"""The runs of a sweep as candidates: the sweep's own metric chooses, and its parameters are read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.actions.wandb_runs.step import SHA, WandbStep

GRID: dict[str, Any] = {
    "name": "a search",
    "method": "bayes",
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {
        "lr": {"min": 0.001, "max": 0.1},
        "seed": {"value": 1},
        "optimizer": {"parameters": {"name": {"values": ["adam", "sgd"]}, "beta": {"values": [0.9]}}},
    },
}


def log_sweep(step: WandbStep, config: dict[str, Any] | None = GRID) -> None:
    for index, (loss, acc) in enumerate([(0.3, 0.9), (0.1, 0.7), (0.2, 0.8)]):
        step.candidate(
            f"r{index}",
            age=index,
            sweep="s1",
            summary={"loss": loss, "acc": acc},
            config={"optimizer": {"name": "adam", "beta": 0.9}},
        )
    step.candidate("alone", age=0, summary={"loss": 0.01, "acc": 0.99})
    if config is not None:
        step.server.store.project("sandbox", "digits").add_sweep("s1", config)


def test_the_sweeps_own_metric_and_goal_choose_among_its_runs_alone(step: WandbStep) -> None:
    log_sweep(step)
    assert step.run(sweep="s1", metrics="acc:max, loss") == 0, step.log
    outputs = step.outputs()
    assert (outputs["num-candidates"], outputs["best-run-id"], outputs["selected-by"]) == ("3", "r1", "loss:min")


@pytest.mark.parametrize(
    ("change", "given", "best"),
    [
        ({"metric": {"name": "acc", "goal": "maximize"}}, {"metrics": "acc, loss"}, "r0"),
        ({"metric": {"name": "loss"}}, {"metrics": "acc:max, loss"}, "r1"),
        ({}, {"metrics": "loss, acc", "select_by": "acc:max"}, "r0"),
        ({"metric": None}, {"metrics": "acc:max, loss"}, "r0"),
        ({"metric": "loss"}, {"metrics": "acc:max, loss"}, "r0"),
        ({"metric": {"name": "loss", "goal": "sideways"}}, {"metrics": "acc:max, loss"}, "r0"),
        ({"metric": {"name": 7, "goal": "minimize"}}, {"metrics": "acc:max, loss"}, "r0"),
        ({"parameters": "many"}, {"metrics": "acc:max, loss"}, "r1"),
    ],
)
def test_which_run_of_a_sweep_is_the_best(step: WandbStep, change: dict[str, Any], given: dict[str, str], best: str) -> None:
    log_sweep(step, {**GRID, **change})
    assert step.run(sweep="s1", **given) == 0, step.log
    assert step.outputs()["best-run-id"] == best


def test_a_sweep_narrows_the_runs_of_a_commit(step: WandbStep) -> None:
    log_sweep(step)
    assert step.run(sweep="s1", sha="b" * 40, metrics="loss") == 0
    assert step.outputs()["num-candidates"] == "0"
    assert step.run(sweep="s1", sha=SHA, metrics="loss") == 0
    assert step.outputs()["num-candidates"] == "3"


def test_a_goal_that_a_gate_contradicts_is_an_input_error(step: WandbStep) -> None:
    log_sweep(step)
    assert step.run(sweep="s1", gates="loss >= 0.1") == 2
    assert "the goal of sweep s1 is loss:min, which the inputs contradict" in step.log


def test_a_sweep_that_does_not_exist_is_an_input_error(step: WandbStep) -> None:
    log_sweep(step, None)
    assert step.run(sweep="s1") == 2
    assert "sandbox/digits has no such sweep" in step.log


def test_a_server_without_sweeps_still_selects_by_them(step: WandbStep) -> None:
    log_sweep(step)
    step.server.lack("Project.sweep")
    try:
        assert step.run(sweep="s1", metrics="acc:max") == 0, step.log
    finally:
        step.server.lack()
    assert (step.outputs()["num-candidates"], step.outputs()["best-run-id"]) == ("3", "r0")
    (note,) = json.loads(step.outputs()["result"])["notes"]
    assert "does not know Project.sweep: what the sweep varies and optimises is unknown" in note
