"""A report that is longer than GitHub's limit of a comment: what stays, what is cut, and where the whole report is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from markdown_it import MarkdownIt

from mlops_actions.core.markdown import COMMENT_LIMIT
from tests.actions.wandb_runs.step import SHA, WandbStep

FEW = [f"eval_{number}" for number in range(150)]
MANY = [f"metric_{number:04}_of_a_long_evaluation" for number in range(1200)]
LONG = ["metric " + "long " * 400 + str(number) for number in range(45)]
# What is logged, how many candidates, and the parts of the comment that are cut.
SIZES: dict[str, tuple[Sequence[str], int, Mapping[str, Any], str]] = {
    "many candidates": (FEW, 60, {"display_name": "long-name-" * 60}, "all runs (in part)"),
    "many metrics": (MANY, 3, {}, "comparison with the bar (in part)"),
    "long names of metrics": (LONG, 3, {}, "comparison with the bar (in part)"),
}


@pytest.mark.parametrize(("metrics", "number", "more", "cut"), SIZES.values(), ids=SIZES)
def test_a_long_report_fills_the_comment_and_keeps_what_a_decision_needs(
    step: WandbStep, metrics: Sequence[str], number: int, more: Mapping[str, Any], cut: str
) -> None:
    for index in range(number):
        step.candidate(f"c{index}", summary=dict.fromkeys(metrics, 0.5 + index / 1000), age=index, **more)
    step.baseline("bar", summary=dict.fromkeys(metrics, 0.4), age=1000)
    gates = f"{metrics[0]} >= 0.9\n{metrics[1]} >= 0.2" if metrics is not LONG else ""
    code = step.run(
        sha=SHA,
        baseline_tags="baseline",
        metrics="\n".join(f"{name}:max" for name in metrics),
        gates=gates,
        comment="true",
        pr_number=step.pull.number,
        check_name="metrics",
    )
    assert code == (1 if gates else 0), step.log
    (comment,) = step.comments()
    assert len(step.summary()) > COMMENT_LIMIT
    assert 50_000 < len(comment) <= COMMENT_LIMIT
    lines = comment.splitlines()
    assert next(line for line in lines if not line.startswith("<!--")).startswith("### ❌ Gates failed" if gates else "### ")
    assert sum(line.startswith(("| ❌ failed | ", "| ✅ passed | ")) for line in lines) == (2 if gates else 0)
    assert "against the baseline [bar]" in comment
    assert re.search(r"^\| `metric|^\| `eval", comment, re.MULTILINE)
    assert re.match(r"_Cut to GitHub's limit: .*\._ _The whole report is in ", lines[-1])
    assert cut in lines[-1]
    html = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(comment)
    assert html.count("<details") == html.count("</details>")
    assert "<p>|" not in html
    (check,) = step.repository.check_runs.values()
    assert "Cut to GitHub's limit" in (check.summary or "")
