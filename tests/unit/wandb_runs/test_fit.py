"""A report of sections, cut to a limit of characters."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_actions.wandb_runs.report.fit import ReportSection, fit, join

HEADLINE, DOUBTS, GATES = (
    ReportSection("verdict", "### ❌ Gates failed", essential=True),
    ReportSection("doubts", "> ⚠️ best of 20 by the gated metric", essential=True),
    ReportSection("gates", "| Gate |\n| --- |\n| acc |", essential=True),
)
RUNS = ReportSection("all runs", "<details>\n<summary>All runs</summary>\n\n" + "| x |\n" * 500 + "\n</details>")
CURVES = ReportSection("learning curves", "```mermaid\n" + "line\n" * 100 + "```")
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
        (1500, (HEADLINE, DOUBTS, GATES, CURVES, PROVENANCE), "all runs"),
        (500, (HEADLINE, DOUBTS, GATES, PROVENANCE), "all runs, learning curves"),
        (250, (HEADLINE, DOUBTS, GATES), "all runs, learning curves, provenance"),
    ],
    ids=["the long table goes", "the curves go, the line below them stays", "what a decision needs stays"],
)
def test_whole_sections_are_left_out_and_named(limit: int, kept: tuple[ReportSection, ...], cut: str) -> None:
    text = fit(REPORT, limit, NOTE)
    assert len(text) <= limit
    assert text == join([*kept, ReportSection("", f"_Cut to GitHub's limit: {cut}._ {NOTE}")])


def test_an_essential_section_that_is_too_long_is_cut_at_the_end_of_a_line() -> None:
    gates = ReportSection("gates", "| Gate |\n| --- |\n" + "| acc >= 0.9 |\n" * 500, essential=True)
    text = fit([HEADLINE, DOUBTS, gates, PROVENANCE], 1500, NOTE)
    assert len(text) <= 1500
    assert text.startswith(f"{HEADLINE.text}\n\n{DOUBTS.text}\n\n| Gate |")
    assert "gates" in text.splitlines()[-1]
    assert all(line in ("", "…", "| acc >= 0.9 |", PROVENANCE.text) for line in text.splitlines()[6:-1])


TEXTS = st.text("ab|`\n#<>_ é", max_size=200)
SECTIONS = st.lists(st.builds(ReportSection, st.text(max_size=20), TEXTS, st.booleans()), max_size=8)


@settings(max_examples=200, deadline=None)
@given(SECTIONS, st.integers(1, 1000))
def test_no_report_exceeds_the_limit(sections: list[ReportSection], limit: int) -> None:
    assert len(fit(sections, limit, NOTE)) <= limit
