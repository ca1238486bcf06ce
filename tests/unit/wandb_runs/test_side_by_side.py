"""Where the compared runs are seen side by side: a page, and the text that finds them there."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pytest

from mlops_actions.core.runs import Run, TrackerInfo
from mlops_actions.wandb_runs.report.side_by_side import side_by_side

LEDGER = TrackerInfo(
    "Ledger", "https://l.example", "https://l.example/a/b", "ledger", runs_url="https://l.example/a/b/table"
)


def run(identifier: str) -> Run:
    return Run(id=identifier, name="any", state="finished", url="", entity="a", project="b")


LINES = {
    "two runs": (["c1", "b-1"], ["c1", "b-1"]),
    "a run named twice": (["c1", "b1", "c1"], ["c1", "b1"]),
    "characters of regular expressions": (["a.b+c", "(x|y)", "[z]$"], ["a.b+c", "(x|y)", "[z]$"]),
    "a mean has no id": (["", "b1", "b2"], ["b1", "b2"]),
    "at most ten": ([f"r{index}" for index in range(30)], [f"r{index}" for index in range(10)]),
}


@pytest.mark.parametrize(("ids", "found"), LINES.values(), ids=LINES)
def test_the_text_finds_exactly_these_runs(ids: list[str], found: list[str]) -> None:
    line = side_by_side([run(identifier) for identifier in ids], LEDGER)
    assert line.startswith("**Side by side:** search [all runs in Ledger](https://l.example/a/b/table) for ")
    pattern = rendered(line.partition(" for ")[2])
    for identifier in {*ids, "other", "c11", "aXb+c"}:
        assert bool(re.search(pattern, identifier)) == (identifier in found)


def rendered(html: str) -> str:
    """Return escaped Markdown in a `code` element as a reader sees it."""
    inner = html.removeprefix("<code>").removesuffix("</code>")
    return unescape(re.sub(r"\\([\\`*_{}\[\]()#+\-.!<>~])", r"\1", inner))


@pytest.mark.parametrize("ids", [[], ["c1"], ["c1", "c1"]], ids=str)
def test_one_run_has_nothing_beside_it(ids: list[str]) -> None:
    assert side_by_side([run(identifier) for identifier in ids], LEDGER) == ""


def test_a_tracker_without_such_a_page_has_no_line() -> None:
    assert side_by_side([run("a"), run("b")], replace(LEDGER, runs_url="")) == ""
