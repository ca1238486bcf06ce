from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_actions.core.gates import Gate, parse
from mlops_actions.core.runs import Run
from mlops_actions.wandb_runs.gates import evaluate
from mlops_actions.wandb_runs.metrics import Metric


def run(name: str = "r", state: str = "finished", **summary: object) -> Run:
    return Run(name, name, state, "", "team", "digits", summary=summary)


def verdict(line: str, candidate: Run | None, *baselines: Run, direction: str = ""):
    gate = parse([line])[0]
    return evaluate([gate], candidate, baselines, {gate.metric: Metric(gate.metric, direction)})[0]


PARSED = [
    ("acc >= 0.9", Gate("acc >= 0.9", "acc", ">=", amount=0.9)),
    ("  acc>=.9 ", Gate("acc>=.9", "acc", ">=", amount=0.9)),
    ("loss < 1e-3", Gate("loss < 1e-3", "loss", "<", amount=0.001)),
    ("eval/top-1 != -2.", Gate("eval/top-1 != -2.", "eval/top-1", "!=", amount=-2)),
    ('"a >= b" == 1', Gate('"a >= b" == 1', "a >= b", "==", amount=1)),
    ("val acc > baseline", Gate("val acc > baseline", "val acc", ">", "best")),
    ("acc >= baseline.mean", Gate("acc >= baseline.mean", "acc", ">=", "mean")),
    ("acc >= baseline.latest-0.5%", Gate("acc >= baseline.latest-0.5%", "acc", ">=", "latest", "-", 0.5, True)),
    ("acc >= baseline * 0.98", Gate("acc >= baseline * 0.98", "acc", ">=", "best", "*", 0.98)),
    ("acc >= baseline + 1 %", Gate("acc >= baseline + 1 %", "acc", ">=", "best", "+", 1, True)),
    ("baseline >= baseline", Gate("baseline >= baseline", "baseline", ">=", "best")),
]


@pytest.mark.parametrize(("line", "expected"), PARSED, ids=[line for line, _ in PARSED])
def test_the_grammar(line, expected):
    assert parse([line]) == (expected,)


@pytest.mark.parametrize(
    "line",
    [
        "acc",
        ">= 0.9",
        "acc >= ",
        "acc = 0.9",
        "acc => 0.9",
        "acc >= 0.9 0.8",
        "acc >= 90%",
        "acc >= baselines",
        "acc >= baseline.median",
        "acc >= baseline / 2",
        "acc >= baseline -",
        "acc >= nan",
        "acc >= inf",
        "acc >= 0x10",
        "acc >= __import__('os')",
        'acc" >= 1',
        "acc >= 1 >= 2",
    ],
)
def test_what_is_no_gate_names_its_line(line):
    with pytest.raises(ValueError, match=r"^line 2 is no gate"):
        parse(["acc >= 1", line])


@given(st.text(max_size=40))
def test_no_line_breaks_the_reader(line):
    try:
        (gate,) = parse([line])
    except ValueError:
        return
    assert math.isfinite(gate.amount) or "e" in line.lower()


def test_percent_is_of_the_baselines_size_also_below_zero():
    assert parse(["x >= baseline - 10%"])[0].required(-2.0) == pytest.approx(-2.2)
    assert parse(["x >= baseline + 10%"])[0].required(2.0) == pytest.approx(2.2)
    assert parse(["x >= baseline * 10%"])[0].required(2.0) == pytest.approx(0.2)


def test_the_best_baseline_is_by_direction_and_else_by_the_comparison():
    baselines = [run("b1", x=1.0), run("b2", x=3.0)]
    assert verdict("x >= baseline", run(x=2.0), *baselines).required == 3.0
    assert verdict("x <= baseline", run(x=2.0), *baselines).required == 1.0
    assert verdict("x >= baseline", run(x=2.0), *baselines, direction="min").required == 1.0
    unknown = verdict("x == baseline", run(x=2.0), *baselines)
    assert not unknown.passed
    assert "direction of x is not known" in unknown.reason


def test_latest_is_the_newest_baseline_even_where_it_has_no_value():
    missing = verdict("x >= baseline.latest", run(x=2.0), run("new"), run("old", x=1.0))
    assert not missing.passed
    assert "latest baseline" in missing.reason


@pytest.mark.parametrize("value", [None, "0.9", True, math.nan, math.inf, -math.inf, [1], {"min": 1, "max": 2}, "NaN"])
@pytest.mark.parametrize("line", ["x >= -1e308", "x != 0", "x <= 1e308"])
def test_a_value_that_is_no_finite_number_never_passes(value, line):
    assert not verdict(line, run(x=value)).passed
    assert not verdict(line, run()).passed
    assert not verdict(line, None).passed


@given(
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.sampled_from([">=", "<=", ">", "<", "==", "!="]),
)
def test_a_plain_gate_is_pythons_comparison(value, bar, op):
    assert verdict(f"x {op} {bar!r}", run(x=value)).passed == eval(f"{value!r} {op} {bar!r}")
