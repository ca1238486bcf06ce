"""Learning curves as mermaid charts."""

from __future__ import annotations

import math
import re

from hypothesis import given
from hypothesis import strategies as st

from mlops_actions.wandb_runs.report import curves

FINITE = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12)


def drawn(*series: list[tuple[float, float]], metric: str = "loss") -> str:
    return curves.chart(metric, [curves.Curve(f"run{index}", points) for index, points in enumerate(series)])


@given(st.lists(st.lists(st.tuples(st.integers(0, 10_000).map(float), FINITE), max_size=40), min_size=1, max_size=8))
def test_any_curves_make_a_chart_that_mermaids_lexer_takes(series: list[list[tuple[float, float]]]) -> None:
    chart = drawn(*series)
    drawable = [points for points in series if len({step for step, _ in points}) > 1][: curves.MAX_CURVES]
    lines = re.findall(r"^  line \[(.*)\]$", chart, re.MULTILINE)
    assert len(lines) == len(drawable)
    for line in lines:
        numbers = line.split(", ")
        assert len(numbers) == curves.POINTS
        assert all(re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", number) for number in numbers)
    assert chart.count("🟦") == bool(drawable)


def test_a_curve_is_interpolated_and_flat_beyond_its_end() -> None:
    chart = drawn([(0, 0.0), (29, 29.0)], [(0, 5.0), (10, 5.0)])
    first, second = re.findall(r"^  line \[(.*)\]$", chart, re.MULTILINE)
    assert first.split(", ") == [str(value) for value in range(30)]
    assert set(second.split(", ")) == {"5"}
    assert "run1 (ends at step 10, flat from there)" in chart


def test_a_metric_without_two_points_has_no_chart() -> None:
    assert drawn([]) == drawn([(1, 1.0)]) == drawn([(1, 1.0), (1, 2.0)]) == drawn([(0, math.nan), (1, 1.0)]) == ""


def test_a_hostile_metric_name_stays_in_its_quotes() -> None:
    chart = drawn([(0, 1.0), (1, 2.0)], metric='x"\n```\n<script>; click A "javascript:1"')
    assert chart.count("```") == 2
    title = next(line for line in chart.splitlines() if line.startswith("  title"))
    assert re.fullmatch(r'  title "[^"<>`]*"', title)
