"""The judged candidate against the bar, metric by metric, with the mean and the latest of the baselines beside it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mlops_actions.core import markdown
from mlops_actions.core.runs import MISSING, Run, finite_number, metric_value
from mlops_actions.wandb_runs.differences import Difference, MetricRow
from mlops_actions.wandb_runs.findings import Findings
from mlops_actions.wandb_runs.report.numbers import NO_VALUE, NumberFormat, format_percent
from mlops_actions.wandb_runs.report.table_parts import Column, draw_table, legend, metric_title, run_link, unbroken
from mlops_actions.wandb_runs.selection.baseline_bar import Bar


def comparison_table(findings: Findings, sliced: Collection[str] = ()) -> str:
    """Return the comparison as Markdown; empty without candidate or bar. The metrics `sliced` have another table."""
    judged, bar = findings.judged.run, findings.bar
    if not judged or not bar or not findings.rows:
        return ""
    rows = [row for row in findings.rows if row.metric.name not in sliced]
    columns = [
        Column[MetricRow]("Metric", lambda row: metric_title(row.metric), "l"),
        Column[MetricRow]("Candidate", lambda row: _candidate(row, bar)),
        Column[MetricRow]("Bar" if bar.out_of > 1 else "Baseline", lambda row: _of(row, bar).text(_bar_value(row, bar))),
        Column[MetricRow]("Change", lambda row: _change(row, bar), "l"),
    ]
    if bar.out_of > 1:
        mean_of = Column[MetricRow](f"Mean of {bar.out_of}", lambda row: _reference(row, bar, row.mean))
        latest = Column[MetricRow]("Latest", lambda row: _reference(row, bar, row.latest))
        # The bar can be the latest baseline itself.
        columns += [mean_of] if _is_latest(bar, findings.baselines) else [mean_of, latest]
    table = draw_table(columns, rows) if rows else ""
    metrics = [row.metric for row in rows]
    return "\n\n".join(part for part in (_title(judged, bar, findings.baseline_place), table, legend(metrics)) if part)


def _is_latest(bar: Bar, baselines: Sequence[Run]) -> bool:
    return bool(baselines) and any(run.id == baselines[0].id for run in bar.members)


def _title(run: Run, bar: Bar, place: str) -> str:
    """Name both sides; `place` says of which commits the baselines are, where they were looked for by commit."""
    of_commits = f"; baselines of {markdown.escape(place)}" if place else ""
    if bar.out_of == 1:
        return f"**{run_link(run)}** against the {bar.noun} {run_link(bar.run)}{of_commits}"
    return f"**{run_link(run)}** against the bar {run_link(bar.run)}, {markdown.escape(bar.choice)}{of_commits}"


def _bar_value(row: MetricRow, bar: Bar) -> object:
    return metric_value(bar.run, row.metric.name)


def _of(row: MetricRow, bar: Bar) -> NumberFormat:
    """Return the format of all numbers of a row; the candidate's and the bar's differ visibly where they differ."""
    value, reference = row.value, _bar_value(row, bar)
    others = [difference.reference for difference in (row.mean, row.latest) if difference]
    return NumberFormat.of([value, reference, *others], [(value, reference)])


def _candidate(row: MetricRow, bar: Bar) -> str:
    value = _of(row, bar).text(row.value)
    return f"**{value}**" if row.bar and row.bar.better else value


def _reference(row: MetricRow, bar: Bar, difference: Difference | None) -> str:
    return _of(row, bar).text(difference.reference) if difference else NO_VALUE


def _change(row: MetricRow, bar: Bar) -> str:
    """Return the difference from the bar, and in words what it means: a red and a green mark can look alike."""
    if row.vanished:
        return unbroken("🔴 vanished" if row.value is MISSING else "🔴 no number")
    value, reference = finite_number(row.value), finite_number(_bar_value(row, bar))
    if row.bar is None or value is None or reference is None:
        return f"⚠️ {markdown.escape(row.partial)}" if row.partial else NO_VALUE
    mark = {True: " 🟢 better", False: " 🔴 worse", None: "" if row.bar.absolute else " same"}[row.bar.better]
    relative = f" ({format_percent(row.bar.percent)})" if row.bar.percent and row.bar.absolute else ""
    return unbroken(f"{_of(row, bar).difference(value, reference)}{relative}{mark}")
