"""What ties the report's numbers to their origin: commit, image, workflow, data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlops_actions.core import markdown
from mlops_actions.core.provenance import is_sha, short
from mlops_actions.core.runs import Artifact, Run
from mlops_actions.wandb_runs.findings import Findings
from mlops_actions.wandb_runs.report.table_parts import plural, run_link
from mlops_actions.wandb_runs.verdict.requirements import CLEAN, SAME_DATA

_MAX_CONTRADICTIONS, _MAX_ARTIFACTS = 3, 4


@dataclass(frozen=True)
class ReportContext:
    """Facts that the report shows beside the findings: addresses of the commit, workflow and job, the image by digest."""

    commit_url: str = ""
    workflow_url: str = ""
    image: str = ""
    job_url: str = ""


def provenance(findings: Findings, context: ReportContext) -> str:
    """Return the line of provenance, with the advice that belongs to it."""
    tracker = findings.tracker
    parts = [_commit(findings, context)] if findings.selection.sha else []
    if context.image:
        parts.append(f"image {markdown.code(context.image)}")
    if context.workflow_url:
        parts.append(markdown.link("workflow", context.workflow_url))
    if findings.datasets:
        parts.append(_datasets(findings))
    parts += _unasked(findings)
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
    name = short(commit.sha) if is_sha(commit.sha) else commit.sha
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
        unknown = [run for run in findings.candidates if run.finished and _is_unknown(run, findings)]
        if unknown:
            return f"data unknown: {markdown.escape(findings.tracker.name)} did not answer for {plural(len(unknown), 'run')}"
        call = findings.tracker.dataset_call
        return f"data not recorded (call {markdown.code(call)} in the training)" if call else "data not recorded"
    return f"data {candidates or 'of the candidates not recorded'}" + (f"; baselines {baselines}" if baselines else "")


def _is_unknown(run: Run, findings: Findings) -> bool:
    details = findings.details.get(run.id)
    return not findings.details or (details is not None and details.datasets is None)


def _unasked(findings: Findings) -> list[str]:
    """Say that of many runs only those are told which the verdict rests on, and how to ask for the others."""
    others = [run for run in findings.candidates if run.id not in findings.details]
    if not findings.details or not others:
        return []
    requirements = markdown.code(f"require: {SAME_DATA}, {CLEAN}")
    return [
        f"data and uncommitted changes of {plural(len(others), 'other candidate')} were not asked for "
        f"({requirements} asks for every run's)"
    ]


def _artifacts(artifacts: Sequence[Artifact]) -> str:
    named = [
        f"{markdown.code(artifact.label)} ({markdown.code(artifact.digest[:12])})" for artifact in artifacts[:_MAX_ARTIFACTS]
    ]
    more = f" and {len(artifacts) - _MAX_ARTIFACTS} more" if len(artifacts) > _MAX_ARTIFACTS else ""
    return ", ".join(named) + more
