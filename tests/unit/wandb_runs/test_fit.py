"""A report of sections, cut to a limit of characters."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from mlops_actions.core import markdown
from mlops_actions.wandb_runs.report.cut_section import cut_first_line, cut_section
from mlops_actions.wandb_runs.report.fit import ReportSection, fit, join

HEADLINE, DOUBTS, GATES = (
    ReportSection("verdict", "### ❌ Gates failed", essential=True),
    ReportSection("doubts", "> ⚠️ best of 20 by the gated metric", essential=True),
    ReportSection("gates", "| Gate |\n| --- |\n| acc |", essential=True),
)
RUNS = ReportSection("all runs", "<details>\n<summary>All runs</summary>\n\n" + "| x |\n" * 500 + "\n</details>")
CURVES = ReportSection("learning curves", "```mermaid\n" + "line\n" * 200 + "```")
PROVENANCE = ReportSection("provenance", "**Provenance:** commit `aaaaaaa`")
NOTE = "The whole report is in [the job's summary](https://ci.example/77)."
REPORT = (HEADLINE, DOUBTS, GATES, RUNS, CURVES, PROVENANCE)


def test_a_report_within_the_limit_is_whole() -> None:
    whole = join(REPORT)
    assert fit(REPORT, len(whole), NOTE) == whole
    assert NOTE not in whole


def test_a_section_without_text_leaves_no_gap() -> None:
    assert join([HEADLINE, ReportSection("doubts", ""), GATES]) == f"{HEADLINE.text}\n\n{GATES.text}\n"


@pytest.mark.parametrize(
    ("limit", "kept", "cut"),
    [
        (560, (HEADLINE, DOUBTS, GATES, PROVENANCE), "learning curves, all runs"),
        (310, (HEADLINE, DOUBTS, GATES), "learning curves, all runs, provenance"),
    ],
    ids=["the diagram goes whole, the line below stays", "what a decision needs stays"],
)
def test_sections_that_cannot_be_cut_are_left_out_and_named(limit: int, kept: tuple[ReportSection, ...], cut: str) -> None:
    long_row = ReportSection("all runs", f"| x |\n| --- |\n| {'x' * 2000} |")
    text = fit((HEADLINE, DOUBTS, GATES, CURVES, long_row, PROVENANCE), limit, NOTE)
    assert len(text) <= limit
    assert text == join([*kept, ReportSection("", f"_Cut to GitHub's limit: {cut}._ {NOTE}")])


def test_the_first_section_that_does_not_fit_gets_the_room_that_is_left() -> None:
    text = fit((*REPORT, replace(RUNS, name="others")), 3000, NOTE)
    assert 2800 < len(text) <= 3000
    parts = text.split("\n\n")
    assert parts[:4] == [HEADLINE.text, DOUBTS.text, GATES.text, "<details>\n<summary>All runs</summary>"]
    assert set(parts[4].splitlines()[2:]) == {"| x |"}
    assert parts[5:8] == ["…", "</details>", CURVES.text]
    assert parts[8] == PROVENANCE.text
    assert parts[9] == f"_Cut to GitHub's limit: all runs (in part), others._ {NOTE}\n"


def test_what_a_decision_needs_is_shortened_and_shares_the_room() -> None:
    gates, bar = (
        ReportSection(name, f"| {name} |\n| --- |\n" + f"| {name} |\n" * 5000, essential=True) for name in ("gates", "bar")
    )
    text = fit([HEADLINE, DOUBTS, gates, bar, PROVENANCE], 10_000, NOTE)
    assert 9_800 < len(text) <= 10_000
    assert text.startswith(f"{HEADLINE.text}\n\n{DOUBTS.text}\n\n| gates |\n| --- |\n")
    assert len(text.partition("| bar |")[2]) == pytest.approx(5_000, abs=300)
    assert text.endswith(f"\n\n…\n\n_Cut to GitHub's limit: gates (in part), bar (in part), provenance._ {NOTE}\n")


ROWS = "\n".join(["| a |", "| --- |", *(f"| row {number} |" for number in range(9))])
CUTS = {
    "behind a row": (f"**Title**\n\n{ROWS}", 48, "**Title**\n\n| a |\n| --- |\n| row 0 |\n| row 1 |\n\n…"),
    "no head without a row": (f"text\n\n**Title**\n\n{ROWS}", 36, "text\n\n…"),
    "no title without its table": (f"**Title**\n\n{ROWS}", 30, ""),
    "a fold is closed": (markdown.fold("Runs", ROWS), 78, "<details>\n<summary>Runs</summary>\n\n"
        "| a |\n| --- |\n| row 0 |\n\n…\n\n</details>"),
    "no empty fold": (f"text\n\n{markdown.fold('Runs', ROWS)}", 60, ""),
    "a fenced block is closed": (markdown.fence("x\n" * 50), 16, "```\nx\nx\nx\n\n…\n```"),
    "a fence in a fold": (markdown.fold("T", markdown.fence("x\n" * 50)), 58, "<details>\n<summary>T</summary>\n\n"
        "```\nx\nx\n\n…\n```\n\n</details>"),
    "no part of a diagram": (f"text\n{markdown.mermaid('line' * 50)}", 90, ""),
    "one diagram of two": (f"{markdown.mermaid('a')}\n\n{markdown.mermaid('b' * 50)}", 40, "```mermaid\na\n```\n\n…"),
    "a doubt of two": ("> one\n> " + "two" * 50, 40, "> one\n\n…"),
    "a word of a run does not open a fold": (f"`<details`\nb\n{'c' * 50}", 30, "`<details`\nb\n\n…"),
    "a row that is too long": (f"| a |\n| --- |\n| {'x' * 100} |", 60, ""),
    "what fits": (ROWS, 1000, ROWS),
}  # fmt: skip


@pytest.mark.parametrize(("text", "limit", "left"), CUTS.values(), ids=CUTS)
def test_a_section_is_cut_where_whole_markdown_remains(text: str, limit: int, left: str) -> None:
    assert cut_section(text, limit) == left


FIRST_LINES = {
    "between words": ("### one two three", 12, "### one …"),
    "no word fits": ("### " + "x" * 50, 20, ""),
    "not within a code": ("### a `b c d e` f", 12, "### a …"),
    "not within a code of two backticks": ("### a ``b ` c d e`` f", 14, "### a …"),
    "not within a link": ("**Judged:** [a b c](https://x.example) d", 34, "**Judged:** …"),
    "behind a code": ("### `a b` c d e f g", 14, "### `a b` c …"),
    "no row": ("| a b c d e f g |", 9, ""),
    "no tag": ("<sub>a b c d e f g</sub>", 12, ""),
}


@pytest.mark.parametrize(("line", "limit", "left"), FIRST_LINES.values(), ids=FIRST_LINES)
def test_a_first_line_is_cut_where_no_markup_is_open(line: str, limit: int, left: str) -> None:
    assert cut_first_line(line, limit) == left


TABLES = st.integers(1, 30).map(lambda rows: markdown.table(["a", "b"], [["1", "`x`"]] * rows))
BLOCKS = st.recursive(
    st.one_of(TABLES, st.sampled_from(["**Title**", "some text", "> a\n> b"]), st.text("ab\n`").map(markdown.fence)),
    lambda inner: st.lists(inner, min_size=1, max_size=3).map(lambda parts: markdown.fold("More", "\n\n".join(parts))),
    max_leaves=6,
)


@given(st.lists(BLOCKS, min_size=1, max_size=4).map("\n\n".join), st.integers(1, 800))
def test_what_remains_is_whole(text: str, limit: int) -> None:
    left = cut_section(text, limit)
    assert len(left) <= limit
    html = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(left)
    assert html.count("<details>") == html.count("</details>")
    assert html.count("<table>") == html.count("<tbody>")
    # A heading of a table that is no table is text.
    assert "|" not in re.sub(r"<pre>.*?</pre>", "", html, flags=re.DOTALL)


TEXTS = st.text("ab|`\n#<>_ é", max_size=200)
SECTIONS = st.lists(st.builds(ReportSection, st.text(max_size=20), TEXTS, st.booleans()), max_size=8)


@settings(max_examples=200, deadline=None)
@given(SECTIONS, st.integers(1, 1000))
def test_no_report_exceeds_the_limit(sections: list[ReportSection], limit: int) -> None:
    assert len(fit(sections, limit, NOTE)) <= limit
