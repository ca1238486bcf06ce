"""The grammar of gates."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_actions.core.decimals import mean
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


EQUAL = [
    ("loss <= baseline - 0.1", 0.2, 0.3),
    ("acc >= baseline + 0.1", 0.3, 0.2),
    ("acc >= baseline * 1.1", 0.11, 0.1),
    ("lat <= baseline * 1.1", 110.0, 100.0),
    ("acc >= baseline - 1%", 0.891, 0.9),
    ("acc >= baseline * 90%", 0.63, 0.7),
    ("acc >= baseline + 10%", -0.63, -0.7),
    ("acc >= baseline - 10%", -0.77, -0.7),
    ("acc >= baseline - 0%", 0.12345678901234567, 0.12345678901234567),
    ("acc >= baseline", 0.12345678901234567, 0.12345678901234567),
    ("acc >= 0.3", 0.1 + 0.2, 0.0),
    ("acc >= baseline * 3", 1.0, 1 / 3),
    ("n >= baseline + 2", 9007199254740994.0, 9007199254740992.0),
    ("n >= baseline * 1.1", 9907919180215092.0, 9007199254740993.0),
    ("x >= baseline * 10", 1e301, 1e300),
    ("x >= baseline * 0.1", 1e-301, 1e-300),
]


@pytest.mark.parametrize(("line", "value", "reference"), EQUAL, ids=[line for line, _, _ in EQUAL])
def test_equal_decimals_compare_as_equal_with_every_operator(line: str, value: float, reference: float) -> None:
    for operator, passes in {">=": True, "<=": True, "==": True, ">": False, "<": False, "!=": False}.items():
        (gate,) = parse([line.replace(">=", operator).replace("<=", operator)])
        assert gate.passes(value, gate.required(reference if gate.reference else gate.amount)) is passes, gate.text


def test_integers_beyond_the_floats_digits_are_told_apart() -> None:
    (gate,) = parse(["n > baseline"])
    assert gate.passes(9007199254740994.0, gate.required(9007199254740992.0))
    assert not gate.passes(9007199254740992.0, gate.required(9007199254740992.0))


@pytest.mark.parametrize("line", ["x >= baseline + 1e999", "x >= baseline * 1e308", "x >= baseline * 1e999"])
@pytest.mark.parametrize("reference", [0.0, 10.0, -1e308])
def test_a_required_number_beyond_all_floats_is_not_finite_and_no_error(line: str, reference: float) -> None:
    (gate,) = parse([line])
    required = gate.required(reference)
    assert not math.isfinite(required) or (reference == 0 and required == 0)


NUMBERS = st.builds(
    lambda digits, places: f"{Decimal(digits).scaleb(-places):f}", st.integers(-999_999, 999_999), st.integers(0, 4)
)
AMOUNTS = NUMBERS.map(lambda text: text.removeprefix("-"))
COMPARED = {">=": Fraction.__ge__, "<=": Fraction.__le__, ">": Fraction.__gt__, "<": Fraction.__lt__}
COMPARED = {**COMPARED, "==": Fraction.__eq__, "!=": lambda one, other: one != other}


def _exact_bar(reference: Fraction, sign: str, amount: Fraction, percent: str) -> Fraction:
    if sign == "*":
        return reference * amount / (100 if percent else 1)
    change = abs(reference) * amount / 100 if percent else amount
    return reference - change if sign == "-" else reference + change if sign else reference


@given(
    baselines=st.lists(NUMBERS, min_size=1, max_size=5),
    amount=AMOUNTS,
    sign=st.sampled_from(["", "+", "-", "*"]),
    percent=st.sampled_from(["", "%"]),
    reference=st.sampled_from(["", ".best", ".mean", ".latest"]),
    other=NUMBERS,
)
def test_a_gate_agrees_with_exact_arithmetic(
    baselines: Sequence[str], amount: str, sign: str, percent: str, reference: str, other: str
) -> None:
    values = [Fraction(text) for text in baselines]
    exact = sum(values, Fraction()) / len(values) if reference == ".mean" else values[0]
    number = mean([float(text) for text in baselines]) if reference == ".mean" else float(baselines[0])
    bar = _exact_bar(exact, sign, Fraction(amount), percent)
    # The number itself, where it is a decimal that a float can hold, and one that is nearly always another.
    candidates = [other, *([str(bar.numerator / Decimal(bar.denominator))] if Fraction(f"{float(bar):.15g}") == bar else [])]
    for text in candidates:
        for operator, compare in COMPARED.items():
            change = f" {sign} {amount}{percent}" if sign else ""
            (gate,) = parse([f"x {operator} baseline{reference}{change}"])
            assert gate.passes(float(text), gate.required(number)) is bool(compare(Fraction(text), bar)), gate.text
            (plain,) = parse([f"x {operator} {amount}"])
            assert plain.passes(float(text), plain.required(plain.amount)) is bool(compare(Fraction(text), Fraction(amount)))
