"""Whose learning curves the report draws: those of candidates, the judged one first, and those of baselines beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlops_actions.core import markdown
from mlops_actions.core.runs import RUNNING, Run
from mlops_actions.wandb_runs.findings import Findings
from mlops_actions.wandb_runs.report import curves
from mlops_actions.wandb_runs.report.curve_points import Curve
from mlops_actions.wandb_runs.report.table_parts import run_link

_MAX_GROUPS = 3  # three lines each; more cannot be told apart
_MAX_BASELINES = 2
_MAX_SEEDS = 20  # runs of a group whose histories are read
_MAX_OPEN_CHARTS = 2


@dataclass(frozen=True)
class Drawn:
    """The runs that one curve stands for, and what the report calls it (Markdown)."""

    label: str
    runs: tuple[Run, ...]


def choose(
    candidates: Sequence[Run],
    baselines: Sequence[Run],
    *,
    judged: Sequence[Run] = (),
    bar: Sequence[Run] = (),
    by_group: bool = False,
) -> tuple[Drawn, ...]:
    """Choose the curves: that of the runs `judged` first, then other candidates, then the runs of the bar, other baselines.

    Runs that finished come before those that still run, and these before those that ended with an error, whose curves may
    show why. Groups are drawn as one curve each where `by_group`, of their finished runs.
    """
    of_candidates = _collect("candidate", _ranked(candidates, judged), by_group=by_group)
    of_baselines = _collect("baseline", _ranked(baselines, bar), by_group=by_group)[:_MAX_BASELINES]
    most = _MAX_GROUPS if any(len(drawn.runs) > 1 for drawn in (*of_candidates, *of_baselines)) else curves.MAX_CURVES
    return (*of_candidates[: most - len(of_baselines)], *of_baselines)


def _ranked(runs: Sequence[Run], first: Sequence[Run]) -> list[Run]:
    order = {run.id: index for index, run in enumerate(first)}
    return sorted(runs, key=lambda run: (order.get(run.id, len(order)), not run.finished, run.state != RUNNING))


def _collect(kind: str, runs: Sequence[Run], *, by_group: bool) -> list[Drawn]:
    members: dict[str, list[Run]] = {}
    for run in runs:
        grouped = by_group and run.group
        if run.finished or not grouped:
            members.setdefault(f"group {run.group}" if grouped else f"run {run.id}", []).append(run)
    return [
        Drawn(f"{kind} {run_link(found[0])}", (found[0],))
        if len(found) == 1
        else Drawn(f"{kind} group {markdown.code(found[0].group)}", tuple(found[:_MAX_SEEDS]))
        for found in members.values()
    ]


def section(findings: Findings) -> str:
    """Return the charts of all metrics whose curves are wanted, folded where there are many."""
    if not findings.curves:
        return ""
    contradicted = {run.id for run in findings.commit.contradicted}
    judged, bar = findings.judged, findings.bar
    drawn = choose(
        [run for run in findings.candidates if run.id not in contradicted],
        findings.baselines,
        judged=judged.group.members if judged.group else (),
        bar=bar.members if bar else (),
        by_group=judged.by_group,
    )
    charts = [_chart(metric, drawn, findings) for metric in findings.curves]
    return markdown.fold("Learning curves", "\n\n".join(charts), opened=len(charts) <= _MAX_OPEN_CHARTS)


def _chart(metric: str, drawn: Sequence[Drawn], findings: Findings) -> str:
    """Return the chart of a metric, and say whose history is not known: that is no sign that a run logged none."""
    points = {run_id: details.curves[metric] for run_id, details in findings.details.items() if metric in details.curves}
    shown = [curve for curve in drawn if all(run.id in points for run in curve.runs)]
    chart = curves.chart(metric, [Curve.of(curve.label, *(points[run.id] for run in curve.runs)) for curve in shown])
    name, tracker = markdown.code(metric), markdown.escape(findings.tracker.name)
    unknown = [curve.label for curve in drawn if curve not in shown]
    if unknown:
        lost = f"The history of {name} is unknown, since {tracker} did not answer: {', '.join(unknown)}."
        return f"{chart}\n\n{lost}" if chart else lost
    return chart or f"No run shown here has a history of {name}."
