"""Numbers that were logged as float32 are compared as the number that was logged."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_actions.core.float32 import as_logged
from mlops_actions.core.runs import finite_number


def widened(value: float) -> float:
    """A float32 as it arrives from a tracker that stores 64 bits."""
    (number,) = struct.unpack("f", struct.pack("f", value))
    return float(number)


CASES = [
    ("a float32 is the decimal that was logged", 0.949999988079071, 0.95),
    ("a negative one, too", -0.949999988079071, -0.95),
    ("a third is no short decimal: nine digits are enough", widened(1 / 3), 0.33333334),
    ("a tiny one", widened(1e-45), 1e-45),
    ("the largest", widened(3.4e38), 3.4e38),
    ("a float64 stays as it is", 0.95, 0.95),
    ("a float64 that is no float32 stays, whatever its length", 1 / 3, 1 / 3),
    ("a mean of float32 values is a float64", (widened(0.9) + widened(0.7) + widened(0.6)) / 3, None),
    ("a fraction that both hold exactly stays", 973 / 1024, 0.9501953125),
    ("half precision lost what it lost", 0.89990234375, 0.89990234375),
    ("a whole number", 123456789.0, 123456789.0),
    ("beyond float32", 1e308, 1e308),
    ("zero", 0.0, 0.0),
]


@pytest.mark.parametrize(("value", "logged"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_widened_float32_is_the_number_that_was_logged(value: float, logged: float | None) -> None:
    assert as_logged(value) == (value if logged is None else logged)
    assert finite_number(value) == as_logged(value)


@pytest.mark.parametrize("digits", [1, 2, 3, 4, 5, 6])
def test_every_decimal_of_up_to_six_digits_survives_float32(digits: int) -> None:
    step = max(1, 10**digits // 5000)
    for number in range(1, 10**digits, step):
        assert as_logged(widened(number / 10**digits)) == number / 10**digits


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=2, max_size=2))
def test_the_order_of_two_float32_is_kept(pair: list[float]) -> None:
    low, high = sorted(pair)
    assert (as_logged(low) < as_logged(high)) == (low < high)
