"""The verdict in one line, for the report's first line and for the title of a check run."""

from __future__ import annotations

from collections.abc import Sequence

from mlops_actions.core import markdown
from mlops_actions.core.provenance import is_sha, short
from mlops_actions.wandb_runs.findings import FAILED, PASSED, Findings
from mlops_actions.wandb_runs.report.tables import gate_numbers, plural
from mlops_actions.wandb_runs.verdict.gates import GateResult


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
        return markdown.code(short(selection.sha) if is_sha(selection.sha) else selection.sha)
    return f"group {markdown.code(selection.group)}" if selection.group else "the selected runs"


def _failure(result: GateResult) -> str:
    if result.value is None or result.required is None:
        return markdown.escape(result.reason)
    value, required = gate_numbers(result)
    return f"{markdown.code(result.gate.metric)} is {value}, required is {markdown.escape(result.gate.operator)} {required}"


def _result(findings: Findings) -> str:
    """Count the metrics on which the best candidate is better, equal or worse than the bar."""
    finished = f"{plural(findings.counts.finished, 'run')} finished for {_selection_name(findings)}"
    if not findings.baselines:
        return f"{finished}; there is no baseline to compare with" if findings.selection.wants_baselines else finished
    results = [row.bar.better for row in findings.rows if row.bar and row.metric.direction]
    if not results:
        return f"{finished}, against {plural(findings.counts.baselines, 'baseline')}"
    counted = (
        ("better", results.count(True)),
        ("equal", results.count(None)),
        ("worse", results.count(False)),
    )
    bar = markdown.escape(findings.bar.choice) if findings.bar else "the baselines"
    parts = ", ".join(f"{result} on {number}" for result, number in counted if number)
    return f"{finished}: {parts} of {plural(len(results), 'metric')} against {bar}"


def _states(findings: Findings) -> str:
    counts = findings.counts
    numbers = {"running": counts.running, "crashed": counts.crashed, "failed": counts.failed, "killed": counts.killed}
    return ", ".join(f"{number} {state}" for state, number in numbers.items() if number)


def _and_more(results: Sequence[object]) -> str:
    return f" (and {len(results) - 1} more)" if len(results) > 1 else ""
