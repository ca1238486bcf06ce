"""The grammar of gates."""

from __future__ import annotations

import math
import re
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
    ("val acc > baseline", Gate("val acc > baseline", "val acc", ">", "baseline")),
    ("acc >= baseline.mean", Gate("acc >= baseline.mean", "acc", ">=", "mean")),
    ("acc >= baseline.latest-0.5%", Gate("acc >= baseline.latest-0.5%", "acc", ">=", "latest", "-", 0.5, True)),
    ("acc >= baseline * 0.98", Gate("acc >= baseline * 0.98", "acc", ">=", "baseline", "*", 0.98)),
    ("acc >= baseline + 1 %", Gate("acc >= baseline + 1 %", "acc", ">=", "baseline", "+", 1, True)),
    ("acc >= 0.9 with 95% confidence", Gate("acc >= 0.9 with 95% confidence", "acc", ">=", amount=0.9, confidence=95)),
    (
        "acc > baseline with 99.5 % confidence",
        Gate("acc > baseline with 99.5 % confidence", "acc", ">", "baseline", confidence=99.5),
    ),
    (
        "acc >= baseline.mean - 1% with  50%  confidence",
        Gate("acc >= baseline.mean - 1% with  50%  confidence", "acc", ">=", "mean", "-", 1, True, 50),
    ),
    ("f <= 0.949999988079071", Gate("f <= 0.949999988079071", "f", "<=", amount=0.95)),
    ("baseline >= baseline", Gate("baseline >= baseline", "baseline", ">=", "baseline")),
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
        "acc >= 1 with confidence",
        "acc >= 1 with 95 confidence",
        "acc >= 1 with 95%",
        "acc >= 1 with95% confidence",
        "acc >= 1 with 95% confidence!",
    ],
)
def test_a_line_that_is_no_gate_is_named_by_its_number(line: str) -> None:
    with pytest.raises(ValueError, match=r"^line 2 is no gate"):
        parse(["acc >= 1", line])


REFUSED = [
    ("acc >= 1 with 49% confidence", "asks for 49% confidence"),
    ("acc >= 1 with 100% confidence", "give 50% to 99.9%"),
    ("acc >= 1 with 0.95% confidence", "asks for 0.95% confidence"),
    ("acc >= 1 with -95% confidence", "asks for -95% confidence"),
    ("acc >= 1 with 1e9% confidence", "95% is common"),
    ("acc == baseline with 95% confidence", "use >=, <=, > or <, not =="),
    ("acc != 1 with 95% confidence", "not !="),
]


@pytest.mark.parametrize(("line", "reason"), REFUSED, ids=[line for line, _ in REFUSED])
def test_confidence_that_no_seeds_can_give_is_refused_with_the_reason(line: str, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)) as refusal:
        parse(["acc >= 1", line])
    assert str(refusal.value).startswith("line 2 asks for")


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
