"""Student's t distribution against published tables."""

from __future__ import annotations

import math

import pytest

from mlops_actions.core.statistics.student import critical, two_sided

# Abramowitz and Stegun, Handbook of Mathematical Functions, table 26.10 (here by the upper tail).
UPPER = {
    1: (3.078, 6.314, 12.706, 31.821, 63.657, 318.309),
    2: (1.886, 2.920, 4.303, 6.965, 9.925, 22.327),
    3: (1.638, 2.353, 3.182, 4.541, 5.841, 10.215),
    4: (1.533, 2.132, 2.776, 3.747, 4.604, 7.173),
    5: (1.476, 2.015, 2.571, 3.365, 4.032, 5.893),
    8: (1.397, 1.860, 2.306, 2.896, 3.355, 4.501),
    10: (1.372, 1.812, 2.228, 2.764, 3.169, 4.144),
    18: (1.330, 1.734, 2.101, 2.552, 2.878, 3.610),
    30: (1.310, 1.697, 2.042, 2.457, 2.750, 3.385),
    120: (1.289, 1.658, 1.980, 2.358, 2.617, 3.160),
}
TAILS = (0.10, 0.05, 0.025, 0.01, 0.005, 0.001)
TABLE = [(freedom, tail, value) for freedom, row in UPPER.items() for tail, value in zip(TAILS, row, strict=True)]


@pytest.mark.parametrize(("freedom", "tail", "value"), TABLE)
def test_critical_values_are_those_of_the_table(freedom: int, tail: float, value: float) -> None:
    assert critical(2 * tail, freedom) == pytest.approx(value, abs=0.00051)
    assert two_sided(value, freedom) == pytest.approx(2 * tail, rel=0.002)


@pytest.mark.parametrize("freedom", [1, 1.5, 2.7, 4, 7.3, 18, 200])
@pytest.mark.parametrize("error", [0.9, 0.5, 0.1, 0.05, 0.005, 0.0005, 1e-6])
def test_both_functions_are_inverse_to_each_other(freedom: float, error: float) -> None:
    assert two_sided(critical(error, freedom), freedom) == pytest.approx(error, rel=1e-8)


@pytest.mark.parametrize("value", [0.0, 1e-9, 0.3, 1, 7, 1e4, 1e160])
def test_one_and_two_degrees_of_freedom_have_a_closed_form(value: float) -> None:
    assert two_sided(value, 1) == pytest.approx(1 - 2 / math.pi * math.atan(value), rel=1e-9, abs=1e-12)
    assert two_sided(-value, 2) == pytest.approx(1 - value / math.hypot(math.sqrt(2), value), rel=1e-9, abs=1e-12)
