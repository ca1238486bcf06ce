"""What a verdict hides: candidates that did not finish, and metrics that vanished."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_actions.core.runs import MISSING, Run
from mlops_actions.wandb_runs.differences import MetricRow, compare
from mlops_actions.wandb_runs.metrics.metric import Metric
from mlops_actions.wandb_runs.selection.runs import RunCounts
from mlops_actions.wandb_runs.verdict.survivors import unfinished_doubt
from mlops_actions.wandb_runs.verdict.vanished import vanished_doubt

COUNTS: dict[str, tuple[dict[str, int], str]] = {
    "all finished": ({"finished": 3}, ""),
    "one crashed": (
        {"finished": 2, "crashed": 1},
        "1 of 3 candidates did not finish (1 crashed): the numbers are those of the 2 that did.",
    ),
    "each kind": (
        {"finished": 1, "crashed": 2, "failed": 1, "killed": 1},
        "4 of 5 candidates did not finish (2 crashed, 1 failed, 1 killed): the numbers are those of the one that did.",
    ),
    "none finished": ({"crashed": 2}, ""),
    "one still runs": ({"finished": 1, "running": 1}, ""),
    "no candidate": ({}, ""),
}


@pytest.mark.parametrize(("numbers", "doubt"), COUNTS.values(), ids=COUNTS)
def test_candidates_that_did_not_finish_are_counted(numbers: dict[str, int], doubt: str) -> None:
    given = dict.fromkeys(("finished", "running", "crashed", "failed", "killed", "baselines"), 0) | numbers
    assert unfinished_doubt(RunCounts(candidates=sum(numbers.values()), **given)) == doubt


def run(**summary: Any) -> Run:
    values = {name: value for name, value in summary.items() if value is not MISSING}
    return Run(id="r", name="r", state="finished", url="", entity="e", project="p", summary=values)


VANISHED: dict[str, tuple[Run, Run | None, tuple[str, ...]]] = {
    "nothing": (run(acc=1, loss=1), run(acc=1, loss=1), ()),
    "a metric": (run(acc=1), run(acc=1, loss=1), ("loss",)),
    "NaN is no number": (run(acc=float("nan"), loss=1), run(acc=1, loss=1), ("acc",)),
    "text is none either": (run(acc="diverged", loss=1), run(acc=1, loss=1), ("acc",)),
    "what the bar lacks cannot vanish": (run(acc=1), run(acc=1), ()),
    "what the bar has no number of, neither": (run(acc=1), run(acc=1, loss="NaN"), ()),
    "no bar": (run(), None, ()),
}


@pytest.mark.parametrize(("candidate", "bar", "names"), VANISHED.values(), ids=VANISHED)
def test_a_metric_that_the_bar_has_and_the_candidate_lacks_vanished(candidate: Run, bar: Run | None, names: Any) -> None:
    rows = compare(candidate, [bar] if bar else [], [Metric("acc", "max"), Metric("loss", "min")], bar)
    assert tuple(row.metric.name for row in rows if row.vanished) == names


DOUBTS = {
    "none": ([], ""),
    "one": (["loss"], "The candidate has no finite value of a metric that the bar has: loss. That counts as worse."),
    "five": (
        list("abcde"),
        "The candidate has no finite value of 5 metrics that the bar has: a, b, c and 2 more. That counts as worse.",
    ),
}


@pytest.mark.parametrize(("names", "doubt"), DOUBTS.values(), ids=DOUBTS)
def test_vanished_metrics_are_named(names: list[str], doubt: str) -> None:
    rows = [MetricRow(Metric(name), MISSING, None, None, None, None, vanished=True) for name in names]
    assert vanished_doubt([*rows, MetricRow(Metric("kept"), 1.0, None, None, None, None)]) == doubt
