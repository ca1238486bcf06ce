"""Text that leaves the action: CSV cells, figures, curves."""

from __future__ import annotations

import csv
import io
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_actions.core.runs import MISSING, Run
from mlops_actions.wandb_runs import curves, spreadsheet
from mlops_actions.wandb_runs.format import as_json, as_text, format_number, format_percent, table_cell

FINITE = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12)


def run(**fields: object) -> Run:
    given_fields = {"id": "i", "name": "n", "state": "finished", "url": "u", "entity": "e", "project": "p", **fields}
    return Run(**given_fields)  # type: ignore[arg-type]


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
def test_figures(value, text):
    shown = format_number(value)
    assert shown == text or (value == 1e300 and float(shown) == value)


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0.00 %"), (1.005, "+1.00 %"), (-0.004, "−<0.01 %"), (250.4, "+250 %"), (-12.5, "−12.50 %")]
)
def test_percentages(value, text):
    assert format_percent(value) == text


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20), st.lists, max_leaves=5))
def test_any_value_is_one_cell_of_a_table(value):
    cell = table_cell(value)
    assert "\n" not in cell
    assert not re.search(r"(?<!\\)\|", cell)


@given(st.text(max_size=30), st.text(max_size=30), st.lists(st.text(max_size=10), max_size=3))
def test_any_text_is_read_back_from_the_file_and_no_cell_is_a_formula(name, note, tags):
    text = spreadsheet.render(
        [run(name=name, description=note, tags=tuple(tags))], [], metrics=[], config_keys=[], sha_config_key="github_sha"
    )
    header, row = list(csv.reader(io.StringIO(text, newline="")))
    assert len(row) == len(header)
    cells = dict(zip(header, row, strict=True))
    assert cells["run.name"] in (seen := name.replace("\r\n", "\n").replace("\r", "\n"), f"'{seen}")
    for key in ("run.name", "run.description"):
        assert not cells[key].startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\t=1", " =1", "\ufeff=1", "\r=1", "\n=1"])
def test_formulas_are_quoted(cell):
    text = spreadsheet.render([run(name=cell)], [], metrics=[], config_keys=[], sha_config_key="github_sha")
    assert next(csv.DictReader(io.StringIO(text, newline="")))["run.name"] == "'" + cell.replace("\r", "\n")


def test_numbers_are_no_formulas():
    text = spreadsheet.render(
        [run(summary={"a": -0.5, "b": 10**400})], [], metrics=["a", "b"], config_keys=[], sha_config_key="github_sha"
    )
    row = next(csv.DictReader(io.StringIO(text)))
    assert row["a"] == "-0.5"
    assert row["b"].startswith("1000")


def test_unfinished_runs_are_not_in_the_file():
    text = spreadsheet.render(
        [run(state="running"), run(id="x")], [run(state="failed")], metrics=[], config_keys=[], sha_config_key="github_sha"
    )
    assert [row["run.id"] for row in csv.DictReader(io.StringIO(text))] == ["x"]


def drawn(*series: list[tuple[float, float]], metric: str = "loss") -> str:
    return curves.chart(metric, [curves.Curve(f"run{index}", points) for index, points in enumerate(series)])


@given(st.lists(st.lists(st.tuples(st.integers(0, 10_000).map(float), FINITE), max_size=40), min_size=1, max_size=8))
def test_any_curves_make_a_chart_that_mermaids_lexer_takes(series):
    chart = drawn(*series)
    kept = [points for points in series if len({step for step, _ in points}) > 1][: curves.MAX_CURVES]
    lines = re.findall(r"^  line \[(.*)\]$", chart, re.MULTILINE)
    assert len(lines) == len(kept)
    for line in lines:
        numbers = line.split(", ")
        assert len(numbers) == curves.POINTS
        assert all(re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", number) for number in numbers)
    assert chart.count("🟦") == bool(kept)


def test_a_curve_is_interpolated_and_flat_beyond_its_end():
    chart = drawn([(0, 0.0), (29, 29.0)], [(0, 5.0), (10, 5.0)])
    first, second = re.findall(r"^  line \[(.*)\]$", chart, re.MULTILINE)
    assert first.split(", ") == [str(value) for value in range(30)]
    assert set(second.split(", ")) == {"5"}
    assert "run1 (ends at step 10, flat from there)" in chart


def test_nothing_to_draw_is_nothing():
    assert drawn([]) == drawn([(1, 1.0)]) == drawn([(1, 1.0), (1, 2.0)]) == drawn([(0, math.nan), (1, 1.0)]) == ""


def test_a_hostile_metric_name_stays_in_its_quotes():
    chart = drawn([(0, 1.0), (1, 2.0)], metric='x"\n```\n<script>; click A "javascript:1"')
    assert chart.count("```") == 2
    title = next(line for line in chart.splitlines() if line.startswith("  title"))
    assert re.fullmatch(r'  title "[^"<>`]*"', title)


def test_what_is_missing():
    assert table_cell(MISSING) == table_cell(None) == "–"
    assert as_text(MISSING) == ""
    assert as_json({"a": [math.nan, math.inf, (1, MISSING)]}) == {"a": ["NaN", "Infinity", [1, None]]}
