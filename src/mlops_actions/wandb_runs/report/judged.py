"""Which candidate was judged, out of how many, and chosen by which metric: one line below the verdict."""

from __future__ import annotations

from mlops_actions.core import markdown
from mlops_actions.core.runs import finite_number, metric_value
from mlops_actions.wandb_runs.findings import Findings
from mlops_actions.wandb_runs.report.numbers import format_number
from mlops_actions.wandb_runs.report.table_parts import run_link
from mlops_actions.wandb_runs.selection.judges import ALL, MEAN


def judged_line(findings: Findings) -> str:
    """Return the line; empty for a single candidate, which nothing had to choose."""
    judged = findings.judged
    if len(judged.candidates) < 2:
        return ""
    if judged.run is None:
        return f"**Judged:** none of {len(judged.candidates)} {judged.noun}s: {markdown.escape(judged.reason)}"
    choice = markdown.escape(judged.choice)
    if judged.judge == MEAN:
        return f"**Judged:** {choice}, which is no single model"
    value = finite_number(metric_value(judged.run, judged.by.name)) if judged.by and judged.judge != ALL else None
    shown = f" ({format_number(value)})" if value is not None and judged.selected_by else ""
    return f"**Judged:** {run_link(judged.run)}, {choice}{shown}"
