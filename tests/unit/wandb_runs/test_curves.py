"""Learning curves as mermaid charts: which values a chart draws, and what stands beside it in words."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_actions.core.runs import Points
from mlops_actions.wandb_runs.report import curves
from mlops_actions.wandb_runs.report.curve_points import Curve

NAN, INF = math.nan, math.inf
FALLING = [(step, 1 / (step + 1)) for step in range(200)]
RISING = [(step, 0.5 + step / 1000) for step in range(200)]


@dataclass(frozen=True)
class Chart:
    """One mermaid chart, parsed."""

    title: str
    labels: list[str]
    y_axis: tuple[float, float]
    scale: str
    lines: list[list[float]]


def parsed(text: str) -> list[Chart]:
    """Parse every chart of a text, and check that mermaid's lexer takes each number."""
    charts = []
    for block in re.findall(r"^```mermaid\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        (title,) = re.findall(r'^  title "(.*)"$', block, re.MULTILINE)
        (labels,) = re.findall(r'^  x-axis "step" \[(.*)\]$', block, re.MULTILINE)
        ((scale, low, high),) = re.findall(r'^  y-axis (?:"(.*)" )?(\S+) --> (\S+)$', block, re.MULTILINE)
        lines = [line.split(", ") for line in re.findall(r"^  line \[(.*)\]$", block, re.MULTILINE)]
        assert all(
            re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", number) for number in (low, high, *(n for line in lines for n in line))
        )
        values = [[float(number) for number in line] for line in lines]
        charts.append(Chart(title, re.findall(r'"([^"]*)"', labels), (float(low), float(high)), scale, values))
    return charts


def drawn(*series: Points, metric: str = "loss") -> str:
    return curves.chart(metric, [Curve.of(f"run{index}", points) for index, points in enumerate(series)])


def noisy(count: int, *, base: float = 0.5, width: float = 0.01, every: float = 1) -> list[tuple[float, float]]:
    return [(step * every, base + width * math.sin(step * 12.9898) * math.cos(step * 78.233)) for step in range(count)]


def changed(points: Points, values: dict[int, float]) -> list[tuple[float, float]]:
    """Return the points with other values at some steps."""
    return [(step, values.get(int(step), value)) for step, value in points]


@dataclass(frozen=True)
class Case:
    """Histories, and what their chart draws and says. `lengths` are the numbers of values of each line, chart by chart."""

    name: str
    series: Sequence[Points]
    drawn: Sequence[float] = ()
    absent: Sequence[float] = ()
    lengths: Sequence[Sequence[int]] | None = None
    axis: tuple[float, float] | None = None
    labels: Sequence[str] = ()
    says: Sequence[str] = ()
    silent: Sequence[str] = ()


CASES = (
    Case("a short curve is drawn value by value", [[(0, 0.9), (1, 0.5), (2, 0.4)]], drawn=(0.9, 0.5, 0.4), lengths=[[3]]),
    Case("the steps stand below the places", [[(0, 1), (10, 2), (20, 3)]], labels=("0", "10", "20")),
    Case("steps need not be whole", [[(0.25, 1), (0.5, 2)]], labels=("0.25", "0.5")),
    Case("negative steps", [[(-10, 1), (0, 2)]], labels=("-10", "0")),
    Case("points in any order", [[(2, 3.0), (0, 1.0), (1, 2.0)]], labels=("0", "1", "2"), lengths=[[3]]),
    Case("the last value of a step counts", [[(0, 1.0), (1, 5.0), (1, 2.0)]], drawn=(2,), absent=(5,)),
    Case(
        "a spike among a thousand",
        [changed(noisy(1000), {417: 1000.0})],
        drawn=(1000,),
        says=("1000 (417)", "Most values are between 0.49"),
    ),
    Case("a dip", [changed(noisy(1000), {613: -3.0})], drawn=(-3,), says=("-3 (613)",)),
    Case("a spike at the second step is no fall", [changed(noisy(300), {1: 80.0})], drawn=(80,), silent=("not drawn",)),
    Case("a spike in the last value", [changed(noisy(300), {299: 7.0})], drawn=(7,)),
    Case("two spikes side by side", [changed(noisy(1000), {500: 9.0, 501: -9.0})], drawn=(9, -9)),
    Case("the first and the last value of a long curve", [RISING], drawn=(0.5, 0.699), labels=("0", "199")),
    Case(
        "the fall of a loss is left out, and that is said",
        [FALLING],
        absent=(1.0,),
        says=("Steps before 7 are not drawn: their values, from 0.1429 to 1, would flatten all others.",),
    ),
    Case(
        "the rise of an accuracy too",
        [[(step, 0.9 - 0.9 / (step + 1) ** 2) for step in range(200)]],
        absent=(0.0,),
        says=("are not drawn: their values, from 0 to",),
    ),
    Case("the axis shows the difference", [noisy(50, base=0.91), noisy(50, base=0.92)], axis=(0.899, 0.931)),
    Case("an axis of a loss does not go below zero", [[(0, 1.0), (1, 0.01)]], axis=(0, 1.0495)),
    Case("an axis of negative values does not go above zero", [[(0, -1.0), (1, -0.01)]], axis=(-1.0495, 0)),
    Case("an axis across zero", [[(0, -1.0), (1, 1.0)]], axis=(-1.1, 1.1)),
    Case("a constant curve", [[(0, 0.5), (1, 0.5), (2, 0.5)]], axis=(0.475, 0.525), lengths=[[3]]),
    Case("a long constant curve needs one place a part", [[(step, 2.0) for step in range(1000)]], lengths=[[32]]),
    Case("constant at zero", [[(0, 0.0), (1, 0.0)]], axis=(-1, 1)),
    Case("tiny values are scaled", [[(0, 1e-12), (1, 5e-12)]], drawn=(1, 5)),
    Case("huge values are scaled", [[(0, 2e15), (1, 3e15)]], drawn=(2, 3)),
    Case("huge and close together", [[(0, 1e15), (1, 1e15 + 1e9)]], drawn=(1, 1.000001)),
    Case("beyond what can be subtracted", [[(0, 1e308), (1, 1.0), (2, 2.0)]], says=("∞ at step 0",), lengths=[[2]]),
    Case(
        "a run that ended earlier has a shorter line",
        [noisy(50), noisy(20, base=0.6)],
        lengths=[[50, 20]],
        says=("ends at step 19",),
    ),
    Case(
        "a run that turned NaN has a shorter line",
        [noisy(50), [*noisy(20, base=0.6), *((step, NAN) for step in range(20, 50))]],
        lengths=[[50, 20]],
        says=("NaN at 30 steps from 20 to 49, no finite value after that", "ends at step 19"),
    ),
    Case(
        "a single run that turned NaN",
        [[(0, 0.3), (1, 0.2), (2, NAN), (3, NAN)]],
        lengths=[[2]],
        labels=("0", "1"),
        says=("NaN at 2 steps from 2 to 3, no finite value after that",),
    ),
    Case(
        "one NaN is bridged by its neighbours",
        [[(0, 3.0), (1, 2.0), (2, NAN), (3, 1.0)]],
        lengths=[[3]],
        drawn=(3, 2, 1),
        says=("NaN at step 2",),
    ),
    Case(
        "one NaN hides no value of another run",
        [changed(noisy(20), {7: NAN}), changed(noisy(20, base=0.6), {7: 0.9})],
        drawn=(0.9,),
        says=("NaN at step 7",),
    ),
    Case(
        "after a wide gap another chart begins",
        [[(step, NAN if 20 <= step < 40 else 1.0 + step) for step in range(60)]],
        lengths=[[20], [20]],
        says=("NaN at 20 steps from 20 to 39",),
    ),
    Case("infinity", [[(0, 1.0), (1, 2.0), (2, INF)]], says=("∞ at step 2, no finite value after that",), lengths=[[2]]),
    Case("minus infinity and NaN", [[(0, 1.0), (1, -INF), (2, NAN), (3, 2.0)]], says=("-∞ and NaN at 2 steps from 1 to 2",)),
    Case("nothing but NaN", [[(0, NAN), (1, NAN)], noisy(5)], lengths=[[5]], says=("only NaN, no line",)),
    Case(
        "a single point stands in the table",
        [[(3, 0.25)], noisy(5)],
        lengths=[[5]],
        says=("(3)", "a single finite value"),
    ),
    Case("a single point alone", [[(3, 0.25)]], lengths=[], says=("0.25 (3)", "a single finite value, no line")),
    Case(
        "a run that starts later has a chart of its own beside the others",
        [noisy(60), [(step + 30, value) for step, value in noisy(30, base=0.6)]],
        lengths=[[60], [30, 30]],
        says=("starts at step 30",),
    ),
    Case(
        "a run that starts a little later starts with the others",
        [noisy(60), noisy(60, base=0.6)[2:]],
        lengths=[[60, 60]],
        says=("starts at step 2",),
    ),
    Case(
        "steps that take turns",
        [[(step, 1.0 + step) for step in range(0, 20, 2)], [(step, 50.0 + step) for step in range(1, 20, 2)]],
        drawn=(*range(1, 20, 2), *range(51, 70, 2)),
    ),
    Case(
        "a curve that is logged seldom keeps its values",
        [noisy(200), [(0, 0.8), (50, 0.7), (100, 0.6), (150, 0.9)]],
        drawn=(0.8, 0.7, 0.6, 0.9),
        says=("logged seldom: level between its values", "ends at step 150"),
    ),
    Case(
        "steps that double", [[(2**power, 30.0 - power) for power in range(20)]], says=("not evenly spaced",), lengths=[[20]]
    ),
    Case(
        "a long history of steps that lie close together at first",
        [[(1.2**power, 300.0 - power) for power in range(100)]],
        says=("not evenly spaced",),
        drawn=(300, 201),
    ),
    Case("even steps are not mentioned", [noisy(400)], silent=("evenly spaced", "points of a history")),
    Case("a history that was thinned", [noisy(1000)], says=("At most 1000 points of a history were read",)),
    Case("curves that agree", [noisy(20), noisy(20)], lengths=[[20, 20]], silent=("remarks",)),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_chart_draws_logged_values_and_says_the_rest(case: Case) -> None:
    text = drawn(*case.series)
    charts = parsed(text)
    shown = [value for chart in charts for line in chart.lines for value in line]
    assert not [value for value in case.drawn if not any(math.isclose(value, other, rel_tol=1e-9) for other in shown)]
    assert not [value for value in case.absent if any(math.isclose(value, other, rel_tol=1e-9) for other in shown)]
    if case.lengths is not None:
        assert [[len(line) for line in chart.lines] for chart in charts] == case.lengths
    if case.axis:
        assert charts[0].y_axis == pytest.approx(case.axis, abs=0.001)
    visible = [label for label in charts[0].labels if label.isprintable()] if charts else []
    assert {*case.labels} <= {*visible}
    assert [sentence for sentence in case.says if sentence not in text] == []
    assert [sentence for sentence in case.silent if sentence in text] == []


FINITE = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12)
ANY = st.one_of(FINITE, st.sampled_from([NAN, INF, -INF]))
HISTORY = st.lists(st.tuples(st.integers(0, 500).map(float), ANY), max_size=150)


@given(st.lists(HISTORY, min_size=1, max_size=8))
def test_any_histories_make_charts_of_logged_values(series: list[list[tuple[float, float]]]) -> None:
    text = drawn(*series)
    logged = [value for points in series for _, value in points if math.isfinite(value)]
    for chart in parsed(text):
        assert len(set(chart.labels)) == len(chart.labels), "mermaid gives equal labels one place"
        assert max(len(line) for line in chart.lines) == len(chart.labels)
        unit = 10 ** float(match[1]) if (match := re.search(r"10#94;(-?\d+)", chart.scale)) else 1.0
        low, high = chart.y_axis
        for line in chart.lines:
            assert all(low <= value <= high for value in line)
            tolerance = (high - low) * unit * 1e-4
            assert all(any(abs(value * unit - other) <= tolerance for other in logged) for value in line)


@given(st.lists(st.lists(FINITE, min_size=61, max_size=400), min_size=1, max_size=3))
def test_the_extremes_and_the_last_values_of_whole_histories_are_drawn(series: list[list[float]]) -> None:
    histories = [[(float(step), value) for step, value in enumerate(values)] for values in series]
    text = drawn(*histories)
    (chart,) = parsed(text)
    unit = 10 ** float(match[1]) if (match := re.search(r"10#94;(-?\d+)", chart.scale)) else 1.0
    tolerance = (chart.y_axis[1] - chart.y_axis[0]) * unit * 1e-4
    for line, values in zip(chart.lines, series, strict=True):
        extremes = [] if "are not drawn" in text else [min(values), max(values), values[0]]
        for expected in (*extremes, values[-1]):
            assert any(abs(value * unit - expected) <= tolerance for value in line)
        assert abs(line[-1] * unit - values[-1]) <= tolerance


def group(*runs: Points, label: str = "group") -> Curve:
    return Curve.of(label, *runs)


def test_a_group_is_its_mean_between_its_lowest_and_highest_values() -> None:
    text = curves.chart("loss", [group([(0, 1.0), (1, 0.5)], [(0, 2.0), (1, 0.7)], [(0, 6.0), (1, 0.6)])])
    (chart,) = parsed(text)
    assert chart.lines == [[1.0, 0.5], [6.0, 0.7], [3.0, 0.6]]
    assert "| 🟦 group | 3 (1 to 6) | 0.6 (0.5 to 0.7) | 0.5 (1) | 6 (0) | 3 runs |" in text
    assert "The middle line of a group is the mean of its runs" in text


def test_a_group_ends_where_the_first_of_its_runs_ends() -> None:
    longer, shorter = noisy(50), noisy(30)
    text = curves.chart("loss", [group(longer, shorter)])
    (chart,) = parsed(text)
    assert {len(line) for line in chart.lines} == {30}
    assert "2 runs; ends at step 29" in text


def test_a_group_with_a_run_that_turned_nan_ends_there() -> None:
    text = curves.chart("loss", [group(noisy(50), changed(noisy(50), dict.fromkeys(range(25, 50), NAN)))])
    (chart,) = parsed(text)
    assert {len(line) for line in chart.lines} == {25}
    assert "2 runs; NaN at 25 steps from 25 to 49, no finite value after that" in text


def test_a_group_that_lacks_a_history_has_no_mean() -> None:
    text = curves.chart("loss", [group(noisy(50), [], noisy(50)), Curve.of("other", noisy(50))])
    (chart,) = parsed(text)
    assert len(chart.lines) == 1
    assert "3 runs; 1 without a history of finite values, no line" in text


def test_of_many_groups_only_the_means_are_drawn() -> None:
    text = curves.chart("loss", [group(noisy(20, base=base), noisy(20, base=base + 0.5)) for base in range(4)])
    (chart,) = parsed(text)
    assert len(chart.lines) == 4
    assert "The line of a group is the mean of its runs." in text


def test_a_metric_that_no_run_logged_has_no_chart() -> None:
    assert drawn() == drawn([]) == drawn([], []) == ""


def test_more_curves_than_colours_are_left_out() -> None:
    (chart,) = parsed(drawn(*[noisy(5, base=base) for base in range(9)]))
    assert len(chart.lines) == curves.MAX_CURVES


def test_a_hostile_metric_name_stays_in_its_quotes() -> None:
    chart = drawn([(0, 1.0), (1, 2.0)], metric='x"\n```\n<script>; click A "javascript:1"')
    assert chart.count("```") == 2
    title = next(line for line in chart.splitlines() if line.startswith("  title"))
    assert re.fullmatch(r'  title "[^"<>`]*"', title)
