"""Hostile values of runs: extremes, depths and lengths in the report, the JSON document and the spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from mlops_actions.boundary.wandb import decode
from mlops_actions.core.declare import read
from mlops_actions.core.runs import Run, RunDetails, TrackerInfo, TrackerResult
from mlops_actions.wandb_runs.comparison import evaluate, prepare
from mlops_actions.wandb_runs.findings import Findings
from mlops_actions.wandb_runs.inputs import Inputs
from mlops_actions.wandb_runs.report import curves, spreadsheet
from mlops_actions.wandb_runs.report import document as report
from mlops_actions.wandb_runs.report.curve_points import Curve
from mlops_actions.wandb_runs.report.provenance import ReportContext
from mlops_actions.wandb_runs.values import fit_output
from tests.support.payloads.hostile import HOSTILE
from tests.support.result_schemas import check_result

SHA = "a" * 40
NOW = datetime(2026, 1, 1, tzinfo=UTC)
BIG = 1.7976931348623157e308
TRACKER = TrackerInfo(
    name="Tracker", server_url="https://w.example", project_url="https://w.example/e/p", digest_algorithm="digest"
)
FEW = settings(max_examples=25, deadline=None)
VALUES = st.one_of(
    st.sampled_from(
        [BIG, -BIG, 5e-324, -5e-324, 0.0, -0.0, math.nan, math.inf, -math.inf, 10**400, -(10**400), True, None, "x"]
    ),
    st.floats(),
    st.integers(),
    st.text(max_size=5),
)


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def run(name: str, summary: Mapping[str, Any], **more: Any) -> Run:
    return Run(
        id=name,
        name=more.pop("display", name),
        state="finished",
        url=f"https://w.example/{name}",
        entity="e",
        project="p",
        summary=summary,
        **more,
    )


def findings_of(
    candidates: list[Run], baselines: list[Run], details: Mapping[str, RunDetails] | None = None, **inputs: str
) -> Findings:
    given_inputs = {
        "project": "e/p", "sha": SHA, "metrics": "acc:max, loss:min, odd", "baseline-tags": "b", "curves": "acc",
        "config-keys": "key", **inputs,
        "gates": "acc >= baseline.mean * 2\nloss <= baseline.best - 5%\nodd != baseline.latest",
    }  # fmt: skip
    environ = {f"INPUT_{name.upper()}": value for name, value in given_inputs.items()}
    read_inputs = read(Inputs, environ)
    comparison = prepare(read_inputs, TrackerResult(tuple(candidates), tuple(baselines)))
    return evaluate(read_inputs, comparison, details or {}, now=NOW, tracker=TRACKER)


def render_all(findings: Findings) -> tuple[str, Any, str]:
    """Return report, JSON document and spreadsheet; the JSON is read back strictly and checked against its schema."""

    def strict(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    text = json.dumps({"schema": 1, **findings.document()})
    check_result("wandb-runs", text)
    document = json.loads(text, parse_constant=strict)
    names = [metric.name for metric in findings.metrics]
    table = spreadsheet.render(
        findings.candidates, findings.baselines, metrics=names, config_keys=findings.config_keys, sha_config_key="github_sha"
    )
    return report.render(findings, ReportContext()), document, table


@FEW
@given(
    st.lists(VALUES, min_size=6, max_size=6), st.lists(VALUES, min_size=9, max_size=9), st.sampled_from(["none", "group"])
)
def test_no_number_breaks_report_json_or_csv(candidates: list[Any], baselines: list[Any], aggregate: str) -> None:
    def runs(kind: str, values: list[Any]) -> list[Run]:
        triples = [values[start : start + 3] for start in range(0, len(values), 3)]
        return [
            run(f"{kind}{index}", dict(zip(("acc", "loss", "odd"), triple, strict=True)), group="g")
            for index, triple in enumerate(triples)
        ]

    text, _, _ = render_all(findings_of(runs("c", candidates), runs("b", baselines), aggregate=aggregate))
    assert text.startswith("### ")


@FEW
@given(st.lists(st.tuples(st.floats(), st.floats()), max_size=8))
def test_no_history_breaks_a_chart(points: list[tuple[float, float]]) -> None:
    chart = curves.chart("acc", [Curve.of("a", points), Curve.of("b", [(0, BIG), (1, -BIG)])])
    for line in re.findall(r"^  (?:y-axis|line) .*$", chart, re.MULTILINE):
        assert not re.search("inf|nan", line, re.IGNORECASE)


@pytest.mark.parametrize("levels", [30, 400, 900])
def test_a_deeply_nested_value_is_cut(levels: int) -> None:
    nested = run("c1", {"acc": deep(levels), "odd": {"a": deep(levels)}}, config={"key": deep(levels)})
    text, document, table = render_all(findings_of([nested], [nested]))
    assert max(len(line) for line in text.splitlines()) < 2000
    assert document["candidates"][0]["id"] == "c1"
    assert table.count("\n") >= 2


ALLOWED = {"h3", "p", "blockquote", "strong", "em", "sub", "br", "code", "pre", "a", "details", "summary"} | {
    "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_stay_text_in_every_part_of_the_report(text: str) -> None:
    name = " ".join(text.split())
    summary = {"acc": 1, f"eval/{name}/acc": 0.5, "eval/b/acc": 0.5}
    more: dict[str, Any] = {"display": text, "seconds": 60, "gpus": 1, "gpu_name": text, "config": {"key": text}}
    candidates = [run(f"c{index}", {**summary, "acc": index}, group=f"{text}{index}", **more) for index in range(9)]
    bar = run("b|`<b>", {"acc": 3, f"eval/{name}/acc": 0.75, "eval/lost/acc": 1}, **more)
    details = {"c8": RunDetails(config={text: text, "a": {text: 1}, "seed": text}), bar.id: RunDetails(config={"a": text})}
    found = findings_of(
        candidates, [bar], details, metrics="acc:max, eval/*/acc:max", curves="", aggregate="none", gates="", require="one"
    )
    page = report.render(replace(found, tracker=replace(TRACKER, runs_url="https://w.example/e/p/table")), ReportContext())
    parts = ("Slices of", "What changed", "Cost:", "Side by side", "The best 5 of 9", "All runs (9 candidates")
    assert all(part in page for part in parts), page
    html = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(page)
    assert set(re.findall(r"</?([a-zA-Z][\w-]*)", html)) <= ALLOWED
    assert {link.partition("/w.example/")[0] for link in re.findall(r'href="([^"]*)"', html)} == {"https:/"}
    # No cell of a hostile text adds a column to its row.
    for table in re.findall(r"<table>.*?</table>", html, re.DOTALL):
        assert len({row.count("<td") + row.count("<th") for row in re.findall(r"<tr>.*?</tr>", table, re.DOTALL)}) == 1


LONG = "x" * 20_000


def test_long_names_are_cut_in_report_and_outputs() -> None:
    runs = [
        run(f"c{index}", {"acc": LONG, "loss": 1}, display=LONG, tags=(LONG,) * 20, group=LONG, config={"key": LONG})
        for index in range(12)
    ]
    long_names = findings_of(runs, [])
    text, _, _ = render_all(long_names)
    assert len(text) < 20_000
    # A step takes `result` as one variable, and Linux takes 128 KiB of one.
    assert len(json.dumps(fit_output(long_names.document(100)))) <= 100_000


HINTS: list[Any] = [
    None, 1, "m", [], {"m": 1}, {"m": [1, None, []]}, {"m": [{"1": ["acc"]}]}, {"m": [{"1": "acc", "8": [1]}]},
    {"m": [{"1": "acc", "8": {"a": 1}}]}, {"m": [{"1": "acc", "7": [[1], {"a": 1}, None]}]}, {"m": [{"1": "acc", "7": "x"}]},
]  # fmt: skip


@pytest.mark.parametrize("internal", HINTS, ids=str)
def test_malformed_directions_are_ignored(internal: Any) -> None:
    assert dict(decode.directions({"_wandb": {"value": internal}})) == {}


FORMULAS = [
    "=1+1",
    "+1",
    "-1+cmd",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    " =1",
    "\u00a0=1",
    "\u200b=1",
    "\ufeff=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠x",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula(text: str) -> None:
    hostile = run("c1", {"acc": text}, display=text, description=text, config={"key": text, "github_sha": text})
    (row,) = csv.DictReader(io.StringIO(render_all(findings_of([hostile], []))[2], newline=""))
    for column in ("run.name", "run.description", "github_sha", "acc", "_key"):
        assert row[column].startswith("'"), (column, row[column])
