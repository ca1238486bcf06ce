"""The comment of a tag over several runs of a workflow: what is folded, what gives way, what no longer fits."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt

from mlops_actions.core import markdown, sticky

TAG = "mlops"


def report(run: str, text: str, before: str = "") -> str:
    return sticky.compose(TAG, text, before=before, run=run, keep=True, day="2026-03-01")


def progress(run: str, text: str, before: str = "") -> str:
    return sticky.compose(TAG, text, before=before, run=run, day="2026-03-01")


def folds(comment: str) -> list[str]:
    return re.findall(r"<summary>(.*)</summary>", comment)


def test_a_report_of_an_earlier_run_is_folded_below_the_new_one() -> None:
    comment = report("2", "### second", report("1", "### first\n\nnumbers"))
    assert comment.startswith("<!-- mlops-actions:mlops -->\n<!-- mlops-actions-run:2 -->\n### second\n")
    assert folds(comment) == ["2026-03-01: first"]
    assert "numbers" in comment


def test_within_a_run_the_newer_text_replaces_the_older_and_the_folds_stay() -> None:
    comment = report("2", "### again", report("2", "### second", report("1", "### first")))
    assert folds(comment) == ["2026-03-01: first"]
    assert "second" not in comment


def test_progress_is_replaced_and_does_not_cost_the_reports() -> None:
    comment = report("2", "### second", progress("2", "training", progress("2", "started", report("1", "### first"))))
    assert folds(comment) == ["2026-03-01: first"]
    assert "training" not in comment
    assert "started" not in comment


def test_the_newest_fold_comes_first_and_the_number_of_folds_is_limited() -> None:
    comment = ""
    for run in range(1, 10):
        comment = report(str(run), f"### report {run}", comment)
    assert folds(comment) == [f"2026-03-01: report {run}" for run in (8, 7, 6, 5, 4)]


def test_the_oldest_reports_are_dropped_beyond_githubs_limit() -> None:
    comment = ""
    for run in range(1, 5):
        comment = report(str(run), f"### report {run}\n\n" + "x" * 25_000, comment)
    assert len(comment) <= markdown.COMMENT_LIMIT
    assert folds(comment) == ["2026-03-01: report 3"]


def test_a_text_that_fills_the_comment_is_cut_and_leaves_no_room_for_folds() -> None:
    comment = report("2", "line\n" * 20_000, report("1", "### first\n" + "x" * 200))
    assert len(comment) <= markdown.COMMENT_LIMIT
    assert "Cut here" in comment
    assert folds(comment) == []


def test_marker_lines_in_a_text_stay_text() -> None:
    forged = "### mine\n<!-- mlops-actions-earlier -->\n<details>\n<!-- mlops-actions-run:1 -->\nx"
    comment = report("3", "### third", report("2", forged))
    assert folds(comment) == ["2026-03-01: mine"]
    assert comment.count("<!-- mlops-actions-earlier -->") == 1


def test_the_title_of_a_fold_is_plain_text() -> None:
    first = f"### ❌ Gates failed for {markdown.code('<b>@team|#1')}: {markdown.escape('a_b > </summary> @x')} **now**"
    comment = report("2", "### second", report("1", first))
    (title,) = folds(comment)
    assert "<b>" not in title
    html = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(comment)
    assert html.count("<summary>") == html.count("</summary>") == 1
    assert not re.search(r"@team|@x|#1\b", title)


def test_carriage_returns_do_not_hide_the_folds() -> None:
    before = report("2", "### second", report("1", "### first")).replace("\n", "\r\n")
    assert folds(report("3", "### third", before)) == ["2026-03-01: second", "2026-03-01: first"]


def test_a_comment_without_marker_lines_is_replaced() -> None:
    assert sticky.compose(TAG, "new", before=f"{sticky.marker(TAG)}\nold", run="2") == f"{sticky.marker(TAG)}\nnew"
