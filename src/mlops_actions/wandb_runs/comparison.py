"""From the tracker's answers to findings: pure, in two steps, since the tracker is asked for details of chosen runs only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from mlops_actions.core.runs import Run, RunDetails, Sweep, TrackerInfo, TrackerResult
from mlops_actions.wandb_runs.differences import beyond_noise, compare, of_members
from mlops_actions.wandb_runs.findings import Findings
from mlops_actions.wandb_runs.inputs import Inputs
from mlops_actions.wandb_runs.metrics import directions, patterns
from mlops_actions.wandb_runs.metrics.metric import Metric
from mlops_actions.wandb_runs.selection import runs as selection
from mlops_actions.wandb_runs.selection.baseline_bar import Bar, choose_bar
from mlops_actions.wandb_runs.selection.from_inputs import selection_of
from mlops_actions.wandb_runs.selection.judged import Judged, choose
from mlops_actions.wandb_runs.selection.judges import ALL, BEST
from mlops_actions.wandb_runs.selection.runs import RunSelection
from mlops_actions.wandb_runs.selection.usable import (
    UsableBaselines,
    usable_baselines,
    usable_candidates,
    why_none_is_judged,
)
from mlops_actions.wandb_runs.statistics import seeds, survivors
from mlops_actions.wandb_runs.statistics.choice import Choice
from mlops_actions.wandb_runs.statistics.seeds import SeedComparison, SeedGroup
from mlops_actions.wandb_runs.verdict import chosen_by_gate, commit_evidence, doubts, evidence, gates
from mlops_actions.wandb_runs.verdict.baseline_doubts import baseline_doubts
from mlops_actions.wandb_runs.verdict.datasets import compare_datasets
from mlops_actions.wandb_runs.verdict.early_uploads import early_uploads
from mlops_actions.wandb_runs.verdict.every_candidate import decisive_run, evaluate_all
from mlops_actions.wandb_runs.verdict.gates import GateResult
from mlops_actions.wandb_runs.verdict.no_baseline import no_baseline, why_no_baseline
from mlops_actions.wandb_runs.verdict.requirements import RequirementCheck
from mlops_actions.wandb_runs.verdict.survivors import unfinished_doubt
from mlops_actions.wandb_runs.verdict.vanished import vanished_doubt
from mlops_actions.wandb_runs.verdict.verdict import PENDING


@dataclass(frozen=True)
class Comparison:
    """The runs to compare. The groups are single runs, or groups of seeds.

    `metrics` are the metrics that the user wants to see, `gate_metrics` those that gates name, all with their directions;
    `usable` are the candidates that may be judged, `judged` is the one that is, and `bar` the baseline to compare with.
    `ranking` are the metrics that choose the best one, in their order.
    """

    selection: RunSelection
    candidates: tuple[Run, ...]
    usable: tuple[Run, ...]
    found: UsableBaselines
    baselines: tuple[Run, ...]
    baseline_groups: tuple[SeedGroup, ...]
    bar: Bar | None
    metrics: tuple[Metric, ...]
    gate_metrics: Mapping[str, Metric]
    ranking: tuple[Metric, ...]
    judged: Judged
    notes: tuple[str, ...]
    doubts: tuple[str, ...] = ()


def prepare(inputs: Inputs, result: TrackerResult, chosen: RunSelection | None = None) -> Comparison:
    """Separate candidates and baselines, find the metrics' directions, the judged candidate and the bar."""
    chosen = chosen or selection_of(inputs)
    candidates = tuple(selection.newest_first(result.candidates))
    usable = usable_candidates(chosen, candidates)
    found = usable_baselines(chosen, result.baselines, candidates)
    of_baselines = selection.select_baselines(chosen, found.runs, candidates)
    baselines = tuple(run for run in of_baselines if run.finished)
    runs = [*candidates, *baselines]
    gate_lines = inputs.gates or ()
    expansion = patterns.expand(inputs.metrics or (), runs)
    shown = directions.with_directions(expansion.metrics, runs, gate_lines, inputs.select_by)
    by_name = {metric.name: metric for metric in shown}
    of_gates = [by_name.get(gate.metric, Metric(gate.metric)) for gate in gate_lines]
    gate_metrics = {
        metric.name: metric for metric in directions.with_directions(of_gates, runs, gate_lines, inputs.select_by)
    }
    all_metrics = tuple({**gate_metrics, **by_name}.values())
    select_by = directions.complete(inputs.select_by, inputs.metrics or (), gate_lines) if inputs.select_by else None
    ranking = (select_by,) if select_by else (*shown, *gate_metrics.values())
    by_group = chosen.by_group
    ordered = (*ranking, *all_metrics)
    candidate_groups = seeds.group_runs(usable, ordered, by_group=by_group)
    identity = partial(selection.baseline_group, chosen)
    baseline_groups = seeds.group_runs(of_baselines, ordered, by_group=by_group, identity=identity)
    return Comparison(
        selection=chosen,
        candidates=candidates,
        usable=usable,
        found=found,
        baselines=baselines,
        baseline_groups=baseline_groups,
        bar=choose_bar(baseline_groups, ranking, by_group=by_group),
        metrics=shown,
        gate_metrics=gate_metrics,
        ranking=ranking,
        judged=choose(
            candidate_groups,
            judge=inputs.judge,
            ranking=ranking,
            metrics=all_metrics,
            select_by=select_by is not None,
            by_group=by_group,
        ),
        doubts=result.doubts,
        notes=(
            *expansion.notes,
            *directions.disagreements(all_metrics, runs),
            *(() if baselines or not inputs.wants_baselines else why_no_baseline(chosen, found)),
        ),
    )


def evaluate(
    inputs: Inputs,
    comparison: Comparison,
    details: Mapping[str, RunDetails],
    *,
    now: datetime,
    tracker: TrackerInfo,
    tracker_notes: tuple[str, ...] = (),
    timed_out: bool = False,
    read_at: datetime | None = None,
    sweep: Sweep | None = None,
) -> Findings:
    """Compare the metrics, evaluate gates and requirements, and collect the evidence for the commit."""
    chosen, judged = comparison.selection, comparison.judged
    baselines = [group.run for group in comparison.baseline_groups]
    bar = comparison.bar
    absence = no_baseline(inputs.no_baseline, chosen, comparison.found, tracker.name)
    if judged.group is None:
        judged = replace(judged, reason=why_none_is_judged(comparison.candidates, comparison.usable) or judged.reason)

    of_bar = next((group for group in comparison.baseline_groups if bar and group.run is bar.run), None)
    # The best of several had several chances. Where every one must pass, each has only its own.
    choices = len(judged.candidates) if judged.judge == BEST and judged.by else 1

    def seeds_of(candidate: SeedGroup) -> evidence.Seeds:
        return evidence.Seeds(candidate, comparison.baseline_groups, of_bar, choices, bar.selected_by if bar else None)

    def gates_of(candidate: SeedGroup | None) -> tuple[GateResult, ...]:
        return gates.evaluate(
            inputs.gates or (),
            candidate.run if candidate else None,
            baselines,
            comparison.gate_metrics,
            bar=bar,
            no_candidate=judged.reason,
            no_baseline=absence,
            evidence=partial(evidence.judge, seeds=seeds_of(candidate)) if candidate and chosen.by_group else None,
        )

    if judged.judge == ALL and judged.candidates:
        gate_results = evaluate_all(judged.candidates, gates_of)
        judged = judged.decided_by(decisive_run(gate_results))
    else:
        gate_results = gates_of(judged.group)
    group = judged.group
    of_seeds = judged.seeds
    finished = tuple(run for run in comparison.usable if run.finished)
    commit = commit_evidence.collect(comparison.candidates, chosen.sha, chosen.sha_config_key, details)
    members = group.members if group else ()
    datasets = compare_datasets(finished, comparison.baselines, details, members) if inputs.lineage and finished else None
    check = RequirementCheck(
        tracker_name=tracker.name,
        selection=chosen,
        candidates=comparison.candidates,
        commit=commit,
        datasets=datasets,
        details=details,
    )
    rows = compare(group.run, baselines, comparison.metrics, bar.run if bar else None) if group else ()
    of_noise: tuple[SeedComparison, ...] = ()
    if of_seeds and of_bar:
        of_noise = seeds.compare_seeds(of_seeds, of_bar, comparison.metrics, _choice_of(judged, bar))
    if chosen.by_group:
        rows = beyond_noise(rows, {found.metric.name: found.better for found in of_noise})
        rows = of_members(rows, members, bar.members if bar else ())
    findings = Findings(
        tracker=tracker,
        project=inputs.project,
        selection=chosen,
        metrics=comparison.metrics,
        config_keys=inputs.config_keys or (),
        candidates=comparison.candidates,
        baselines=comparison.baselines,
        counts=selection.count(comparison.candidates, comparison.baselines, now),
        judged=judged,
        rows=rows,
        seeds=of_noise,
        gates=gate_results,
        accepted_gates=gates_of(judged.accepted) if judged.accepted else (),
        bar=bar,
        baseline_commit=comparison.found.commit,
        requirements=check.results(inputs.require or ()),
        commit=commit,
        datasets=datasets,
        details=details,
        curves=inputs.curves or (),
        patterns=tuple(metric.name for metric in inputs.metrics or () if metric.is_pattern),
        silent=frozenset(run.id for run in comparison.candidates if run.is_silent(now)),
        doubts=(
            *baseline_doubts(
                chosen.base, comparison.found, bar, gates=gate_results, details=details, tracker_name=tracker.name
            ),
            *doubts.uncommitted([run for run in members if run in commit.dirty], members),
            *(survivors.doubts(of_seeds, of_bar) if chosen.by_group else ()),
            *(survivors.lacking_doubts(group, of_bar, comparison.metrics) if chosen.by_group else ()),
            *early_uploads(comparison.usable, tracker.name),
        ),
        notes=(*tracker_notes, *comparison.notes),
        timed_out=timed_out,
        too_few=timed_out and len(comparison.candidates) < inputs.min_runs,
        partial=inputs.partial,
        read_at=read_at,
        sweep=sweep,
    )
    by_luck = chosen_by_gate.doubts(judged, inputs.gates or (), baselines)
    return replace(findings, doubts=(*_doubts(findings), *comparison.doubts, *by_luck, *findings.doubts))


def _choice_of(judged: Judged, bar: Bar | None) -> Choice:
    """Return out of how many groups those whose seeds are compared were chosen by their values."""
    by_values = judged.judge == BEST and judged.by is not None
    # Of all that must pass, the worst one is compared, or one that fails a gate.
    candidates = len(judged.candidates) if by_values or judged.judge == ALL else 1
    baselines = bar.out_of if bar and bar.selected_by else 1
    both_best = by_values and bar is not None and (baselines == 1 or judged.by == bar.selected_by)
    return Choice(candidates, baselines, alike=both_best or candidates == 1)


def _doubts(findings: Findings) -> tuple[str, ...]:
    others = (unfinished_doubt(findings.counts), vanished_doubt(findings.rows))
    return (*_doubts_of_verdict(findings), *(doubt for doubt in others if doubt))


def _doubts_of_verdict(findings: Findings) -> tuple[str, ...]:
    return doubts.of_verdict(
        contradicted=findings.commit.contradicted,
        judged=findings.judged_members,
        sha=findings.commit.sha,
        datasets=findings.datasets,
        running=findings.running,
        partial=findings.partial,
        is_pending=findings.verdict.state == PENDING,
    )
