"""The report's tables: gates, the best candidate against its baselines, seeds, and all runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from mlops_actions.core import markdown
from mlops_actions.core.runs import Run, metric_value, value_at
from mlops_actions.wandb_runs.differences import Difference, MetricRow, best_ids
from mlops_actions.wandb_runs.findings import Findings
from mlops_actions.wandb_runs.inputs import CSV_FILE
from mlops_actions.wandb_runs.metrics.metric import INFERRED, Metric
from mlops_actions.wandb_runs.report.numbers import (
    NO_VALUE,
    aligned,
    format_difference,
    format_number,
    format_percent,
    table_cell,
)
from mlops_actions.wandb_runs.selection.judged import ALL, BEST, LATEST, MEAN
from mlops_actions.wandb_runs.statistics.seeds import SeedComparison, Spread
from mlops_actions.wandb_runs.verdict.gates import GateResult

# A larger table of all runs is folded.
_MAX_OPEN_RUNS, _MAX_OPEN_COLUMNS = 8, 6
_MAX_RUNS = 60
_NAMES = {BEST: "Best candidate", LATEST: "Latest candidate", MEAN: "Candidates", ALL: "Deciding candidate"}
_NEWEST = {**_NAMES, BEST: "Newest candidate"}  # where no metric tells which one is best
_STATISTICS = "https://github.com/machine-learning-apps/mlops-actions/blob/main/docs/statistics.md"
_NO_BREAK_SPACE = "\u00a0"


Item = TypeVar("Item")


@dataclass(frozen=True)
class Column(Generic[Item]):
    """A column of a table: its title, the cell of each item (a row), and its alignment (`l` or `r`)."""

    title: str
    cell: Callable[[Item], str]
    align: str = "r"


def _table(columns: Sequence[Column[Item]], items: Iterable[Item]) -> str:
    rows = [[column.cell(item) for column in columns] for item in items]
    return markdown.table([column.title for column in columns], rows, "".join(column.align for column in columns))


def gates_table(results: Sequence[GateResult]) -> str:
    """Return every gate with its rule, its two numbers and the reason of a failure."""
    if not results:
        return ""
    columns = [
        Column[GateResult]("Gate", lambda result: _unbroken(_gate_mark(result)), "l"),
        Column[GateResult]("Rule", lambda result: markdown.code(result.gate.text), "l"),
        Column[GateResult]("Value", _gate_value),
        Column[GateResult]("Required", _required),
    ]
    if any(result.run for result in results):
        columns.insert(2, Column[GateResult]("Decided by", lambda result: run_link(result.run) if result.run else "", "l"))
    if any(result.reason or result.against for result in results):
        columns.append(Column[GateResult]("", lambda result: markdown.escape(result.reason or result.against), "l"))
    return _table(columns, results)


def _gate_mark(result: GateResult) -> str:
    if not result.judged:
        return "⚪ not judged"
    return "✅ passed" if result.passed else "❌ failed"


def _required(result: GateResult) -> str:
    if result.required is None:
        return NO_VALUE
    return _unbroken(f"{markdown.escape(result.gate.operator)} {gate_numbers(result)[1]}")


def _gate_value(result: GateResult) -> str:
    if result.bound is None:
        return gate_numbers(result)[0]
    # The bound decided, not the mean.
    value, bound, _ = aligned([result.value, result.bound, result.required])
    end = "at least" if result.gate.operator in (">", ">=") else "at most"
    return f"{value}<br>{_unbroken(f'{end} {bound} with {result.gate.confidence:g} %')}"


def gate_numbers(result: GateResult) -> tuple[str, str]:
    """Return the two numbers of a gate, which never look alike where they differ; a dash where one is missing."""
    value, required = aligned([result.value, result.required])
    return value, required


def comparison_table(findings: Findings) -> str:
    """Return the judged candidate against the bar, and the mean and the latest of all baselines."""
    judged = findings.judged.run
    if not judged or not findings.baselines or not findings.rows:
        return ""
    columns = [Column[MetricRow]("Metric", lambda row: _metric(row.metric), "l"), Column[MetricRow]("Candidate", _candidate)]
    if len(findings.baselines) == 1:
        columns.append(Column[MetricRow]("Baseline", lambda row: _difference(row, row.bar)))
    else:
        columns += [
            Column[MetricRow]("Bar", lambda row: _difference(row, row.bar)),
            Column[MetricRow]("Mean", lambda row: _difference(row, row.mean)),
            Column[MetricRow]("Latest", lambda row: _difference(row, row.latest)),
        ]
    title, table = _comparison_title(findings, judged), _table(columns, findings.rows)
    return f"{title}\n\n{table}\n\n{_legend(findings.metrics)}"


def _comparison_title(findings: Findings, run: Run) -> str:
    judged = findings.judged
    name = "Candidate" if len(judged.candidates) == 1 else _NAMES[judged.judge] if judged.by else _NEWEST[judged.judge]
    by = f" (by {markdown.code(judged.by.name)})" if judged.by and judged.selected_by else ""
    bar, of_bar = findings.bar, ""
    if bar:
        of_bar = f"; the bar is {run_link(bar.run)}, {markdown.escape(bar.choice)}"
    if findings.baseline_place:
        of_bar += f"; baselines of {markdown.escape(findings.baseline_place)}"
    return f"**{name}** {run_link(run)}{by} against {plural(findings.counts.baselines, 'baseline')}{of_bar}"


def _candidate(row: MetricRow) -> str:
    value = _value_beside_references(row, row.value)
    return f"**{value}**" if row.bar and row.bar.better else value


def _value_beside_references(row: MetricRow, value: Any) -> str:
    """Format a value of a row with the decimals that all its values have."""
    references = [difference.reference for difference in (row.bar, row.mean, row.latest) if difference]
    return aligned([value, row.value, *references])[0]


def _difference(row: MetricRow, difference: Difference | None) -> str:
    """Return the reference value, and below it the difference on one line."""
    if not difference:
        return NO_VALUE
    # Words, since a red and a green mark can look alike.
    mark = {True: " 🟢 better", False: " 🔴 worse", None: ""}[difference.better]
    relative = f" ({format_percent(difference.percent)})" if difference.percent is not None else ""
    absolute = format_difference(difference.absolute, 3)
    return f"{_value_beside_references(row, difference.reference)}<br>{_unbroken(f'{absolute}{relative}{mark}')}"


def seeds_table(comparisons: Sequence[SeedComparison]) -> str:
    """Return for each metric whether the difference of the means exceeds the noise."""
    if not comparisons:
        return ""
    columns = [
        Column[SeedComparison]("Metric", lambda comparison: _metric(comparison.metric), "l"),
        Column[SeedComparison]("Candidate's seeds", lambda comparison: _spread(comparison.candidates)),
        Column[SeedComparison]("Baseline's seeds", lambda comparison: _spread(comparison.baselines)),
        Column[SeedComparison]("Δ of means", lambda comparison: format_difference(comparison.difference)),
        Column[SeedComparison]("95 % interval", _interval),
        Column[SeedComparison]("", _seeds_verdict, "l"),
    ]
    several = len(comparisons) > 1
    corrected = f", corrected for {len(comparisons)} metrics" if several else ""
    paired = " The same seeds ran on both sides: they are compared in pairs, too." if comparisons[0].paired else ""
    claim = f"At most 5 % of reports call noise a difference{corrected}.{paired}"
    note = f"<sub>{claim} [What is claimed, and why]({_STATISTICS})</sub>"
    title = f"**More than noise?** Against {markdown.escape(comparisons[0].against)}"
    return f"{title}\n\n{_table(columns, comparisons)}\n\n{note}"


def _seeds_verdict(comparison: SeedComparison) -> str:
    mark = {True: "🟢 ", False: "🔴 ", None: ""}[comparison.better]
    return mark + markdown.escape(comparison.verdict)


def _interval(comparison: SeedComparison) -> str:
    if comparison.low is None or comparison.high is None:
        return NO_VALUE
    return _unbroken(f"{format_difference(comparison.low)} … {format_difference(comparison.high)}")


def _spread(spread: Spread) -> str:
    deviation = "" if spread.deviation is None else f" ± {format_number(spread.deviation, 2)}"
    count = f"{spread.n} of {spread.started} seeds finished" if spread.n < spread.started else f"n = {spread.n}"
    return f"{_unbroken(format_number(spread.mean) + deviation)} ({count})"


def runs_table(findings: Findings) -> str:
    """Return all runs, candidates first, with the best value of each metric in bold."""
    runs = [*findings.candidates, *findings.baselines]
    if not runs:
        return ""
    table = _table(_run_columns(findings, runs), runs[:_MAX_RUNS])
    if len(runs) > _MAX_RUNS:
        table += f"\n\n{len(runs) - _MAX_RUNS} more are in {markdown.code(CSV_FILE)}."
    if not findings.rows or not findings.baselines:
        table = f"{table}\n\n{_legend(findings.metrics)}".rstrip()
    counts = f"{plural(len(findings.candidates), 'candidate')}, {plural(len(findings.baselines), 'baseline')}"
    values = len(findings.metrics) + len(findings.config_keys)
    if len(runs) <= _MAX_OPEN_RUNS and values <= _MAX_OPEN_COLUMNS:
        return f"**All runs** ({counts}; best in bold)\n\n{table}"
    return markdown.fold(f"All runs ({counts}; best in bold)", table)


def _run_columns(findings: Findings, runs: Sequence[Run]) -> list[Column[Run]]:
    """List the columns of the table of all runs, from left to right."""
    return [
        Column("", lambda run: _role(findings, run), "l"),
        Column("Run", run_link, "l"),
        Column("State", lambda run: markdown.escape(findings.state_of(run)), "l"),
        *(_metric_column(metric, runs) for metric in findings.metrics),
        *(_config_column(key) for key in findings.config_keys),
    ]


def _role(findings: Findings, run: Run) -> str:
    """Say whether a run is a candidate or a baseline, and whether it is the bar or does not count."""
    if run in findings.candidates:
        return "candidate (not counted)" if run in findings.commit.contradicted else "candidate"
    is_bar = findings.bar is not None and findings.bar.out_of > 1 and run in findings.bar.members
    return "baseline (the bar)" if is_bar else "baseline"


def _metric_column(metric: Metric, runs: Sequence[Run]) -> Column[Run]:
    best = best_ids([run for run in runs if run.finished], metric)
    texts = dict(zip((run.id for run in runs), aligned([metric_value(run, metric.name) for run in runs]), strict=True))

    def cell(run: Run) -> str:
        value = texts[run.id]
        return f"**{value}**" if run.id in best else value

    return Column(_metric(metric), cell)


def _config_column(key: str) -> Column[Run]:
    return Column(markdown.code(key), lambda run: table_cell(value_at(run.config, key)))


def _metric(metric: Metric) -> str:
    suffix = f" {metric.arrow}" if metric.arrow else ""
    return markdown.code(metric.name) + _unbroken(suffix + (" \\*" if metric.source == INFERRED else ""))


def _legend(metrics: Sequence[Metric]) -> str:
    parts = []
    if any(metric.direction for metric in metrics):
        parts = ["↑ higher is better, ↓ lower is better"]
    if any(metric.source == INFERRED for metric in metrics):
        parts.append("\\* direction inferred from the name; give `:min` or `:max` in `metrics`")
    if any(not metric.direction for metric in metrics):
        parts.append("without an arrow: direction not known")
    return f"<sub>{' · '.join(parts)}</sub>" if parts else ""


def _unbroken(text: str) -> str:
    """Return text that is never wrapped."""
    return text.replace(" ", _NO_BREAK_SPACE)


def run_link(run: Run) -> str:
    """Return a link to a run's page."""
    return markdown.link(run.title, run.url)


def plural(number: int, noun: str) -> str:
    """Return a number with its noun: `1 run`, `2 runs`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
