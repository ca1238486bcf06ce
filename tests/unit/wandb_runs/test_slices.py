"""Slices of a metric: which patterns name them, their order, and what the table says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_actions.core.runs import MISSING, Run
from mlops_actions.wandb_runs.differences import beyond_noise, compare, of_members
from mlops_actions.wandb_runs.metrics.metric import Metric
from mlops_actions.wandb_runs.report.slices import OPEN_ROWS, slice_patterns, slices_of, slices_table

PATTERN = "eval/*/acc"
PATTERNS = {
    "text on both sides": ("eval/*/accuracy", True),
    "a dot": ("eval.*.accuracy", True),
    "two stars": ("eval/*/*/accuracy", True),
    "the end is open": ("eval/*", False),
    "the start is open": ("*/accuracy", False),
    "no star": ("accuracy", False),
    "only a star": ("*", False),
    "a star at both ends": ("*acc*", False),
}


@pytest.mark.parametrize(("pattern", "names_slices"), PATTERNS.values(), ids=PATTERNS)
def test_a_star_in_the_middle_names_slices(pattern: str, names_slices: bool) -> None:
    assert slice_patterns([pattern]) == ((pattern,) if names_slices else ())


def run(values: Mapping[str, Any]) -> Run:
    summary = {f"eval/{name}/acc": value for name, value in values.items() if value is not MISSING}
    return Run(id="r", name="r", state="finished", url="", entity="e", project="p", summary=summary)


def table(ours: Mapping[str, Any], theirs: Mapping[str, Any] | None, direction: str = "max") -> str:
    names = dict.fromkeys([*ours, *(theirs or {})])
    metrics = [Metric(f"eval/{name}/acc", direction) for name in names]
    candidate, bar = run(ours), None if theirs is None else run(theirs)
    rows = compare(candidate, [bar] if bar else [], metrics, bar)
    return slices_table(slices_of(PATTERN, rows, bar), Metric(PATTERN, direction)).replace("\u00a0", " ")


ORDERS: dict[str, tuple[dict[str, Any], dict[str, Any] | None, str, list[str]]] = {
    "most lost first": ({"a": 0.9, "b": 0.5, "c": 0.7}, {"a": 0.8, "b": 0.6, "c": 0.75}, "max", ["b", "c", "a"]),
    "not the lowest value, the largest loss": ({"a": 0.1, "b": 0.8}, {"a": 0.1, "b": 0.9}, "max", ["b", "a"]),
    "less is better": ({"a": 2.0, "b": 1.0}, {"a": 1.0, "b": 1.0}, "min", ["a", "b"]),
    "vanished before lost": ({"a": 0.5, "b": MISSING}, {"a": 0.9, "b": 0.9}, "max", ["b", "a"]),
    "NaN is vanished": ({"a": 0.5, "b": "NaN"}, {"a": 0.9, "b": 0.9}, "max", ["b", "a"]),
    "new ones last": ({"a": 0.1, "b": 0.9}, {"b": 0.8}, "max", ["b", "a"]),
    "without a bar the worst value": ({"a": 0.9, "b": 0.5}, None, "max", ["b", "a"]),
    "without a bar, less is better": ({"a": 0.1, "b": 0.5}, None, "min", ["b", "a"]),
    "without a direction as they are": ({"b": 0.5, "a": 0.9}, {"b": 0.5, "a": 0.5}, "", ["b", "a"]),
}


@pytest.mark.parametrize(("ours", "theirs", "direction", "order"), ORDERS.values(), ids=ORDERS)
def test_the_worst_slice_comes_first(ours: Any, theirs: Any, direction: str, order: list[str]) -> None:
    rows = [line.split("|")[1].strip(" `") for line in table(ours, theirs, direction).splitlines() if line.startswith("| `")]
    assert rows == order


def test_numbers_are_aligned_and_differences_said_in_words() -> None:
    text = table({"cat": 0.5, "dog": 0.905, "new": 0.7}, {"cat": 0.75, "dog": 0.9, "gone": 0.25})
    assert text.splitlines() == [
        "**Slices of** `eval/*/acc` ↑: 2 of 4 slices worse than the bar, the worst first",
        "",
        "| Slice | Candidate | Bar |  |",
        "| :--- | ---: | ---: | :--- |",
        "| `gone` | – | 0.250 | 🔴 vanished |",
        "| `cat` | 0.500 | 0.750 | −0.250 (−33.33 %) 🔴 worse |",
        "| `dog` | 0.905 | 0.900 | +0.005 (+0.56 %) 🟢 better |",
        "| `new` | 0.700 | – | new |",
    ]


TITLES = {
    "none worse": ({"a": 1.0}, {"a": 1.0}, "max", "none of 1 slice worse than the bar, the worst first"),
    "no bar": ({"a": 1.0, "b": 2.0}, None, "max", "2 slices, the worst first"),
    "no direction": ({"a": 1.0}, {"a": 2.0}, "", "1 slice, whose direction is not known"),
}


@pytest.mark.parametrize(("ours", "theirs", "direction", "title"), TITLES.values(), ids=TITLES)
def test_the_title_counts_what_is_worse(ours: Any, theirs: Any, direction: str, title: str) -> None:
    assert table(ours, theirs, direction).splitlines()[0].endswith(title)


NOISE: dict[str, tuple[bool | None, float | None, str, str]] = {
    "better by more": (True, 0.75, "+0.25 (+50.00 %) 🟢 better", "none of 1 slice worse than the bar by more than noise"),
    "worse by more": (False, 0.25, "−0.25 (−50.00 %) 🔴 worse", "1 of 1 slice worse than the bar by more than noise"),
    "no more than noise": (None, 0.25, "−0.25 (−50.00 %)", "none of 1 slice worse than the bar by more than noise"),
    "vanished": (None, None, "🔴 vanished", "1 of 1 slice worse than the bar by more than noise (1 vanished)"),
}


@pytest.mark.parametrize(("claim", "value", "cell", "title"), NOISE.values(), ids=NOISE)
def test_of_groups_only_what_is_more_than_noise_is_marked(
    claim: bool | None, value: float | None, cell: str, title: str
) -> None:
    metric = Metric("eval/a/acc", "max")
    candidate, bar = run({"a": value}), run({"a": 0.5})
    rows = beyond_noise(compare(candidate, [bar], [metric], bar), {metric.name: claim})
    lines = (
        slices_table(slices_of(PATTERN, rows, bar), replace(metric, name=PATTERN), of_groups=True)
        .replace("\u00a0", " ")
        .splitlines()
    )
    assert lines[0] == f"**Slices of** `{PATTERN}` ↑: {title}, the largest loss first"
    assert lines[-1].endswith(f"| {cell} |")


LACKING: dict[str, tuple[list[float | None], list[float | None], str, str]] = {
    "a candidate's seed": ([0.9, None], [0.5, 0.5], "⚠️ 1 of 2 candidate seeds has no finite value", "none of 1 slice worse"),
    "a baseline's seed": ([0.9, 0.9], [0.5, None], "⚠️ 1 of 2 baseline seeds has no finite value", "none of 1 slice worse"),
    "a seed of both": ([0.9, None], [0.5, None], "⚠️ 1 of 2 candidate seeds has no finite value", "none of 1 slice worse"),
    "every candidate's seed": ([None, None], [0.5, None], "🔴 vanished", "1 of 1 slice worse"),
    "every baseline's seed": ([0.9, 0.9], [None, None], "new", "none of 1 slice worse"),
}


@pytest.mark.parametrize(("ours", "theirs", "cell", "title"), LACKING.values(), ids=LACKING)
def test_a_mean_that_seeds_lack_is_neither_better_nor_worse(
    ours: list[float | None], theirs: list[float | None], cell: str, title: str
) -> None:
    metric = Metric("eval/a/acc", "max")
    sides = [[run({"a": MISSING if value is None else value}) for value in values] for values in (ours, theirs)]
    # As a group: its mean is known where every seed has a value.
    candidate, bar = (run({"a": MISSING if None in values else 1.0}) for values in (ours, theirs))
    rows = of_members(compare(candidate, [bar], [metric], bar), *sides)
    slices = slices_of(PATTERN, [replace(row, bar=None) for row in rows], bar)
    lines = slices_table(slices, replace(metric, name=PATTERN), of_groups=True).replace("\u00a0", " ").splitlines()
    assert title in lines[0]
    assert lines[-1].endswith(f"| {cell} |")


def test_further_slices_are_folded() -> None:
    text = table({f"s{index:02}": index for index in range(30)}, None)
    opened, _, folded = text.partition("<details>")
    assert opened.count("| `s") == OPEN_ROWS
    assert folded.count("| `s") == 30 - OPEN_ROWS
    assert "<summary>22 more slices</summary>" in folded


VALUES = st.none() | st.floats() | st.integers() | st.text(max_size=5)


@given(
    st.dictionaries(st.text(max_size=90), st.tuples(VALUES, VALUES), min_size=1, max_size=12),
    st.sampled_from(["min", "max", ""]),
)
def test_no_slice_breaks_the_table(values: dict[str, tuple[Any, Any]], direction: str) -> None:
    text = table(
        {name: pair[0] for name, pair in values.items()}, {name: pair[1] for name, pair in values.items()}, direction
    )
    assert {line.count("|") for line in text.splitlines() if line.startswith("|")} == {5}
