"""Reports in a real browser, as a reviewer sees them: mermaid's own library draws every diagram of the suite."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator, Sequence
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.argo_submit import report as workflow_report
from mlops_actions.argo_submit.report import WorkflowReportContext
from mlops_actions.argo_submit.status import WorkflowStatus, read
from mlops_actions.wandb_runs.report import curves
from mlops_actions.wandb_runs.report.curve_points import Curve
from mlops_sandbox.github import GitHubServer, PullRequest, render_page
from mlops_sandbox.host import Host
from mlops_sandbox.wandb import WandbServer
from tests.actions.wandb_runs import shapes
from tests.actions.wandb_runs.step import SHA, WandbStep
from tests.e2e.conftest import Browser
from tests.support.forking import Forker
from tests.support.payloads import make_sample
from tests.support.payloads.hostile import HOSTILE
from tests.support.wandb import MODULES, WandbHost

NAMES = [
    *HOSTILE,
    'a"b',
    "]",
    "#quot;",
    "%%{init: {}}%%",
    "---",
    "end",
    "a;b",
    "`x`",
    "a\nb",
    "x" * 500,
    "損失",
    "🎉",
    " ",
    ":::x",
]
SHAPES: dict[str, Sequence[tuple[float, float]]] = {
    "falling": [(step, 1 / (step + 1)) for step in range(200)],
    "flat": [(0, 0.5), (10, 0.5)],
    "flat at zero": [(0, 0.0), (1, 0.0)],
    "tiny": [(step, step * 1e-12) for step in range(5)],
    "huge": [(step, step * 1e12 + 1e15) for step in range(5)],
    "beyond": [(0, -1e300), (1, 1e300)],
    "negative": [(-5, -1.5), (5, -0.5)],
    "far apart": [(0, 1.0), (10**9, 2.0)],
    "close together": [(0.001, 1.0), (0.002, 1.000001)],
    "holes": [(0, 1.0), (1, math.nan), (2, math.inf), (3, 0.5)],
    "ends in NaN": [(step, 1.0 / (step + 1) if step < 60 else math.nan) for step in range(200)],
    "wide gap": [(step, math.nan if 60 <= step < 140 else 1.0 / (step + 1)) for step in range(200)],
    "spike": [(step, 1000.0 if step == 417 else math.sin(step)) for step in range(1000)],
    "doubling": [(2.0**power, 30.0 - power) for power in range(30)],
}
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
MEASURE = """<script>addEventListener('load', () => setTimeout(() => {
  const page = document.documentElement
  page.dataset.overflow = page.scrollWidth - page.clientWidth
}, 5000))</script>"""
BLOCK = re.compile(r"^```mermaid\n.*?^```$", re.MULTILINE | re.DOTALL)


def charts() -> Iterator[str]:
    """Yield learning curves of every shape and name."""
    for shape, points in SHAPES.items():
        yield curves.chart(shape, [Curve.of("a", points)])
        yield curves.chart(shape, [Curve.of(str(index), points) for index in range(9)])
        yield curves.chart(shape, [Curve.of("group", points, SHAPES["falling"]), Curve.of("a", points)])
    for name in NAMES:
        yield curves.chart(name, [Curve.of("a", SHAPES["falling"]), Curve.of("b", SHAPES["flat"])])


def workflow(nodes: int, phase: str, names: list[str] | None = None, loop: str = "") -> WorkflowStatus:
    """Return a workflow of a chain of nodes, or of one loop with many items."""
    phases = ("Succeeded", "Failed", "Running", "Pending", "Error", "Skipped", "Omitted")
    found: dict[str, dict[str, Any]] = {
        "wf": {"id": "wf", "name": "wf", "displayName": "wf", "type": "DAG", "children": ["n0"]}
    }
    for index in range(nodes):
        following = [f"n{index + 1}"] if index + 1 < nodes else []
        if loop:
            following = [f"n{other}" for other in range(1, nodes)] if index == 0 else []
        found[f"n{index}"] = {
            "id": f"n{index}",
            "name": f"wf.{index}",
            "displayName": names[index] if names else f"{loop}({index}:{index})" if loop and index else f"step-{index}",
            "type": "Pod",
            "phase": phases[index % len(phases)] if phase == "mixed" else phase,
            "boundaryID": "wf",
            "message": "",
            "children": following,
            "startedAt": f"2026-01-01T00:{index % 60:02}:00Z",
            "finishedAt": f"2026-01-01T01:{index % 60:02}:00Z",
        }
    status = {"phase": "Failed" if phase == "mixed" else phase, "startedAt": "2026-01-01T00:00:00Z", "nodes": found}
    return read({"metadata": {"name": "wf", "namespace": "ml", "uid": "u", "resourceVersion": "5"}, "status": status})


def workflows() -> Iterator[str]:
    """Yield comments and summaries of small and large workflows, in every phase, with every name."""
    for status in (
        workflow(3, "Succeeded"),
        workflow(3, "Running"),
        workflow(14, "mixed"),
        workflow(60, "mixed"),
        workflow(300, "Succeeded", loop="shard"),
        workflow(300, "mixed", loop=NAMES[0]),
        workflow(300, "mixed"),
        workflow(len(NAMES), "mixed", names=NAMES),
    ):
        yield workflow_report.comment(status, WorkflowReportContext())
        yield workflow_report.summary(status, WorkflowReportContext(), {})


@pytest.fixture
def wandb_step(tmp_path: Path) -> Iterator[WandbStep]:
    server, github = WandbServer(), GitHubServer()
    with Host(server.app) as host, github.serve(), Forker(*MODULES) as forker:
        yield WandbStep.begin(WandbHost(server, host.url, tmp_path), github, forker, tmp_path)


def drawn(browser: Browser, pull: PullRequest, path: Path, *options: str) -> tuple[list[str], list[str]]:
    """Return the page's drawn diagrams, and the reasons why others were not drawn."""
    path.write_text(render_page(pull), encoding="utf-8")
    document = browser(path.as_uri(), *options, "--dump-dom")
    figures = re.findall(r'<figure class="diagram">(.*?)</figure>', document, re.DOTALL)
    return figures, [unescape(reason) for reason in re.findall(r'<pre class="undrawn" title="([^"]*)"', document)]


@pytest.mark.parametrize("source", [charts, workflows])
def test_mermaid_draws_every_diagram(browser: Browser, tmp_path: Path, source: Any) -> None:
    blocks = [block for text in source() for block in BLOCK.findall(text)]
    assert len(blocks) >= 10
    sample = make_sample()
    pull, bot = sample.pull, sample.github.actions_app.bot
    for start in range(0, len(blocks), 10):
        pull.comment("\n\n".join(blocks[start : start + 10]), by=bot)
    figures, undrawn = drawn(browser, pull, tmp_path / "page.html")
    assert undrawn == []
    assert len(figures) == len(blocks)
    shown = [unescape(re.sub(r"<[^>]+>", "", figure)) for figure in figures]
    for name in ('a"b', "損失", "<script>attack()</script>", "%%{init: {}}%%", "#quot;"):
        assert any(name in text for text in shown), name


def thirty_runs(wandb_step: WandbStep) -> None:
    """Log 24 candidates and 6 baselines with 12 metrics each, and let the action report."""
    draw = random.Random(7)
    metrics = [f"{split}_{name}" for split in ("train", "val", "test") for name in ("accuracy", "loss", "f1", "latency")]
    for index in range(30):
        summary = {name: draw.uniform(0.8, 1) * (40 if "latency" in name else 1) for name in metrics}
        history = [{"val_loss": 1 / (step + draw.uniform(1, 2)), "val_accuracy": 1 - 1 / (step + 2)} for step in range(40)]
        log = wandb_step.candidate if index < 24 else wandb_step.baseline
        log(
            f"run{index}",
            display_name=f"lr=3e-{index % 5} width={2**index} seed={index}",
            summary=summary,
            history=history,
            age=index,
            state="crashed" if index == 20 else "finished",
            commit=SHA if index < 24 else None,
            config={"width": index, "optimiser": "adam"},
        )
    code = wandb_step.run(
        sha=SHA,
        baseline_tags="baseline",
        metrics="\n".join(metrics),
        config_keys="lr, width, optimiser",
        gates="val_accuracy >= baseline.mean\ntest_latency <= baseline * 1.5\ntest_f1 >= 0.999\nabsent > 0",
        curves="val_loss, val_accuracy",
        image="ghcr.io/octo/digits@sha256:" + "1" * 64,
        workflow_url="https://argo.example/workflows/ml/train-1",
        comment="true",
        pr_number=wandb_step.pull.number,
        check_name="metrics",
    )
    assert code == 1, wandb_step.log


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_report_of_thirty_runs_and_twelve_metrics_fits_the_page(
    browser: Browser, wandb_step: WandbStep, tmp_path: Path, scheme: str
) -> None:
    thirty_runs(wandb_step)
    colours = f"--blink-settings=preferredColorScheme={1 if scheme == 'light' else 0}"
    figures, undrawn = drawn(browser, wandb_step.pull, tmp_path / "page.html", colours)
    assert (len(figures), undrawn) == (4, []), "two curves, in the comment and in the check run"
    (body,) = [comment.body for comment in wandb_step.pull.comments]
    # The verdict, the gates, the comparison and the best five are visible; the thirty runs are folded.
    opened = body.partition("<details")[0]
    assert "❌ Gates failed" in opened
    comparison = opened.partition("| Metric | Candidate |")[2].partition("\n\n")[0]
    assert len(re.findall(r"^\| `\w+`", comparison, re.MULTILINE)) == 12
    assert "**The best 5 of 23 finished candidates** by `train_accuracy`" in opened
    assert body.count("| candidate | ") == 24
    picture = tmp_path / "page.png"
    browser((tmp_path / "page.html").as_uri(), colours, f"--screenshot={picture}")
    assert len(picture.read_bytes()) > 50_000


@pytest.mark.parametrize("shape", shapes.SHAPES, ids=[shape.name for shape in shapes.SHAPES])
def test_a_shape_of_a_report_fits_a_narrow_page(
    browser: Browser, wandb_step: WandbStep, tmp_path: Path, shape: shapes.Shape
) -> None:
    assert shape.report(wandb_step) == shape.code, wandb_step.log
    page = tmp_path / "page.html"
    text = POLICY.sub("", render_page(wandb_step.pull))
    page.write_text(text.replace("</head>", f"{MEASURE}</head>", 1), encoding="utf-8")
    document = browser(page.as_uri(), "--window-size=390,2400", "--dump-dom")
    assert 'class="undrawn"' not in document
    # Wide tables scroll in their own boxes, not the page.
    assert re.search(r'<html[^>]* data-overflow="0"', document)


def test_a_folded_report_keeps_its_diagrams(browser: Browser, wandb_step: WandbStep, tmp_path: Path) -> None:
    wandb_step.candidate("first", history=[{"loss": 1 / (step + 1)} for step in range(20)], age=1)
    given = {"sha": SHA, "curves": "loss", "metrics": "acc", "comment": "true", "pr_number": wandb_step.pull.number}
    for number, (gate, code) in enumerate((("acc >= 0.8", 0), ("acc >= 0.9", 0), ("acc >= 0.95", 1))):
        wandb_step.environ["GITHUB_RUN_ID"] = str(number)
        assert wandb_step.run(**given, gates=gate) == code, wandb_step.log
    figures, undrawn = drawn(browser, wandb_step.pull, tmp_path / "page.html")
    assert (len(figures), undrawn) == (3, [])
    (body,) = wandb_step.comments()
    assert [title.partition(": ")[2] for title in re.findall(r"<summary>(\d{4}-.*)</summary>", body)] == [
        "✅ The gate passed for aaaaaaa · judged: first",
        "✅ The gate passed for aaaaaaa · judged: first",
    ]
