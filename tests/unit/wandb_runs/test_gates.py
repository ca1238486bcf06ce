"""Gates are evaluated on the best candidate."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_actions.core.gates import parse
from mlops_actions.core.runs import Run
from mlops_actions.core.statistics import of_runs
from mlops_actions.wandb_runs.differences import Difference, compare
from mlops_actions.wandb_runs.metrics.metric import Metric
from mlops_actions.wandb_runs.report.numbers import NumberFormat
from mlops_actions.wandb_runs.verdict.gates import GateResult, evaluate


def run(name: str = "r", state: str = "finished", **summary: object) -> Run:
    return Run(id=name, name=name, state=state, url="", entity="team", project="digits", summary=summary)


def result_of(line: str, candidate: Run | None, *baselines: Run, direction: str = "") -> GateResult:
    (gate,) = parse([line])
    return evaluate([gate], candidate, baselines, {gate.metric: Metric(gate.metric, direction)})[0]


def test_the_best_baseline_follows_the_direction_and_else_the_comparison() -> None:
    baselines = [run("b1", x=1.0), run("b2", x=3.0)]
    assert result_of("x >= baseline", run(x=2.0), *baselines).required == 3.0
    assert result_of("x <= baseline", run(x=2.0), *baselines).required == 1.0
    assert result_of("x >= baseline", run(x=2.0), *baselines, direction="min").required == 1.0
    unknown = result_of("x == baseline", run(x=2.0), *baselines)
    assert not unknown.passed
    assert "direction of x is not known" in unknown.reason


def test_latest_is_the_newest_baseline_even_without_a_value() -> None:
    missing = result_of("x >= baseline.latest", run(x=2.0), run("new"), run("old", x=1.0))
    assert not missing.passed
    assert missing.reason == "new, the latest of 2 baselines, has no finite value of x"


@pytest.mark.parametrize("value", [None, "0.9.1", True, math.nan, math.inf, -math.inf, [1], {"min": 1, "max": 2}, "NaN"])
@pytest.mark.parametrize("line", ["x >= -1e308", "x != 0", "x <= 1e308"])
def test_a_value_that_is_not_a_finite_number_never_passes(value: Any, line: str) -> None:
    assert not result_of(line, run(x=value)).passed
    assert not result_of(line, run()).passed
    assert not result_of(line, None).passed


@given(
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.sampled_from([">=", "<=", ">", "<", "==", "!="]),
)
def test_a_gate_with_a_number_compares_like_python(value: Any, required: float, op: str) -> None:
    assert result_of(f"x {op} {required!r}", run(x=value)).passed == eval(f"{value!r} {op} {required!r}")


EQUAL = [
    ("x >= baseline.mean", 0.8, (0.8, 0.8, 0.8)),
    ("x >= baseline.mean", 0.803, (0.803,) * 5),
    ("x <= baseline.mean", 0.2, (0.1, 0.2, 0.3)),
    ("x <= baseline.mean", 0.0, (0.1, 0.2, -0.3)),
    ("x >= baseline.mean * 3", 1.0, (0.0, 0.0, 1.0)),
    ("x <= baseline.mean - 10%", 0.72, (0.7, 0.8, 0.9)),
    ("x <= baseline - 0.1", 0.2, (0.3,)),
    ("x >= baseline + 0.1", 0.3, (0.2,)),
    ("x >= baseline.latest * 1.1", 0.11, (0.1, 0.3)),
    ("x <= baseline.latest * 1.1", 110, (100,)),
    ("x >= baseline", 0.30000000000000004, (0.3,)),
    ("x <= baseline", 0.30000000000000004, (0.3,)),
    ("x <= 0.3", 0.30000000000000004, ()),
]


@pytest.mark.parametrize(("line", "value", "baselines"), EQUAL, ids=[f"{line}: {value}" for line, value, _ in EQUAL])
def test_a_gate_passes_on_the_very_number_that_it_asks_for(line: str, value: float, baselines: tuple[float, ...]) -> None:
    runs = [run(f"b{index}", x=each) for index, each in enumerate(baselines)]
    found = result_of(line, run(x=value), *runs)
    assert found.passed, found.explanation
    assert found.value == found.required
    strict = result_of(line.replace("=", ""), run(x=value), *runs, direction="max" if ">" in line else "min")
    assert not strict.passed, strict.explanation
    assert strict.value == strict.required, "no message sets two numbers apart that the gate takes for equal"


@pytest.mark.parametrize(("line", "value", "baselines"), EQUAL[-3:-1])
def test_the_report_calls_no_number_worse_that_a_gate_takes_for_equal(
    line: str, value: float, baselines: tuple[float, ...]
) -> None:
    (row,) = compare(run(x=value), [run(x=baselines[0])], [Metric("x", "max")], run(x=baselines[0]))
    assert row.bar == Difference(0.3, 0.0, 0.0, None)
    assert NumberFormat.of([value, *baselines]).difference(value, baselines[0]) == "0"
    assert result_of(line, run(x=value), run(x=baselines[0])).passed


def test_evidence_is_compared_with_the_same_required_number() -> None:
    (gate,) = parse(["x >= baseline.mean - 0.1 with 95% confidence"])
    seeds = [run(f"s{index}", x=0.3 + index / 10) for index in range(3)]
    margin = of_runs.margin(gate, seeds, seeds)
    assert (margin.value, margin.required, margin.estimate.difference) == (0.4, 0.3, 0.1)
