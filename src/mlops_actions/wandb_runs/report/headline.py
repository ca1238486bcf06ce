"""The verdict in one line, for the report's first line and for the title of a check run."""

from __future__ import annotations

from collections.abc import Sequence

from mlops_actions.core import markdown
from mlops_actions.core.provenance import is_sha, short
from mlops_actions.wandb_runs.findings import Findings
from mlops_actions.wandb_runs.report.table_parts import plural
from mlops_actions.wandb_runs.report.tables import gate_numbers
from mlops_actions.wandb_runs.selection.judges import ALL, MEAN
from mlops_actions.wandb_runs.statistics.seeds import SeedComparison
from mlops_actions.wandb_runs.verdict.gates import GateResult
from mlops_actions.wandb_runs.verdict.verdict import FAILED, NEUTRAL, NOT_ASKED, PASSED, PENDING


def headline(findings: Findings) -> str:
    """Return the verdict in one line of Markdown."""
    return f"{findings.verdict.mark} {_decision(findings)}{_judged(findings)}"


def _judged(findings: Findings) -> str:
    """Say what was judged, and out of how many; nothing where nothing is, or where the decision is still to come."""
    judged = findings.judged
    if judged.run is None or findings.verdict.state == PENDING or findings.all_contradicted:
        return ""
    if findings.gates and len(findings.excused_gates) == len(findings.gates):
        return ""
    number = len(judged.candidates)
    if judged.judge == ALL and number > 1:
        return f" · judged: each of {number} {judged.noun}s"
    # A mean is named by what it is the mean of. The line below says how one of several was chosen.
    among = f" (1 of {number} {judged.noun}s)" if number > 1 and judged.judge != MEAN else ""
    return f" · judged: {markdown.escape(judged.run.title)}{among}"


def _decision(findings: Findings) -> str:
    counts, verdict = findings.counts, findings.verdict
    name = _selection_name(findings)
    if verdict.requirements == FAILED:
        unmet = findings.unmet_requirements
        reason = unmet[0].reason if unmet else _why_none_is_accepted(findings)
        return f"Not accepted, {name}: {markdown.escape(reason)}" + _and_more(unmet)
    if verdict.gate == FAILED:
        failed = findings.failed_gates
        if findings.all_contradicted or not failed:
            return f"Gates failed for {name}: {_wrong(findings)}"
        return f"Gates failed for {name}: {_failure(failed[0], findings)}" + _and_more(failed)
    if verdict.state == PENDING:
        return f"Not decided yet for {name}: {_pending(findings)}"
    running = f"; {plural(len(findings.running), 'run')} still running" if findings.running else ""
    if verdict.gate == NEUTRAL:
        return f"No verdict on {name}: {markdown.escape(findings.neutral_gates[0].reason)}{running}"
    wrong = f", but {_wrong(findings)}" if verdict.is_doubtful else ""
    if verdict.gate == PASSED:
        return f"{_passed_gates(findings.gates, name)}{wrong}{running}"
    if verdict.requirements == PASSED:
        return f"All requirements hold for {name}{wrong}{running}"
    if not counts.candidates:
        return f"No run found for {name}"
    if not counts.finished:
        return f"No run has finished for {name}: {counts.unfinished}{wrong}"
    if findings.why_none_is_judged and not findings.all_contradicted:
        among = plural(counts.finished, "finished run")
        return f"None of {among} was judged for {name}: {markdown.escape(findings.why_none_is_judged)}{wrong}{running}"
    return f"{_result(findings)}{wrong}{running}"


def _passed_gates(results: Sequence[GateResult], name: str) -> str:
    total, judged = len(results), sum(result.judged for result in results)
    if judged == total:
        return f"All {total} gates passed for {name}" if total > 1 else f"The gate passed for {name}"
    # Whoever reads only this line must not take a gate for one that was judged.
    if not judged:
        return f"No gate was judged for {name}: there is no baseline, and 'no-baseline: pass' lets every gate pass"
    others = "the others" if total - judged > 1 else "the other"
    return f"{judged} of {total} gates passed for {name} (no baseline for {others})"


def _why_none_is_accepted(findings: Findings) -> str:
    """Say why a run is not accepted although every requirement holds."""
    return _wrong(findings) if findings.all_contradicted else findings.why_none_is_judged


def _pending(findings: Findings) -> str:
    if findings.running:
        return f"{plural(len(findings.running), 'run')} still running"
    return f"only {plural(findings.counts.candidates, 'run')} of those to wait for"


def _wrong(findings: Findings) -> str:
    """Say what makes the verdict doubtful: runs of another commit, or other data."""
    if findings.all_contradicted:
        return "every run is of another commit"
    if any(run in findings.commit.contradicted for run in findings.judged_members):
        return "a judged run is of another commit"
    if findings.selection.base and findings.selection.base.error:
        return "the baselines could not be read"
    return findings.data_difference


def headline_text(findings: Findings) -> str:
    """Return the verdict as one line of plain text, for the title of a check run."""
    counts, verdict = findings.counts, findings.verdict
    if verdict.is_open:
        return f"not decided yet: {_pending(findings)}"
    if verdict.requirements == FAILED:
        unmet = ", ".join(result.name for result in findings.unmet_requirements)
        return f"not accepted: {unmet or _why_none_is_accepted(findings)}"
    if findings.all_contradicted or (verdict.is_doubtful and verdict.state != FAILED):
        return f"{'reported' if verdict.state == NOT_ASKED else verdict.state}: {_wrong(findings)}"
    if findings.gates:
        passed = sum(result.passed and result.judged for result in findings.gates)
        unjudged = sum(not result.judged for result in findings.gates)
        without = f", {unjudged} not judged (no baseline)" if unjudged else ""
        return f"{passed} of {plural(len(findings.gates), 'gate')} passed{without}"
    if counts.finished and findings.why_none_is_judged:
        return f"none judged: {findings.why_none_is_judged}"
    return f"{counts.finished} of {plural(counts.candidates, 'run')} finished"


def _selection_name(findings: Findings) -> str:
    """Name the candidates by how they were selected."""
    selection = findings.selection
    if selection.run_id:
        return f"run {markdown.code(selection.run_id)}"
    if selection.sha:
        return markdown.code(short(selection.sha) if is_sha(selection.sha) else selection.sha)
    return f"group {markdown.code(selection.group)}" if selection.group else "the selected runs"


def _failure(result: GateResult, findings: Findings) -> str:
    # A gate that asks for evidence can fail although its value is good enough: the reason says what is not certain.
    if result.gate.confidence:
        return f"{markdown.code(result.gate.metric)}: {markdown.escape(result.reason)}"
    if result.value is None or result.required is None:
        return markdown.escape(result.reason)
    value, required = gate_numbers(result)
    unit = next(
        (markdown.escape(f" {one.unit}") for one in findings.metrics if one.name == result.gate.metric and one.unit), ""
    )
    operator = markdown.escape(result.gate.operator)
    return f"{markdown.code(result.gate.metric)} is {value}{unit}, required is {operator} {required}{unit}"


def _result(findings: Findings) -> str:
    """Count the metrics on which the best candidate is better, equal or worse than the bar."""
    finished = f"{plural(findings.counts.finished, 'run')} finished for {_selection_name(findings)}"
    if not findings.baselines:
        return f"{finished}; there is no baseline to compare with" if findings.selection.wants_baselines else finished
    lost = sum(row.vanished for row in findings.rows)
    if findings.bar and findings.judged.seeds and (findings.seeds or lost):
        return f"{finished}: {_beyond_noise(findings.seeds, lost)} against {markdown.escape(findings.bar.run.title)}"
    results = [row.bar.better for row in findings.rows if row.bar and row.metric.direction] + [False] * lost
    # The mean of several groups has no noise to compare with: nothing is better, worse or equal.
    if not results or findings.judged.by_group:
        return f"{finished}, against {plural(findings.counts.baselines, 'baseline')}"
    counted = (
        ("better", results.count(True)),
        ("equal", results.count(None)),
        ("worse", results.count(False)),
    )
    bar = markdown.escape(findings.bar.choice) if findings.bar else "the baselines"
    parts = ", ".join(f"{result} on {number}" for result, number in counted if number)
    return f"{finished}: {parts} of {plural(len(results), 'metric')} against {bar}"


def _beyond_noise(comparisons: Sequence[SeedComparison], lost: int) -> str:
    """Count the metrics on which a group of seeds differs by more than noise: fewer would be claims without evidence.

    The metrics that vanished are `lost`: they count as worse.
    """
    better = [comparison.better for comparison in comparisons]
    claimed = sum(comparison.claimed is True for comparison in comparisons)
    counted = (
        ("better", better.count(True)),
        ("worse", better.count(False) + lost),
        ("different", claimed - better.count(True) - better.count(False)),
        ("no more than noise", sum(comparison.claimed is False for comparison in comparisons)),
        ("not to be told from noise", sum(comparison.claimed is None for comparison in comparisons)),
    )
    parts = ", ".join(f"{result} on {number}" for result, number in counted if number)
    return f"{parts} of {plural(len(comparisons) + lost, 'metric')}"


def _and_more(results: Sequence[object]) -> str:
    return f" (and {len(results) - 1} more)" if len(results) > 1 else ""
