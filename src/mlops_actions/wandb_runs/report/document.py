"""The report on which a reviewer decides: the verdict first, then gates, comparison, curves and provenance."""

from __future__ import annotations

from collections.abc import Sequence

from mlops_actions.core import markdown
from mlops_actions.wandb_runs.findings import Findings
from mlops_actions.wandb_runs.promotion import Promotion
from mlops_actions.wandb_runs.report import curve_choice
from mlops_actions.wandb_runs.report.comparison_table import comparison_table
from mlops_actions.wandb_runs.report.config_changes import what_changed
from mlops_actions.wandb_runs.report.cost import cost_line
from mlops_actions.wandb_runs.report.fit import ReportSection, join
from mlops_actions.wandb_runs.report.headline import headline
from mlops_actions.wandb_runs.report.judged import judged_line
from mlops_actions.wandb_runs.report.provenance import ReportContext, provenance
from mlops_actions.wandb_runs.report.run_table import runs_table, top_table
from mlops_actions.wandb_runs.report.side_by_side import side_by_side
from mlops_actions.wandb_runs.report.slices import slice_tables, sliced_metrics
from mlops_actions.wandb_runs.report.tables import gates_table, seeds_table
from mlops_actions.wandb_runs.verdict.requirements import RequirementResult


def render(findings: Findings, context: ReportContext, promotion: Promotion | None = None) -> str:
    """Write the whole report as GitHub-flavoured Markdown."""
    return join(sections(findings, context, promotion))


def sections(findings: Findings, context: ReportContext, promotion: Promotion | None = None) -> tuple[ReportSection, ...]:
    """Return the report's parts in their order, which is the order in which a reviewer needs them."""
    doubts = "\n".join(f"> ⚠️ {markdown.escape(doubt)}" for doubt in findings.doubts)
    notes = "\n".join(f"> {markdown.escape(note)}" for note in findings.notes)
    sliced = {metric.name for metrics in sliced_metrics(findings).values() for metric in metrics}
    bar = findings.bar.members if findings.bar else ()
    gates = gates_table(findings.gates, findings.metrics, is_open=findings.verdict.is_open)
    return (
        ReportSection("verdict", f"### {headline(findings)}", essential=True),
        ReportSection("doubts", doubts, essential=True),
        ReportSection("judged", judged_line(findings), essential=True),
        ReportSection("requirements", _requirements(findings.requirements), essential=True),
        ReportSection("promotion", _promotion(promotion or Promotion()), essential=True),
        ReportSection("gates", gates, essential=True),
        ReportSection("comparison with the bar", comparison_table(findings, sliced), essential=True),
        ReportSection("seeds", seeds_table(findings.seeds)),
        ReportSection("best candidates", top_table(findings, sliced)),
        ReportSection("slices", slice_tables(findings)),
        ReportSection("what changed", what_changed(findings)),
        ReportSection("cost", cost_line(findings.judged_members, bar, findings.candidates, findings.tracker.name)),
        ReportSection("side by side", side_by_side([*findings.judged_members, *bar], findings.tracker)),
        ReportSection("all runs", runs_table(findings, sliced)),
        ReportSection("learning curves", curve_choice.section(findings)),
        ReportSection("provenance", provenance(findings, context)),
        ReportSection("notes", notes),
    )


def _requirements(results: Sequence[RequirementResult]) -> str:
    if not results:
        return ""
    parts = [
        f"✅ {result.name}" if result.holds else f"❌ {result.name}: {markdown.escape(result.reason)}" for result in results
    ]
    return f"**Required:** {' · '.join(parts)}"


def _promotion(promotion: Promotion) -> str:
    if not promotion.alias:
        return ""
    alias = markdown.code(promotion.alias)
    if promotion.artifact:
        return f"**Promoted:** {markdown.code(promotion.artifact)} is now {alias}"
    reason = promotion.error.cause if promotion.error else promotion.reason
    return f"**Nothing was promoted to {alias}**{f': {markdown.escape(reason)}' if reason else ''}"
