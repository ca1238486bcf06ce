"""What changed in the config: which keys count, how they are shown, and what is left out and named."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_actions.wandb_runs.report.config_changes import MAX_ROWS, changes_table, config_changes

CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any], list[str], list[str]]] = {
    "nothing": ({"lr": 0.1}, {"lr": 0.1}, [], []),
    "a number": ({"lr": 0.1}, {"lr": 0.2}, ["lr"], []),
    "only what differs": ({"lr": 0.1, "width": 8}, {"lr": 0.2, "width": 8}, ["lr"], []),
    "nested keys by dots": ({"model": {"depth": 3, "width": 8}}, {"model": {"depth": 4, "width": 8}}, ["model.depth"], []),
    "a nested and a dotted key are the same": ({"model": {"depth": 3}}, {"model.depth": 3}, [], []),
    "a key of one side": ({"warmup": 10}, {}, ["warmup"], []),
    "a key of the other side": ({}, {"warmup": 10}, ["warmup"], []),
    "a list as a whole": ({"layers": [1, 2, 3]}, {"layers": [1, 2]}, ["layers"], []),
    "equal lists": ({"layers": [1, 2]}, {"layers": [1, 2]}, [], []),
    "an integer and a float of one value": ({"epochs": 10}, {"epochs": 10.0}, [], []),
    "one and true differ": ({"amp": 1}, {"amp": True}, ["amp"], []),
    "null is not a missing key": ({"scheduler": None}, {}, ["scheduler"], []),
    "NaN equals NaN": ({"clip": float("nan")}, {"clip": float("nan")}, [], []),
    "a number as text is the text": ({"lr": "0.1"}, {"lr": 0.1}, ["lr"], []),
    "an emptied mapping": ({"aug": {}}, {"aug": {"flip": True}}, ["aug", "aug.flip"], []),
    "a seed is each run's own": ({"seed": 1}, {"seed": 2}, [], ["seed"]),
    "a nested seed": ({"data": {"random_state": 1}}, {"data": {"random_state": 2}}, [], ["data.random_state"]),
    "hosts and processes": ({"hostname": "a", "pid": 1}, {"hostname": "b", "pid": 2}, [], ["hostname", "pid"]),
    "commits": ({"github_sha": "a" * 40}, {"github_sha": "b" * 40}, [], ["github_sha"]),
    "where it writes": ({"output_dir": "/a", "log-path": "c"}, {"output_dir": "/b"}, [], ["log-path", "output_dir"]),
    "where it reads counts": ({"data_dir": "/data/v1"}, {"data_dir": "/data/v2"}, ["data_dir"], []),
    "a checkpoint that it starts from counts": ({"init_checkpoint": "a"}, {"init_checkpoint": "b"}, ["init_checkpoint"], []),
    "a name is a choice": ({"model": {"name": "r18"}}, {"model": {"name": "r50"}}, ["model.name"], []),
    "a rank is a choice": ({"lora": {"rank": 8}}, {"lora": {"rank": 16}}, ["lora.rank"], []),
    "points in time": ({"begun": "2026-01-01T00:00:00Z"}, {"begun": "20260102_1131"}, [], ["begun"]),
    "a date is a version of data": ({"snapshot": "2026-01-01"}, {"snapshot": "2026-02-01"}, ["snapshot"], []),
    "a uuid": ({"x": "123e4567-e89b-12d3-a456-426614174000"}, {"x": "223e4567-e89b-12d3-a456-426614174000"}, [], ["x"]),
    "the tracker's own entry": ({"_wandb": {"cli_version": "1"}}, {"_wandb": {"cli_version": "2"}}, [], []),
    "a key of another type": ({1: "a"}, {1: "b"}, ["1"], []),  # type: ignore[dict-item]
}  # fmt: skip


@pytest.mark.parametrize(("config", "reference", "changed", "by_run"), CHANGES.values(), ids=CHANGES)
def test_what_differs_is_a_change_unless_each_run_has_its_own(
    config: dict[str, Any], reference: dict[str, Any], changed: list[str], by_run: list[str]
) -> None:
    found = config_changes([config], [reference])
    assert [change.key for change in found.changes] == changed
    assert [change.key for change in found.by_run] == by_run


def test_keys_that_the_user_named_come_first_and_always_count() -> None:
    found = config_changes([{"a": 1, "seed": 1, "lr": 1}], [{"a": 2, "seed": 2, "lr": 2}], ["lr", "seed"])
    assert [change.key for change in found.changes] == ["lr", "seed", "a"]


ROWS = {
    "numbers are aligned": (0.1, 0.025, "| `k` | 0.100 | 0.025 |"),
    "a missing key is a dash": (None, ..., "| `k` | `null` | – |"),
    "a truth": (True, False, "| `k` | true | false |"),
    "an empty text": ("", "x", '| `k` | `""` | `x` |'),
    "text": ("adam", "sgd", "| `k` | `adam` | `sgd` |"),
    "another type": ("0.1", 0.1, "| `k` | `0.1` | 0.1 |"),
    "a list": ([1, 2], [1], "| `k` | `[1, 2]` | `[1]` |"),
    "a bar and ticks in a text": ("a|`b`", "c", "| `k` | <code>a&#124;&#96;b&#96;</code> | `c` |"),
    "line breaks in a text": ("a\nb", "c", "| `k` | `a b` | `c` |"),
    "long texts are cut around the first difference": (
        "s3://bucket/a/very/long/path/to/the/data/of/january/images.parquet",
        "s3://bucket/a/very/long/path/to/the/data/of/february/images.parquet",
        "| `k` | `…long/path/to/the/data/of/january/images.parquet` | `…ong/path/to/the/data/of/february/images.parquet` |",
    ),
}


@pytest.mark.parametrize(("value", "reference", "row"), ROWS.values(), ids=ROWS)
def test_both_values_stand_in_the_row(value: Any, reference: Any, row: str) -> None:
    table = changes_table(config_changes([{"k": value}], [{} if reference is ... else {"k": reference}]), "`b1`")
    assert row in table.splitlines()


def test_the_table_has_a_limit_and_counts_the_rest() -> None:
    table = changes_table(config_changes([{f"k{index:02}": index for index in range(50)}], [{"seed": 1}]), "`b1`")
    assert table.startswith("**What changed** in the config, against `b1`: 50 values\n")
    assert table.count("\n| `k") == MAX_ROWS
    assert table.endswith("<sub>30 more values differ. Not shown, since each run has its own: `seed`.</sub>")


def test_no_change_is_said() -> None:
    assert changes_table(config_changes([{"seed": 1}], [{"seed": 2}]), "`b1`") == (
        "**What changed:** no config value differs from `b1`. Not shown, since each run has its own: `seed`."
    )


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=60),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=60), inner, max_size=3),
    max_leaves=8,
)
CONFIGS = st.dictionaries(st.text(max_size=80), VALUES, max_size=5)


@given(CONFIGS, CONFIGS)
def test_no_config_breaks_the_table(config: dict[str, Any], reference: dict[str, Any]) -> None:
    assert config_changes([config], [config]).changes == ()
    table = changes_table(config_changes([config], [reference]), "`b1`")
    rows = [line for line in table.splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows} <= {4}
    assert all(len(row) < 500 for row in rows)


# The configs of both sides' runs, and the keys that changed, that each run has of its own, and that a side does not share.
GROUPS: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]], list[str], list[str], list[str]]] = {
    "only the seeds": ([{"seed": 1, "lr": 1}, {"seed": 2, "lr": 1}], [{"seed": 1, "lr": 1}], [], ["seed"], []),
    "what all share": ([{"seed": 1, "lr": 1}, {"seed": 2, "lr": 1}], [{"seed": 3, "lr": 2}], ["lr"], ["seed"], []),
    "more than the seed varies": ([{"lr": 1}, {"lr": 2}], [{"lr": 1}, {"lr": 1}], [], [], ["lr"]),
    "the bar varies": ([{"lr": 1}], [{"lr": 2}, {"lr": 3}], [], [], ["lr"]),
    "both vary alike": ([{"lr": 1}, {"lr": 2}], [{"lr": 1}, {"lr": 2}], [], [], ["lr"]),
    "one run lacks a key": ([{"lr": 1, "amp": True}, {"lr": 1}], [{"lr": 1}], [], [], ["amp"]),
    "a nested key varies": ([{"opt": {"lr": 1}}, {"opt": {"lr": 2}}], [{"opt": {"lr": 1}}], [], [], ["opt.lr"]),
    "the same number in two forms": ([{"lr": 1}, {"lr": 1.0}], [{"lr": 1}], [], [], []),
    "where each writes": ([{"output_dir": "/a"}, {"output_dir": "/b"}], [{"output_dir": "/c"}], [], ["output_dir"], []),
}


@pytest.mark.parametrize(("configs", "references", "changed", "by_run", "within"), GROUPS.values(), ids=GROUPS)
def test_groups_differ_in_what_all_their_runs_share(
    configs: list[dict[str, Any]],
    references: list[dict[str, Any]],
    changed: list[str],
    by_run: list[str],
    within: list[str],
) -> None:
    found = config_changes(configs, references)
    assert [change.key for change in found.changes] == changed
    assert [key.key for key in found.by_run] == by_run
    assert [key.key for key in found.within] == within


def test_a_group_that_differs_in_more_than_its_seeds_is_marked_with_the_values() -> None:
    configs = [{"lr": rate, "seed": index} for index, rate in enumerate((0.1, 0.2, 0.3, 0.4))]
    table = changes_table(config_changes(configs, [{"lr": 0.1, "seed": 7}]), "`main`", 1)
    assert table == (
        "**What changed:** no config value that all its runs share differs from `main`. "
        "⚠️ Not the same in all runs of a group: `lr` (0.1, 0.2, 0.3, …; bar 0.1). "
        "Not shown, since each run has its own: `seed`. The config of 1 run is unknown."
    )
