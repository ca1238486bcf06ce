"""Numbers are computed and compared as the decimals that people read and log."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_actions.core.decimals import mean, percent, significant, subtract

FINITE = st.floats(allow_nan=False, allow_infinity=False)

SIGNIFICANT = [
    (0.1 + 0.2, 0.3),
    (0.8000000000000002, 0.8),
    (-0.7999999999999999, -0.8),
    (0.123456789012345, 0.123456789012345),
    (1.0, 1.0),
    (2.0**53 + 2, 9007199254740994.0),
    (4503599627370497.5, 4503599627370498.0),
    (1e308, 1e308),
    (1.7976931348623157e308, 1.7976931348623157e308),
    (1.2345678901234567e-300, 1.23456789012346e-300),
    (5e-324, 5e-324),
    (math.inf, math.inf),
    (-math.inf, -math.inf),
]


@pytest.mark.parametrize(("value", "expected"), SIGNIFICANT, ids=str)
def test_more_digits_than_a_float_can_hold_are_dropped_and_integers_keep_all(value: float, expected: float) -> None:
    assert significant(value) == expected
    assert significant(expected) == expected


def test_what_is_no_number_stays_none() -> None:
    assert math.isnan(significant(math.nan))


@given(FINITE, FINITE)
def test_the_order_of_numbers_is_kept(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert significant(low) <= significant(high)
    assert (subtract(high, low) == 0) == (significant(high) == significant(low))


MEANS = [
    ([0.8, 0.8, 0.8], 0.8),
    ([0.81] * 5, 0.81),
    ([0.1, 0.2, -0.3], 0.0),
    ([0.1, 0.2, 0.3], 0.2),
    ([1e308, 1e308], 1e308),
    ([1e308, 1.0, -1e308], 1 / 3),
    ([5e-324, 5e-324], 5e-324),
    ([-0.7, 0.7], 0.0),
    ([9007199254740993, 9007199254740993], 9007199254740992.0),
]


@pytest.mark.parametrize(("values", "expected"), MEANS, ids=str)
def test_the_mean_is_that_of_the_decimals(values: list[float], expected: float) -> None:
    assert mean(values) == expected


@given(FINITE, st.integers(1, 20))
def test_the_mean_of_equal_numbers_is_this_number(value: float, count: int) -> None:
    assert mean([value] * count) == value


@given(st.lists(st.decimals(-1000, 1000, places=4), min_size=1, max_size=10))
def test_the_mean_is_the_float_nearest_to_the_exact_one(values: list[float]) -> None:
    exact = sum(map(Fraction, values), Fraction()) / len(values)
    assert mean([float(value) for value in values]) == float(exact)


DIFFERENCES = [
    (0.3, 0.2, 0.1, 50.0),
    (0.1 + 0.2, 0.3, 0.0, 0.0),
    (0.891, 0.9, -0.009, -1.0),
    (-0.2, -0.1, -0.1, -100.0),
    (110.0, 100.0, 10.0, 10.0),
    (1.0, 0.0, 1.0, None),
    (1.0, -0.0, 1.0, None),
    (1e308, -1e308, math.inf, math.inf),
    (1e300, 1e-300, 1e300, math.inf),
    (9007199254740994.0, 9007199254740992.0, 2.0, 2.220446049250313e-14),
]


@pytest.mark.parametrize(("value", "reference", "difference", "relative"), DIFFERENCES, ids=str)
def test_differences_are_those_of_the_decimals(
    value: float, reference: float, difference: float, relative: float | None
) -> None:
    assert subtract(value, reference) == difference
    assert percent(value, reference) == (relative if relative is None else pytest.approx(relative, rel=1e-15))
