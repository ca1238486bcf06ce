"""The report's tables: gates, the best candidate against its baselines, seeds, and all runs."""

from __future__ import annotations

from collections.abc import Sequence

from mlops_actions.core import markdown
from mlops_actions.core.runs import Run, finite_number, metric_value, value_at
from mlops_actions.wandb_runs.differences import Difference, MetricRow, best_ids
from mlops_actions.wandb_runs.findings import Findings
from mlops_actions.wandb_runs.format import NO_VALUE, format_difference, format_number, format_percent, table_cell
from mlops_actions.wandb_runs.gates import GateResult
from mlops_actions.wandb_runs.inputs import CSV_FILE
from mlops_actions.wandb_runs.metrics import INFERRED, Metric
from mlops_actions.wandb_runs.seeds import SeedComparison, Spread

# A larger table of all runs is folded.
_MAX_OPEN_RUNS, _MAX_OPEN_COLUMNS = 8, 6
_MAX_RUNS = 60
_NO_BREAK_SPACE = "\u00a0"


def gates_table(results: Sequence[GateResult]) -> str:
    """Return every gate with its rule, its two numbers and the reason of a failure."""
    if not results:
        return ""
    header, align = ["Gate", "Rule", "Value", "Required", ""], "llrrl"
    rows = [_gate_row(result) for result in results]
    if not any(result.reason for result in results):
        header, align, rows = header[:4], align[:4], [row[:4] for row in rows]
    return markdown.table(header, rows, align)


def _gate_row(result: GateResult) -> list[str]:
    required = NO_VALUE
    if result.required is not None:
        required = _unbroken(f"{markdown.escape(result.gate.operator)} {format_number(result.required)}")
    return [
        _unbroken("✅ passed" if result.passed else "❌ failed"),
        markdown.code(result.gate.text),
        NO_VALUE if result.value is None else format_number(result.value),
        required,
        markdown.escape(result.reason),
    ]


def comparison_table(findings: Findings) -> str:
    """Return the best candidate against the best, the mean and the latest baseline."""
    if not findings.best or not findings.baselines or not findings.rows:
        return ""
    if len(findings.baselines) == 1:
        header = ["Metric", "Candidate", "Baseline"]
        rows = [[*_row_start(row), _difference(row.latest)] for row in findings.rows]
    else:
        header = ["Metric", "Candidate", "Best baseline", "Mean", "Latest"]
        rows = [
            [*_row_start(row), _difference(row.best), _difference(row.mean), _difference(row.latest)]
            for row in findings.rows
        ]
    table = markdown.table(header, rows, "l" + "r" * (len(header) - 1))
    return f"{_comparison_title(findings, findings.best)}\n\n{table}\n\n{_legend(findings.metrics, compared=True)}"


def _comparison_title(findings: Findings, best: Run) -> str:
    # Only a metric with a direction can say which candidate is best.
    decisive = [row.metric for row in findings.rows if row.metric.direction and finite_number(row.value) is not None]
    several = findings.counts.finished > 1
    name = "Candidate" if not several else "Best candidate" if decisive else "Newest candidate"
    by = f" (by {markdown.code(decisive[0].name)})" if decisive and several else ""
    return f"**{name}** {run_link(best)}{by} against {plural(findings.counts.baselines, 'baseline')}"


def _row_start(row: MetricRow) -> list[str]:
    value = table_cell(row.value)
    return [_metric(row.metric), f"**{value}**" if row.best and row.best.better else value]


def _difference(difference: Difference | None) -> str:
    """Return the reference value, and below it the difference on one line."""
    if not difference:
        return NO_VALUE
    mark = {True: " 🟢", False: " 🔴", None: ""}[difference.better]
    relative = f" ({format_percent(difference.percent)})" if difference.percent is not None else ""
    absolute = format_difference(difference.absolute, 3)
    return f"{format_number(difference.reference)}<br>{_unbroken(f'{absolute}{relative}{mark}')}"


def seeds_table(comparisons: Sequence[SeedComparison]) -> str:
    """Return for each metric whether the difference of the means exceeds the noise."""
    if not comparisons:
        return ""
    header = ["Metric", "Candidate's seeds", "Baselines", "Δ of means", "95 % interval", ""]
    table = markdown.table(header, [_seeds_row(comparison) for comparison in comparisons], "lrrrrl")
    return f"**More than noise?**\n\n{table}"


def _seeds_row(comparison: SeedComparison) -> list[str]:
    interval = NO_VALUE
    if comparison.low is not None and comparison.high is not None:
        interval = f"{format_difference(comparison.low)} … {format_difference(comparison.high)}"
    return [
        _metric(comparison.metric),
        _spread(comparison.candidates),
        _spread(comparison.baselines),
        format_difference(comparison.difference),
        interval,
        comparison.verdict,
    ]


def _spread(spread: Spread) -> str:
    deviation = "" if spread.deviation is None else f" ± {format_number(spread.deviation, 2)}"
    return f"{format_number(spread.mean)}{deviation} (n = {spread.n})"


def runs_table(findings: Findings) -> str:
    """Return all runs, candidates first, with the best value of each metric in bold."""
    runs = [*findings.candidates, *findings.baselines]
    if not runs:
        return ""
    finished = [run for run in runs if run.finished]
    best = {metric.name: best_ids(finished, metric) for metric in findings.metrics}
    header = ["", "Run", "State", *(_metric(metric) for metric in findings.metrics)]
    header += [markdown.code(key) for key in findings.config_keys]
    columns = len(findings.metrics) + len(findings.config_keys)
    table = markdown.table(header, [_run_row(findings, run, best) for run in runs[:_MAX_RUNS]], "lll" + "r" * columns)
    if len(runs) > _MAX_RUNS:
        table += f"\n\n{len(runs) - _MAX_RUNS} more are in {markdown.code(CSV_FILE)}."
    if not findings.rows or not findings.baselines:
        table = f"{table}\n\n{_legend(findings.metrics, compared=False)}".rstrip()
    counts = f"{plural(len(findings.candidates), 'candidate')}, {plural(len(findings.baselines), 'baseline')}"
    if len(runs) <= _MAX_OPEN_RUNS and columns <= _MAX_OPEN_COLUMNS:
        return f"**All runs** ({counts}; best in bold)\n\n{table}"
    return markdown.fold(f"All runs ({counts}; best in bold)", table)


def _run_row(findings: Findings, run: Run, best: dict[str, frozenset[str]]) -> list[str]:
    kind = "candidate" if run in findings.candidates else "baseline"
    cells = [kind, run_link(run), markdown.escape(findings.state_of(run))]
    for metric in findings.metrics:
        value = table_cell(metric_value(run, metric.name))
        cells.append(f"**{value}**" if run.id in best[metric.name] else value)
    return [*cells, *(table_cell(value_at(run.config, key)) for key in findings.config_keys)]


def _metric(metric: Metric) -> str:
    suffix = f" {metric.arrow}" if metric.arrow else ""
    return markdown.code(metric.name) + _unbroken(suffix + (" \\*" if metric.source == INFERRED else ""))


def _legend(metrics: Sequence[Metric], *, compared: bool) -> str:
    parts = []
    if any(metric.direction for metric in metrics):
        parts = ["🟢 better, 🔴 worse"] if compared else []
        parts.append("↑ higher is better, ↓ lower is better")
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
