"""Values as text: numbers, percentages, cells and JSON."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_actions.core.runs import MISSING
from mlops_actions.wandb_runs.report.numbers import format_number, format_percent, table_cell
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
        (1e300, "1" + "0" * 300),
    ],
)
def test_numbers_are_formatted_with_significant_digits(value: Any, text: str) -> None:
    shown = format_number(value)
    assert shown == text or (value == 1e300 and float(shown) == value)


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
