"""The grammar of gates."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_actions.core.gates import Gate, parse

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
def test_gates_are_parsed(line: str, expected: Any) -> None:
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
def test_a_line_that_is_no_gate_is_named_by_its_number(line: str) -> None:
    with pytest.raises(ValueError, match=r"^line 2 is no gate"):
        parse(["acc >= 1", line])


@given(st.text(max_size=40))
def test_any_text_is_parsed_or_refused(line: str) -> None:
    try:
        (gate,) = parse([line])
    except ValueError:
        return
    assert math.isfinite(gate.amount) or "e" in line.lower()


def test_a_percentage_is_of_the_baselines_magnitude_also_below_zero() -> None:
    assert parse(["x >= baseline - 10%"])[0].required(-2.0) == pytest.approx(-2.2)
    assert parse(["x >= baseline + 10%"])[0].required(2.0) == pytest.approx(2.2)
    assert parse(["x >= baseline * 10%"])[0].required(2.0) == pytest.approx(0.2)
