"""The tables of runs: the best candidates with the bar, and, folded where there are many, all runs."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from mlops_actions.core import markdown
from mlops_actions.core.runs import Run, finite_number, metric_value, value_at
from mlops_actions.wandb_runs.differences import best_ids
from mlops_actions.wandb_runs.findings import Findings
from mlops_actions.wandb_runs.inputs import CSV_FILE
from mlops_actions.wandb_runs.metrics.metric import MAX, MIN, Metric
from mlops_actions.wandb_runs.report.numbers import NumberFormat
from mlops_actions.wandb_runs.report.table_parts import Column, draw_table, legend, metric_title, plural, run_link

# A larger table of all runs is folded, below one of the best candidates.
_MAX_OPEN_RUNS, _MAX_OPEN_COLUMNS = 8, 6
_TOP, _TOP_COLUMNS = 5, 6  # candidates and columns of the upper table
_MAX_RUNS = 60


def runs_table(findings: Findings, sliced: Collection[str] = ()) -> str:
    """Return the runs as Markdown: candidates by the metric that chooses, the best first; then the bar and the baselines.

    The metrics `sliced` have another table.
    """
    by, metrics = findings.judged.by, [metric for metric in findings.metrics if metric.name not in sliced]
    runs = [*_ranked(findings.candidates, by), *_bar_first(findings)]
    if not runs:
        return ""
    title = f"{plural(len(findings.candidates), 'candidate')}, {plural(len(findings.baselines), 'baseline')}; best in bold"
    rows = runs[:_MAX_RUNS]
    table = draw_table(_columns(findings, metrics, rows, runs), rows)
    if len(runs) > _MAX_RUNS:
        table += f"\n\n{len(runs) - _MAX_RUNS} more are in {markdown.code(CSV_FILE)}."
    if not findings.rows or not findings.bar:
        table = f"{table}\n\n{legend(metrics)}".rstrip()
    if _is_short(findings, metrics):
        return f"**All runs** ({title})\n\n{table}"
    return markdown.fold(f"All runs ({title})", table)


def top_table(findings: Findings, sliced: Collection[str] = ()) -> str:
    """Return the best candidates with what was varied right beside the metric that chooses; the judged one and the bar, too.

    A candidate is a run, or a group of them. Empty for a single one, and where a short table has all runs.
    """
    judged, by = findings.judged, findings.judged.by
    metrics = [metric for metric in findings.metrics if metric.name not in sliced]
    if by is None or len(judged.candidates) <= 1 or (_is_short(findings, metrics) and not judged.by_group):
        return ""
    rows = _ranked([group.run for group in judged.candidates], by)[:_TOP]
    if judged.run_id and judged.run and all(run.id != judged.run_id for run in rows):
        rows.append(judged.run)
    rows += [findings.bar.run] if findings.bar else []
    columns = [
        Column[Run]("", lambda run: _top_role(findings, run), "l"),
        Column[Run]("Run", run_link, "l"),
        _metric_column(by, rows),
        *(_config_column(key, rows) for key in _config_keys(findings)),
        *(_metric_column(metric, rows) for metric in metrics if metric.name != by.name),
    ]
    number = len(judged.candidates)
    title = f"The best {_TOP} of {number}" if number > _TOP else f"All {number}"
    table = draw_table(columns[:_TOP_COLUMNS], rows)
    return f"**{title} finished {judged.noun}s** by {markdown.code(by.name)}\n\n{table}"


def _is_short(findings: Findings, metrics: Sequence[Metric]) -> bool:
    runs = len(findings.candidates) + len(findings.baselines)
    return runs <= _MAX_OPEN_RUNS and len(metrics) + len(_config_keys(findings)) <= _MAX_OPEN_COLUMNS


def _top_role(findings: Findings, run: Run) -> str:
    if findings.bar and run is findings.bar.run:
        return "bar"
    return "**judged**" if run.id == findings.judged.run_id else ""


def _config_keys(findings: Findings) -> tuple[str, ...]:
    """Return the config keys to show: those that the sweep varies, and those that the user named."""
    return tuple(dict.fromkeys([*findings.swept, *findings.config_keys]))


def _ranked(runs: Sequence[Run], by: Metric | None) -> list[Run]:
    """Sort runs by a metric, the best first; finished ones come before the others, and those without a value last."""

    def key(run: Run) -> tuple[bool, float]:
        number = finite_number(metric_value(run, by.name)) if by and by.direction else None
        worst_last = math.inf if number is None else -number if by and by.direction == MAX else number
        return not run.finished, worst_last

    return sorted(runs, key=key)


def _bar_first(findings: Findings) -> list[Run]:
    members = findings.bar.members if findings.bar else ()
    ids = {run.id for run in members}
    return sorted(findings.baselines, key=lambda run: run.id not in ids)


def _columns(findings: Findings, metrics: Sequence[Metric], rows: Sequence[Run], runs: Sequence[Run]) -> list[Column[Run]]:
    """List the columns of the table of all runs, from left to right; it shows the `rows` of them."""
    roles = _roles(findings)
    return [
        Column("", lambda run: roles[run.id], "l"),
        Column("Run", run_link, "l"),
        Column("State", lambda run: markdown.escape(findings.state_of(run)), "l"),
        *(_metric_column(metric, rows, runs) for metric in metrics),
        *(_config_column(key, rows) for key in _config_keys(findings)),
    ]


def _roles(findings: Findings) -> dict[str, str]:
    """Return by id whether a run is a candidate or a baseline, and whether it is the bar or does not count."""
    bar = findings.bar.members if findings.bar and findings.bar.out_of > 1 else ()
    return {
        **{run.id: "baseline" for run in findings.baselines},
        **{run.id: "baseline (the bar)" for run in bar},
        **{run.id: "candidate" for run in findings.candidates},
        **{run.id: "candidate (not counted)" for run in findings.commit.contradicted},
    }


def _metric_column(metric: Metric, rows: Sequence[Run], runs: Sequence[Run] | None = None) -> Column[Run]:
    """Return the column of a metric; the best of all `runs` (default: of the rows) is marked."""
    best = best_ids([run for run in (rows if runs is None else runs) if run.finished], metric)
    values = [metric_value(run, metric.name) for run in rows]
    # The best number and the one after it look different; of many runs it does not matter whether any two do.
    numbers = sorted({number for value in values if (number := finite_number(value)) is not None})
    first_two = {MAX: numbers[-2:], MIN: numbers[:2]}.get(metric.direction, [])
    chosen = NumberFormat.of(values, [first_two])

    def cell(run: Run) -> str:
        text = chosen.text(metric_value(run, metric.name))
        return f"**{text}**" if run.id in best else text

    return Column(metric_title(metric), cell)


def _config_column(key: str, runs: Sequence[Run]) -> Column[Run]:
    chosen = NumberFormat.of([value_at(run.config, key) for run in runs], [])
    return Column(markdown.code(key), lambda run: chosen.text(value_at(run.config, key)))
