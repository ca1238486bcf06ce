"""The report on which a reviewer decides: the verdict first, then gates, comparison, curves and provenance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlops_actions.core import markdown
from mlops_actions.core.provenance import is_sha, short
from mlops_actions.core.runs import RUNNING, Artifact, Run
from mlops_actions.wandb_runs.findings import FAILED, PASSED, Findings
from mlops_actions.wandb_runs.format import format_number
from mlops_actions.wandb_runs.promotion import Promotion
from mlops_actions.wandb_runs.report import curves
from mlops_actions.wandb_runs.report.tables import comparison_table, gates_table, plural, run_link, runs_table, seeds_table
from mlops_actions.wandb_runs.verdict.gates import GateResult
from mlops_actions.wandb_runs.verdict.requirements import RequirementResult

_MAX_BASELINE_CURVES = 2
_MAX_OPEN_CHARTS = 2
_MAX_CONTRADICTIONS = 3


@dataclass(frozen=True)
class ReportContext:
    """Facts that the report shows beside the findings: addresses of the commit, workflow and job, the image by digest."""

    commit_url: str = ""
    workflow_url: str = ""
    image: str = ""
    job_url: str = ""


def render(findings: Findings, context: ReportContext, promotion: Promotion | None = None) -> str:
    """Write the whole report as GitHub-flavoured Markdown."""
    sections = [
        f"### {headline(findings)}",
        "\n".join(f"> ⚠️ {markdown.escape(doubt)}" for doubt in findings.doubts),
        _requirements(findings.requirements),
        _promotion(promotion or Promotion()),
        gates_table(findings.gates),
        comparison_table(findings),
        seeds_table(findings.seeds),
        runs_table(findings),
        _curves(findings),
        _provenance(findings, context),
        "\n".join(f"> {markdown.escape(note)}" for note in findings.notes),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def headline(findings: Findings) -> str:
    """Return the verdict in one line of Markdown."""
    counts = findings.counts
    name = _selection_name(findings)
    if findings.requirement_status == FAILED:
        unmet = findings.unmet_requirements
        return f"❌ Not accepted, {name}: {markdown.escape(unmet[0].reason)}" + _and_more(unmet)
    if findings.gate_status == FAILED:
        failed = findings.failed_gates
        return f"❌ Gates failed for {name}: {_failure(failed[0])}" + _and_more(failed)
    running = f"; {plural(counts.running, 'run')} still running" if counts.running else ""
    if findings.gate_status == PASSED:
        gates = f"All {len(findings.gates)} gates" if len(findings.gates) > 1 else "The gate"
        return f"✅ {gates} passed for {name}{running}"
    if findings.requirement_status == PASSED:
        return f"✅ All requirements hold for {name}{running}"
    if not counts.candidates:
        return f"⚪ No run found for {name}"
    if not counts.finished:
        return f"⚪ No run has finished for {name}: {_states(findings)}"
    return f"📊 {_result(findings)}{running}"


def headline_text(findings: Findings) -> str:
    """Return the verdict as one line of plain text, for the title of a check run."""
    counts = findings.counts
    if findings.requirement_status == FAILED:
        return f"not accepted: {', '.join(result.name for result in findings.unmet_requirements)}"
    if findings.gates:
        passed = len(findings.gates) - len(findings.failed_gates)
        return f"{passed} of {plural(len(findings.gates), 'gate')} passed"
    return f"{counts.finished} of {plural(counts.candidates, 'run')} finished"


def _selection_name(findings: Findings) -> str:
    """Name the candidates by how they were selected."""
    selection = findings.selection
    if selection.run_id:
        return f"run {markdown.code(selection.run_id)}"
    if selection.sha:
        return markdown.code(_short(selection.sha))
    return f"group {markdown.code(selection.group)}" if selection.group else "the selected runs"


def _failure(result: GateResult) -> str:
    if result.value is None or result.required is None:
        return markdown.escape(result.reason)
    required = f"{markdown.escape(result.gate.operator)} {format_number(result.required)}"
    return f"{markdown.code(result.gate.metric)} is {format_number(result.value)}, required is {required}"


def _result(findings: Findings) -> str:
    """Count the metrics on which the best candidate is better, equal or worse than the best baseline."""
    finished = f"{plural(findings.counts.finished, 'run')} finished for {_selection_name(findings)}"
    if not findings.baselines:
        return f"{finished}; there is no baseline to compare with" if findings.selection.wants_baselines else finished
    results = [row.best.better for row in findings.rows if row.best and row.metric.direction]
    if not results:
        return f"{finished}, against {plural(findings.counts.baselines, 'baseline')}"
    counted = (
        ("better", results.count(True)),
        ("equal", results.count(None)),
        ("worse", results.count(False)),
    )
    parts = ", ".join(f"{result} on {number}" for result, number in counted if number)
    return f"{finished}: {parts} of {plural(len(results), 'metric')} against the best baseline"


def _states(findings: Findings) -> str:
    counts = findings.counts
    numbers = {"running": counts.running, "crashed": counts.crashed, "failed": counts.failed, "killed": counts.killed}
    return ", ".join(f"{number} {state}" for state, number in numbers.items() if number)


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
    reason = f": {markdown.escape(promotion.error.cause)}" if promotion.error else ""
    return f"**Nothing was promoted to {alias}**{reason}"


def _curves(findings: Findings) -> str:
    if not findings.curves:
        return ""
    candidates = [run for run in findings.candidates if run.finished or run.state == RUNNING]
    if findings.best:
        best = findings.best.id
        candidates.sort(key=lambda run: run.id != best)
    baselines = findings.baselines[:_MAX_BASELINE_CURVES]
    labels = {run.id: f"candidate {run_link(run)}" for run in candidates[: curves.MAX_CURVES - len(baselines)]}
    labels |= {run.id: f"baseline {run_link(run)}" for run in baselines}
    points = {run_id: details.curves for run_id, details in findings.details.items()}
    charts = [
        curves.chart(metric, curves.curves_of(metric, points, labels))
        or f"No run shown here has a history of {markdown.code(metric)}."
        for metric in findings.curves
    ]
    return markdown.fold("Learning curves", "\n\n".join(charts), opened=len(charts) <= _MAX_OPEN_CHARTS)


def _provenance(findings: Findings, context: ReportContext) -> str:
    tracker = findings.tracker
    parts = [_commit(findings, context)] if findings.selection.sha else []
    if context.image:
        parts.append(f"image {markdown.code(context.image)}")
    if context.workflow_url:
        parts.append(markdown.link("workflow", context.workflow_url))
    if findings.datasets:
        parts.append(_datasets(findings))
    parts.append(markdown.link(findings.project, tracker.project_url))
    if context.job_url:
        parts.append(markdown.link("job", context.job_url))
    advice = ""
    if findings.commit.claimed:
        variables = " and ".join(markdown.code(name) for name in tracker.commit_variables)
        remedy = f" Set {variables} where the training runs, and {tracker.name} records the commit." if variables else ""
        advice = f"\n\n<sub>A claimed commit is one that the run wrote into its own config.{remedy}</sub>"
    return f"**Provenance:** {' · '.join(parts)}{advice}"


def _commit(findings: Findings, context: ReportContext) -> str:
    commit, total, tracker = findings.commit, len(findings.candidates), findings.tracker.name
    name = _short(commit.sha)
    link = f"commit {markdown.link(name, context.commit_url)}" if context.commit_url else f"commit {markdown.code(name)}"
    if not total:
        return link
    if commit.verified:
        evidence = f"✅ recorded by {tracker}" + (f" for all {total} candidates" if total > 1 else "")
    else:
        counted = (
            (commit.recorded, f"recorded by {tracker}"),
            (commit.claimed, "only claimed by the run's config"),
            (len(commit.contradicted), "❌ contradicted"),
            (commit.unknown, "without a commit"),
        )
        evidence = "⚠️ " + ", ".join(f"{number} of {total} {kind}" for number, kind in counted if number)
    if commit.contradicted:
        evidence += f" ({', '.join(_contradiction(run) for run in commit.contradicted[:_MAX_CONTRADICTIONS])})"
    if commit.dirty:
        evidence += f", ⚠️ {plural(len(commit.dirty), 'run')} from a tree with uncommitted changes"
    return f"{link} {evidence}"


def _contradiction(run: Run) -> str:
    commit = markdown.code(short(run.commit)) if run.commit else "another commit in its config"
    return f"{run_link(run)} is of {commit}"


def _datasets(findings: Findings) -> str:
    comparison = findings.datasets
    assert comparison is not None  # noqa: S101 - the caller checked it
    candidates, baselines = _artifacts(comparison.candidates), _artifacts(comparison.baselines)
    if comparison.same:
        return f"data {candidates}, the same for all runs"
    if comparison.same is False:
        return f"⚠️ data differ: candidates {candidates or 'none recorded'}; baselines {baselines or 'none recorded'}"
    if not candidates and not baselines:
        call = findings.tracker.dataset_call
        return f"data not recorded (call {markdown.code(call)} in the training)" if call else "data not recorded"
    return f"data {candidates or 'of the candidates not recorded'}" + (f"; baselines {baselines}" if baselines else "")


def _artifacts(artifacts: Sequence[Artifact]) -> str:
    return ", ".join(f"{markdown.code(artifact.label)} ({markdown.code(artifact.digest[:12])})" for artifact in artifacts)


def _short(sha: str) -> str:
    return short(sha) if is_sha(sha) else sha


def _and_more(results: Sequence[object]) -> str:
    return f" (and {len(results) - 1} more)" if len(results) > 1 else ""
