"""Values as text: numbers, percentages, cells and JSON."""

from __future__ import annotations

import math
import re
from decimal import Context, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_actions.core.runs import MISSING
from mlops_actions.wandb_runs.report.numbers import NumberFormat, aligned, format_number, format_percent, table_cell
from mlops_actions.wandb_runs.values import as_json, as_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.97221, "0.9722"),
        (123456.789, "123457"),
        (12.0, "12"),
        (1e-9, "1e-09"),
        (-0.5, "-0.5"),
        (math.nan, "NaN"),
        (math.inf, "∞"),
        (-math.inf, "-∞"),
        (3, "3"),
        (1e300, "1e+300"),
        (2**53, "9007199254740992"),
        (10**25, "1e+25"),
    ],
)
def test_numbers_are_formatted_with_significant_digits(value: Any, text: str) -> None:
    shown = format_number(value)
    assert shown == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0.00 %"), (1.005, "+1.00 %"), (-0.004, "−<0.01 %"), (250.4, "+250 %"), (-12.5, "−12.50 %")]
)
def test_percentages_are_formatted_with_their_sign(value: Any, text: str) -> None:
    assert format_percent(value) == text


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20), st.lists, max_leaves=5))
def test_any_value_is_one_cell_of_a_table(value: Any) -> None:
    cell = table_cell(value)
    assert "\n" not in cell
    assert not re.search(r"(?<!\\)\|", cell)


def test_missing_values_have_their_own_form() -> None:
    assert table_cell(MISSING) == table_cell(None) == "–"
    assert as_text(MISSING) == ""
    assert as_json({"a": [math.nan, math.inf, (1, MISSING)]}) == {"a": ["NaN", "Infinity", [1, None]]}


ALIGNED = {
    "four digits of the largest": ([0.97221, 0.5], ["0.9722", "0.5000"]),
    "no zeros that every number has": ([0.9, 0.85], ["0.90", "0.85"]),
    "integers stay integers": ([1200, 3], ["1200", "3"]),
    "floats that are integers, too": ([12.0, 7.0], ["12", "7"]),
    "one fraction gives all decimals": ([12.0, 7.25], ["12.00", "7.25"]),
    "digits until two differ": ([0.912341, 0.912339], ["0.912341", "0.912339"]),
    "a difference in the ninth digit": ([1.00000001, 1.0], ["1.00000001", "1.00000000"]),
    "equal but for binary rounding": ([0.1 + 0.2, 0.3], ["0.3", "0.3"]),
    "equal numbers need no more digits": ([0.123456, 0.123456], ["0.1235", "0.1235"]),
    "magnitudes far apart are not aligned": ([123456.7, 0.00123], ["123457", "0.00123"]),
    "three orders of magnitude are": ([512.5, 0.25], ["512.50", "0.25"]),
    "small ones have an exponent": ([3e-05, 1e-06], ["3e-05", "1e-06"]),
    "small ones that differ late": ([1.23456e-05, 1.23457e-05], ["1.23456e-05", "1.23457e-05"]),
    "huge ones have an exponent": ([1.5e20, 2.5e20], ["1.5e+20", "2.5e+20"]),
    "zero and a fraction": ([0.0, 0.25], ["0.00", "0.25"]),
    "only zero": ([0.0], ["0"]),
    "negative numbers": ([-1.5, 1.25], ["-1.50", "1.25"]),
    "what is no finite number stands beside": (
        [0.5, math.nan, math.inf, MISSING, None, "x"],
        ["0.5", "NaN", "∞", "–", "–", "`x`"],
    ),
    "a truth is no number": ([True, 0.25], ["true", "0.25"]),
    "an integer beyond every float": ([10**400, 0.5], ["a huge number", "0.5"]),
    "nothing": ([], []),
}


@pytest.mark.parametrize(("values", "texts"), ALIGNED.values(), ids=ALIGNED)
def test_numbers_of_a_column_have_the_same_decimals(values: list[Any], texts: list[str]) -> None:
    assert aligned(values) == texts


APART = {
    "any two": ([0.912341, 0.912339, 0.5], None, ["0.912341", "0.912339", "0.500000"]),
    "none": ([0.912341, 0.912339, 0.5], (), ["0.9123", "0.9123", "0.5000"]),
    "those of one pair": ([0.912341, 0.912339, 0.50001], [(0.50001, 0.5)], ["0.91234", "0.91234", "0.50001"]),
}


@pytest.mark.parametrize(("values", "apart", "texts"), APART.values(), ids=APART)
def test_only_numbers_that_are_compared_need_to_look_different(values: list[float], apart: Any, texts: list[str]) -> None:
    assert aligned(values, apart) == texts


DIFFERENCES = {
    "as many decimals as the numbers": (0.9307, 0.91, "+0.0207"),
    "zeros too": (0.25, 0.125, "+0.125"),
    "negative": (1.0, 1.25, "−0.25"),
    "none": (0.5, 0.5, "0"),
    "small ones that are not aligned": (1e-6, 3e-6, "−2e-06"),
    "integers": (12, 5, "+7"),
    "beyond a float": (1.7e308, -1.7e308, "+∞"),
    "what a reader subtracts, not 0.0210": (0.934249, 0.913251, "+0.0209"),
    "nor 0.0208": (0.934151, 0.913349, "+0.0209"),
    "of numbers that are not aligned, too": (1.2345649e-05, 1.2345671e-05, "−1e-10"),
    "of magnitudes far apart": (123456.7, 0.00123, "+123457"),
}


@pytest.mark.parametrize(("value", "reference", "text"), DIFFERENCES.values(), ids=DIFFERENCES)
def test_a_difference_is_written_as_its_numbers_are(value: float, reference: float, text: str) -> None:
    assert NumberFormat.of([value, reference]).difference(value, reference) == text


@given(st.floats(-1e14, 1e14), st.floats(-1e14, 1e14))
def test_a_difference_is_the_one_of_the_shown_numbers(value: float, reference: float) -> None:
    numbers = NumberFormat.of([value, reference])
    shown = Context(prec=50).subtract(Decimal(numbers.text(value)), Decimal(numbers.text(reference)))
    difference = Decimal(numbers.difference(value, reference).replace("−", "-"))
    if numbers.decimals is not None:
        assert difference == shown
    else:
        # Not aligned: as many digits as the numbers have.
        assert abs(difference - shown) <= abs(shown) * Decimal("0.0005")
    assert (difference > 0, difference < 0) == (value > reference, value < reference)


@given(st.lists(st.floats(), min_size=2, max_size=5))
def test_numbers_that_differ_look_different(values: list[float]) -> None:
    texts = dict(zip(values, aligned(values), strict=True))
    finite = {value for value in values if math.isfinite(value)}
    assert len({texts[value] for value in finite}) == len(finite)
