"""wandb-runs as data: the runs in the project, the inputs, and the expected outputs, report and CSV."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.actions.wandb_runs.step import OTHER, SHA

LoggedRun = Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """`candidates` and `baselines` are logged newest first, as `c0`, `c1`, … and `b0`, `b1`, ….

    `csv` are the ids of the table's rows in their order; `says` must all stand in the comment, `hides` must not.
    """

    name: str
    inputs: Mapping[str, object] = field(default_factory=dict)
    candidates: Sequence[LoggedRun] = ({},)
    baselines: Sequence[LoggedRun] = ()
    code: int = 0
    outputs: Mapping[str, str] = field(default_factory=dict)
    csv: Sequence[str] | None = None
    cells: Mapping[str, str] = field(default_factory=dict)
    says: Sequence[str] = ()
    hides: Sequence[str] = ()


def summary(**values: Any) -> LoggedRun:
    return {"summary": values}


def with_metric_settings(summary_of: Any, *entries: Mapping[str, Any]) -> LoggedRun:
    """Return a run with the `define_metric` settings that W&B recorded."""
    return {"summary": summary_of, "config": {"_wandb": {"m": list(entries)}}}


DIRECTIONS = [
    Case(
        "a given direction wins over the name",
        {"metrics": "loss:max"},
        [summary(loss=2)],
        [summary(loss=1)],
        says=["| `loss` ↑ | **2** | 1 | +1 (+100 %) 🟢 better |"],
        hides=["inferred"],
    ),
    Case(
        "a direction is inferred from the name, and the report says so",
        {"metrics": "val_loss"},
        [summary(val_loss=2)],
        [summary(val_loss=1)],
        says=["| `val_loss` ↓ \\* | 2 | 1 | +1 (+100 %) 🔴 worse |", "inferred from the name"],
    ),
    Case(
        "a name without a direction has no better or worse",
        {"metrics": "x"},
        [summary(x=2)],
        [summary(x=1)],
        says=["| `x` | 2 | 1 | +1 (+100 %) |", "direction not known"],
        hides=["🟢", "🔴"],
    ),
    Case(
        "W&B's goal counts",
        {"metrics": "x"},
        [with_metric_settings({"x": 2}, {"1": "x", "8": 2})],
        [summary(x=1)],
        says=["| `x` ↑ | **2** |"],
        hides=["inferred"],
    ),
    Case(
        "W&B's summary counts where there is no goal",
        {"metrics": "x"},
        [with_metric_settings({"x": {"min": 0.5}}, {"1": "x", "7": [1]})],
        [summary(x=1)],
        says=["| `x` ↓ | **0.5** | 1.0 | −0.5 (−50.00 %) 🟢 better |"],
    ),
    Case(
        "a kept minimum can be shown as a metric",
        {"metrics": "loss.min"},
        [summary(loss={"min": 0.2, "max": 3})],
        [summary(loss={"min": 0.3})],
        says=["| `loss.min` ↓ | **0.2** | 0.3 | −0.1 (−33.33 %) 🟢 better |"],
    ),
    Case(
        "a dot may be part of a name",
        {"metrics": "a.b:max"},
        [{"summary": {"a.b": 3}}],
        [{"summary": {"a": {"b": 2}}}],
        says=["| `a.b` ↑ | **3** | 2 | +1 (+50.00 %) 🟢 better |"],
    ),
    Case(
        "a summary with several aggregates is no number",
        {"metrics": "loss"},
        [summary(loss={"min": 1, "max": 2})],
        [summary(loss=1)],
        says=['`{"min": 1, "max": 2}`'],
    ),
]

VALUES = [
    Case(
        "a missing value is a dash",
        {"metrics": "acc, gone"},
        [summary(acc=1)],
        [summary(acc=1, gone=2)],
        cells={"gone": ""},
        says=["| `gone` | – | 2 | 🔴 vanished |"],
    ),
    Case(
        "NaN is NaN, and compares with nothing",
        {"metrics": "acc"},
        [summary(acc="NaN")],
        [summary(acc=1)],
        cells={"acc": "nan"},
        says=["| `acc` ↑ \\* | NaN | 1 | 🔴 no number |"],
    ),
    Case(
        "infinity is infinity",
        {"metrics": "acc"},
        [summary(acc="-Infinity")],
        [summary(acc=1)],
        cells={"acc": "-inf"},
        says=["| `acc` ↑ \\* | -∞ | 1 | 🔴 no number |"],
    ),
    Case(
        "text is text",
        {"metrics": "acc"},
        [summary(acc="high")],
        [summary(acc=1)],
        cells={"acc": "high"},
        says=["| `acc` ↑ \\* | `high` | 1 | 🔴 no number |"],
    ),
    Case(
        "a number that was recorded as text is a number",
        {"metrics": "acc", "gates": "acc >= 0.9"},
        [summary(acc="0.9")],
        outputs={"gate": "passed"},
        cells={"acc": "0.9"},
    ),
    Case(
        "true is no number",
        {"metrics": "acc", "gates": "acc >= 0"},
        [summary(acc=True)],
        code=1,
        cells={"acc": "True"},
        says=["no finite value of acc"],
    ),
    Case(
        "equal is neither better nor worse",
        {"metrics": "acc"},
        [summary(acc=1)],
        [summary(acc=1)],
        says=["| 1 | 1 | 0 same |", "equal on 1 of 1 metric"],
    ),
    Case(
        "no per cent of zero", {"metrics": "acc"}, [summary(acc=1)], [summary(acc=0)], says=["| **1** | 0 | +1 🟢 better |"]
    ),
    Case(
        "a tiny difference is not shown as none",
        {"metrics": "acc"},
        [summary(acc=1.00000001)],
        [summary(acc=1)],
        says=["| **1.00000001** | 1.00000000 | +0.00000001 (+<0.01 %) 🟢 better |"],
    ),
    Case(
        "a baseline without a value is left out",
        {"metrics": "acc"},
        [summary(acc=3)],
        [summary(acc="NaN"), summary(acc=2), summary(acc=1)],
        says=["| **3.0** | 2.0 | +1.0 (+50.00 %) 🟢 better | 1.5 | – |"],
    ),
    Case(
        "best, mean and latest of the baselines",
        {"metrics": "loss"},
        [summary(loss=2)],
        [summary(loss=4), summary(loss=1)],
        says=["| 2.0 | 1.0 | +1.0 (+100 %) 🔴 worse | 2.5 | 4.0 |"],
    ),
    Case("negative numbers stay numbers in the table", {"metrics": "x"}, [summary(x=-0.5)], cells={"x": "-0.5"}),
    Case("formulas are quoted", {"metrics": "x"}, [summary(x="=1+1")], cells={"x": "'=1+1"}),
    Case("formulas behind blanks are quoted", {"metrics": "x"}, [summary(x=" @SUM(A1)")], cells={"x": "' @SUM(A1)"}),
    Case(
        "lists and objects are JSON",
        {"metrics": "x", "config_keys": "layers"},
        [{"summary": {"x": [1, "NaN"]}, "config": {"layers": {"a": 1}}}],
        cells={"x": '[1, "NaN"]', "_layers": '{"a": 1}'},
    ),
    Case(
        "nested config by dots",
        {"config_keys": "model.depth"},
        [{"config": {"model": {"depth": 3}}}],
        cells={"_model.depth": "3"},
        says=["| 3 |"],
    ),
]

BEST = [
    Case(
        "the best by the first metric, all of whose gates count",
        {"metrics": "acc, loss", "gates": "loss < 1"},
        [summary(acc=0.8, loss=0.1), summary(acc=0.9, loss=2)],
        code=1,
        outputs={"best-run-id": "c1", "gate": "failed"},
    ),
    Case(
        "the newest where no direction is known",
        {"metrics": "x"},
        [summary(x=1), summary(x=2)],
        [summary(x=0)],
        outputs={"best-run-id": "c0"},
        says=["judged: c0 (1 of 2 candidates)", "the latest of 2 candidates, since no metric tells which is best"],
    ),
    Case(
        "an unfinished run is never the best",
        {"metrics": "acc"},
        [{**summary(acc=0.99), "state": "crashed"}, summary(acc=0.5)],
        outputs={"best-run-id": "c1"},
        csv=["c1"],
    ),
    Case(
        "a candidate with the baselines' tag is no baseline",
        {"metrics": "acc"},
        [{"tags": ["baseline"]}],
        [{}],
        outputs={"num-baselines": "1"},
        csv=["c0", "b0"],
    ),
    Case(
        "an unfinished baseline is none",
        {},
        [{}],
        [{"state": "running"}, {"state": "failed"}],
        outputs={"num-baselines": "0"},
        csv=["c0"],
        says=["there is no baseline to compare with"],
    ),
    Case(
        "candidates first, then baselines, newest first",
        {"max_baselines": 2},
        [{}, {}],
        [{}, {}, {}],
        csv=["c0", "c1", "b0", "b1"],
        outputs={"num-baselines": "2"},
    ),
]


def seeds(group: str, *values: float, name: str = "acc", **config: list[Any]) -> list[dict[str, Any]]:
    """Runs of one group, each with its value, and with its own value of each config key."""
    return [
        {**summary(**{name: value}), "group": group, "config": {key: own[index] for key, own in config.items()}}
        for index, value in enumerate(values)
    ]


def _slices(group: str, *values: tuple[float, float]) -> list[LoggedRun]:
    """Return the runs of one group with two slices each."""
    return [{"summary": {"eval/day/acc": day, "eval/night/acc": night}, "group": group} for day, night in values]


_FIVE = [0.5, 0.6, 0.7, 0.8, 0.9]
_GAIN = [0.52, 0.63, 0.72, 0.83, 0.92]
_EVIDENCE = {"metrics": "acc", "aggregate": "group", "gates": "acc > baseline with 95% confidence"}

SEEDS = [
    Case(
        "one seed a side cannot be told from noise",
        {"metrics": "acc", "aggregate": "group"},
        seeds("g", 0.9, 0.8),
        seeds("h", 0.7),
        says=[
            "0.85 ± 0.071 (n = 2)",
            "one baseline seed says nothing about its own spread",
            "not to be told from noise on 1",
        ],
    ),
    Case(
        "worse by more than noise",
        {"metrics": "loss", "aggregate": "group"},
        seeds("g", 2, 2.01, 2.02, 2.03, name="loss"),
        seeds("h", 1, 1.01, 1.02, 1.03, name="loss"),
        says=["🔴 worse", "(n = 4)", "worse on 1 of 1 metric against h"],
    ),
    Case(
        "what may be noise is not called better",
        {"metrics": "acc", "aggregate": "group"},
        seeds("g", 0.8, 0.9, 1.0),
        seeds("h", 0.7, 0.8, 0.9),
        says=["no more than noise on 1 of 1 metric against h", "about 17 seeds a side would tell such a difference"],
        hides=["🟢"],
    ),
    Case(
        "nor is a slice",
        {"metrics": "eval/*/acc:max", "aggregate": "group"},
        _slices("g", (0.81, 0.5), (0.82, 0.6), (0.83, 0.7)),
        _slices("h", (0.71, 0.4), (0.72, 0.5), (0.73, 0.6)),
        says=[
            "none of 2 slices worse than the bar by more than noise, the largest loss first",
            "| `day` | 0.82 | 0.72 | +0.10 (+13.89 %) 🟢 better |",
            "| `night` | 0.60 | 0.50 | +0.10 (+20.00 %) |",
        ],
    ),
    Case(
        "the mean of two groups is neither better nor equal",
        {"metrics": "acc:max", "aggregate": "group", "judge": "mean"},
        [*seeds("g", 0.8, 0.9), *seeds("h", 0.7, 0.8)],
        seeds("main", 0.5, 0.6),
        says=["4 runs finished for `aaaaaaa`, against 2 baselines"],
        hides=["equal", "🟢"],
    ),
    Case(
        "the difference of two means is what a reader subtracts",
        {"metrics": "acc", "aggregate": "group"},
        seeds("g", 0.934249, 0.934249),
        seeds("h", 0.913251, 0.913251),
        says=["| +0.0209 \\[–\\] | 0.9342 ± 0 (n = 2) | 0.9133 ± 0 (n = 2) |", "| 0.9342 | 0.9133 | +0.0209 (+2.30 %) |"],
        hides=["0.0210", "0.02099"],
    ),
    Case(
        "the same seeds are compared in pairs",
        {"metrics": "acc", "aggregate": "group"},
        seeds("g", *_GAIN, seed=[1, 2, 3, 4, 5]),
        seeds("h", *_FIVE, seed=[1, 2, 3, 4, 5]),
        says=["🟢 better", "The same seeds ran on both sides"],
    ),
    Case(
        "other seeds are not",
        {"metrics": "acc", "aggregate": "group"},
        seeds("g", *_GAIN, seed=[1, 2, 3, 4, 5]),
        seeds("h", *_FIVE, seed=[1, 2, 3, 4, 6]),
        says=["no more than noise"],
    ),
    Case(
        "lost seeds stand beside every mean, and make it doubtful",
        {"metrics": "acc", "aggregate": "group"},
        [*seeds("g", 0.8, 0.9, 1.0), {"state": "crashed", "group": "g"}, {"state": "failed", "group": "g"}],
        [*seeds("h", 0.7, 0.75), {"state": "crashed", "group": "h"}],
        says=[
            "> ⚠️ 3 of 5 seeds finished of the candidate g",
            "> ⚠️ 2 of 3 seeds finished of the baseline h",
            "(3 of 5 seeds finished) | 0.725 ± 0.035 (2 of 3 seeds finished)",
        ],
        outputs={"num-baselines": "2"},
    ),
    Case(
        "seeds that diverged leave nothing to tell",
        {"metrics": "acc", "aggregate": "group"},
        seeds("g", 0.95, 0.951, 0.952, math.nan, math.nan),
        seeds("h", 0.8, 0.801, 0.802, 0.803, 0.804),
        says=[
            "5 runs finished for `aaaaaaa`: not to be told from noise on 1 of 1 metric against h",
            "> ⚠️ Seeds of the candidate g have no finite value of acc \\(2 of 5\\)",
            "| `acc` ↑ \\* | – | 0.802 | ⚠️ 2 of 5 candidate seeds have no finite value |",
            "(3 of 5 seeds have it) | 0.802 ± 0.0016 (n = 5)",
        ],
        hides=["🟢", "🔴", "counts as worse", "seeds finished"],
    ),
    Case(
        "so do those of the baseline, and a crash is another thing",
        {"metrics": "acc", "aggregate": "group"},
        [*seeds("g", 0.95, 0.951, 0.952), {"state": "crashed", "group": "g"}],
        [*seeds("h", 0.8, 0.801, math.inf), {"state": "crashed", "group": "h"}],
        says=[
            "not to be told from noise on 1 of 1 metric against h",
            "> ⚠️ Seeds of the baseline h have no finite value of acc \\(1 of 3\\)",
            "| `acc` ↑ \\* | 0.951 | – | ⚠️ 1 of 3 baseline seeds has no finite value |",
            "(3 of 4 seeds finished) | 0.8005 ± 0.00071 (3 of 4 seeds finished, 2 have it)",
        ],
        hides=["🟢", "🔴", "counts as worse"],
    ),
    Case(
        "a metric that vanished in every seed is worse",
        {"metrics": "acc, f1", "aggregate": "group"},
        seeds("g", 0.95, 0.951, 0.952),
        [{**summary(acc=0.8 + seed / 1000, f1=0.5), "group": "h"} for seed in range(3)],
        says=[
            "better on 1, worse on 1 of 2 metrics against h",
            "no finite value of a metric that the bar has&#58; f1&#46; That counts as worse",
            "| `f1` ↑ \\* | – | 0.5 | 🔴 vanished |",
        ],
    ),
    Case(
        "also where it is the only one, and some seeds of the bar had it",
        {"metrics": "f1:max", "aggregate": "group"},
        seeds("g", 0.95, 0.951),
        seeds("h", 0.5, math.nan, name="f1"),
        says=["worse on 1 of 1 metric against h", "That counts as worse", "| `f1` ↑ | – | – | 🔴 vanished |"],
        hides=["More than noise"],
    ),
    Case(
        "slices vanish, or are not told, as other metrics",
        {"metrics": "eval/*/acc:max", "aggregate": "group"},
        _slices("g", (0.81, math.nan), (0.82, math.nan), (math.nan, math.nan)),
        _slices("h", (0.71, 0.4), (0.72, 0.5), (0.73, 0.6)),
        says=[
            "worse on 1, not to be told from noise on 1 of 2 metrics against h",
            "1 of 2 slices worse than the bar by more than noise (1 vanished), the largest loss first",
            "| `night` | – | 0.50 | 🔴 vanished |",
            "| `day` | – | 0.72 | ⚠️ 1 of 3 candidate seeds has no finite value |",
        ],
    ),
    Case(
        "of the mean of several groups a seed is missing, too",
        {"metrics": "acc:max", "aggregate": "group", "judge": "mean"},
        [*seeds("g", 0.8, math.nan), *seeds("h", 0.7, 0.8)],
        seeds("main", 0.5, 0.6),
        says=["against 2 baselines", "⚠️ 1 of 4 candidate seeds has no finite value"],
        hides=["🔴", "🟢", "counts as worse"],
    ),
    Case(
        "the best of several groups on both sides is chosen for luck",
        {"metrics": "acc:max", "aggregate": "group"},
        [*seeds("g", 0.95, 0.96, 0.97), *seeds("h", 0.7, 0.8, 0.9)],
        [*seeds("old", 0.5, 0.6, 0.7), *seeds("older", 0.1, 0.2, 0.3), *seeds("oldest", 0.1, 0.2, 0.3)],
        says=[
            "against old",
            "corrected for the choice out of 2 candidate groups and 3 baseline groups, which widens the intervals too",
        ],
    ),
    Case(
        "the limit of baselines counts groups",
        {"metrics": "acc", "aggregate": "group", "max_baselines": "1"},
        seeds("g", 0.9),
        [*seeds("new", 0.5, 0.6, 0.7), *seeds("old", 0.1, 0.2)],
        outputs={"num-baselines": "3"},
        csv=["c0", "b0", "b1", "b2"],
    ),
    Case(
        "evidence of a gain",
        _EVIDENCE,
        seeds("g", 0.91, 0.92, 0.93),
        seeds("h", 0.71, 0.72, 0.73),
        says=["✅ The gate passed"],
    ),
    Case(
        "no evidence of a gain is no pass, and says what would tell",
        _EVIDENCE,
        seeds("g", 0.8, 0.9, 1.0),
        seeds("h", 0.7, 0.8, 0.9),
        code=1,
        says=[
            "❌ Gates failed",
            "with 95 % confidence only 0&#46;6733 is certain",
            "about 17 seeds on each side would tell",
        ],
    ),
    Case(
        "too few seeds are no pass",
        _EVIDENCE,
        seeds("g", 0.9),
        seeds("h", 0.1),
        code=1,
        says=["train at least 2 seeds on each"],
    ),
    Case(
        "a float32 is the number that was logged",
        {"metrics": "acc", "gates": "acc >= 0.95"},
        [summary(acc=0.949999988079071)],
        says=["✅ The gate passed"],
    ),
    Case(
        "a seed without the metric leaves no mean",
        {"metrics": "acc", "aggregate": "group", "gates": "acc > 0"},
        [{**summary(acc=1), "group": "g"}, {"summary": {}, "group": "g"}],
        code=1,
        says=["has no finite value of acc"],
    ),
    Case(
        "runs without a group stand alone",
        {"metrics": "acc", "aggregate": "group"},
        [summary(acc=0.8), summary(acc=0.9)],
        outputs={"best-run-id": "c1"},
    ),
    Case(
        "the best group by its mean, not by its luckiest seed",
        {"metrics": "acc", "aggregate": "group", "gates": "acc >= 0.9"},
        [
            {**summary(acc=value), "group": group}
            for value, group in ((1.0, "lucky"), (0.5, "lucky"), (0.9, "steady"), (0.9, "steady"))
        ],
        says=["✅ The gate passed"],
        outputs={"best-run-id": "c2"},
    ),
]

COMMIT = [
    Case(
        "all recorded",
        {},
        [{"commit": SHA}, {"commit": SHA}],
        outputs={"verified": "true"},
        says=["✅ recorded by W&B for all 2 candidates"],
    ),
    Case("a recorded commit in capitals is the same", {}, [{"commit": SHA.upper()}], outputs={"verified": "true"}),
    Case(
        "the merge commit is not the head",
        {},
        [{"commit": "c" * 40}],
        outputs={"verified": "false"},
        says=["❌ contradicted", "is of `ccccccc`"],
    ),
    Case(
        "a run chosen by id without any commit",
        {"run_id": "b0"},
        [],
        [{"config": {"github_sha": ""}}],
        outputs={"verified": "false"},
        says=["without a commit"],
    ),
    Case("only claimed, with advice", {}, [{}], outputs={"verified": "false"}, says=["only claimed", "`WANDB_GIT_COMMIT`"]),
    Case(
        "contradicted by config",
        {"run_id": "b0"},
        [],
        [{}],
        outputs={"verified": "false"},
        says=["another commit in its config"],
    ),
]

GATE = [
    Case(
        "each gate is shown with its numbers",
        {"gates": "acc >= 0.5\nacc >= 0.95"},
        [summary(acc=0.9)],
        code=1,
        says=["| ✅ passed | `acc >= 0.5` | 0.9 | &#62;= 0.5 |", "| ❌ failed | `acc >= 0.95` | 0.90 | &#62;= 0.95 |"],
    ),
    Case(
        "per cent of the baseline",
        {"gates": "acc >= baseline - 10%"},
        [summary(acc=0.9)],
        [summary(acc=1.0)],
        says=["| 0.9 | &#62;= 0.9 |"],
        outputs={"gate": "passed"},
    ),
    Case(
        "a percentage of a negative baseline is of its magnitude",
        {"gates": "x >= baseline - 10%"},
        [summary(x=-1.1)],
        [summary(x=-1.0)],
        outputs={"gate": "passed"},
    ),
    Case(
        "a gate without a baseline fails",
        {"gates": "acc >= baseline - 100"},
        [summary(acc=1)],
        code=1,
        says=["there is no baseline"],
    ),
    Case(
        "a latest baseline without a value fails the gate",
        {"gates": "acc >= baseline.latest"},
        [summary(acc=1)],
        [summary(x=1), summary(acc=0)],
        code=1,
        says=["b0, the latest of 2 baselines, has no finite value of acc"],
    ),
    Case(
        "equality has no best baseline without a direction",
        {"gates": "x == baseline"},
        [summary(x=1)],
        [summary(x=1)],
        code=1,
        says=["the direction of x is not known"],
    ),
    Case(
        "a gate on a metric that is not shown",
        {"metrics": "loss", "gates": "hidden < 1"},
        [summary(loss=1, hidden=0.5)],
        outputs={"gate": "passed"},
        hides=["| `hidden`"],
    ),
    Case(
        "a quoted name may hold an operator", {"gates": '"a<b" >= 1'}, [{"summary": {"a<b": 2}}], outputs={"gate": "passed"}
    ),
    Case(
        "nothing is decided while a candidate runs",
        {"gates": "acc > 0"},
        [summary(acc=1), {"state": "running"}],
        code=5,
        outputs={"gate": "pending", "complete": "false"},
        says=["⏳ Not decided yet for `aaaaaaa`: 1 run still running"],
    ),
    Case(
        "with 'partial' gates are evaluated while candidates run, and the verdict says so",
        {"gates": "acc > 0", "partial": "true"},
        [summary(acc=1), {"state": "running"}],
        outputs={"gate": "passed", "complete": "false"},
        says=["✅ The gate passed for `aaaaaaa`; 1 run still running", "Judged before all runs ended, as 'partial' asks"],
    ),
    Case(
        "crashed candidates fail a gate",
        {"gates": "acc > 0"},
        [{"state": "crashed"}],
        code=1,
        csv=[],
        outputs={"gate": "failed", "num-crashed": "1"},
        says=["no candidate finished"],
    ),
]

LEGACY = [
    Case(
        "older outputs spell booleans as True and False",
        {},
        [{}],
        outputs={"BOOL_COMPLETE": "True", "BOOL_SINGLE_RUN": "True", "complete": "true", "single-run": "true"},
    ),
    Case(
        "a running run is counted",
        {},
        [{"state": "running"}],
        outputs={"BOOL_COMPLETE": "False", "NUM_RUNNING": "1", "NUM_FINISHED": "0"},
        csv=[],
    ),
    Case(
        "aborted are the killed and the failed",
        {},
        [{"state": "killed"}, {"state": "failed"}, {"state": "crashed"}],
        outputs={"NUM_ABORTED": "2", "NUM_CRASHED": "1"},
    ),
    Case(
        "Python's lists",
        {"DISPLAY_METRICS": "['acc', \"loss\"]", "DISPLAY_CONFIG_VARS": "['lr']"},
        [summary(acc=1, loss=2)],
        cells={"acc": "1", "loss": "2", "_lr": "0.1"},
    ),
    Case(
        "code in a list is not executed",
        {"DISPLAY_METRICS": "__import__('os').system('touch pwned')"},
        [{}],
        hides=["pwned: "],
    ),
    Case(
        "the older name accepts any text as the SHA",
        {"sha": "", "FILTER_GITHUB_SHA": OTHER},
        [],
        [{}],
        outputs={"NUM_FINISHED": "1"},
        csv=["b0"],
    ),
    Case("debug in capitals", {"DEBUG": "True"}, [{}]),
    Case("debug by any text", {"DEBUG": "1"}, [{}]),
    Case("one running run is a single one", {}, [{"state": "running"}], outputs={"BOOL_SINGLE_RUN": "True"}, csv=[]),
    Case(
        "a finished and a running run are no single one",
        {},
        [{}, {"state": "running"}],
        outputs={"BOOL_SINGLE_RUN": "False", "single-run": "true"},
    ),
    Case(
        "a list can be written as JSON",
        {"metrics": json.dumps(["acc", "a, b"])},
        [{"summary": {"acc": 1, "a, b": 2}}],
        cells={"a, b": "2"},
    ),
]

CASES = [*DIRECTIONS, *VALUES, *BEST, *SEEDS, *COMMIT, *GATE, *LEGACY]
