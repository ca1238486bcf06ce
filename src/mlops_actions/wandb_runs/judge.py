"""From what the tracker answered to findings: pure, and in two steps, since details are fetched of chosen runs alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mlops_actions.wandb_runs import gates, metrics, require, seeds, select, trust
from mlops_actions.wandb_runs.compare import compare
from mlops_actions.wandb_runs.findings import Findings
from mlops_actions.wandb_runs.inputs import Inputs
from mlops_actions.wandb_runs.metrics import Metric
from mlops_actions.wandb_runs.model import Details, Keys, Run
from mlops_actions.wandb_runs.ports import Found
from mlops_actions.wandb_runs.seeds import Group
from mlops_actions.wandb_runs.select import Choice


@dataclass(frozen=True)
class Picked:
    """The runs of the report. `ours` and `theirs` are what is compared: runs, or groups of them.

    `shown` are the metrics asked for, `judged` those that gates look at, all with their directions; `best` stands for the
    best candidate or group.
    """

    choice: Choice
    candidates: tuple[Run, ...]
    baselines: tuple[Run, ...]
    ours: tuple[Group, ...]
    theirs: tuple[Group, ...]
    shown: tuple[Metric, ...]
    judged: Mapping[str, Metric]
    best: Group | None
    notes: tuple[str, ...]


def choice_of(inputs: Inputs) -> Choice:
    """How the inputs choose candidates and baselines."""
    return Choice(
        sha=inputs.sha or "",
        sha_config_key=inputs.sha_config_key,
        secondary_sha=inputs.secondary_sha or "",
        run_id=inputs.run_id or "",
        group=inputs.group or "",
        filters=inputs.filters,
        baseline_tags=inputs.baseline_tags or (),
        baseline_sha=inputs.baseline_sha or "",
        max_baselines=inputs.baseline_limit,
    )


def keys_of(inputs: Inputs) -> Keys:
    """The only keys to fetch: what is shown, what gates look at, and W&B's own hints about metrics."""
    names = [metric.name for metric in inputs.metrics or ()] + [gate.metric for gate in inputs.gates or ()]
    config = [inputs.sha_config_key, *(inputs.config_keys or ()), "_wandb"]
    return Keys(config=tuple(dict.fromkeys(config)), summary=tuple(dict.fromkeys(names)))


def pick(inputs: Inputs, found: Found) -> Picked:
    """Tell candidates, baselines, directions and the best apart."""
    choice = choice_of(inputs)
    candidates = tuple(select.newest_first(found.candidates))
    baselines = select.baselines(choice, found.baselines, candidates)
    everyone = [*candidates, *baselines]
    shown = metrics.directed(inputs.metrics or (), everyone)
    named = {metric.name: metric for metric in shown}
    asked = [named.get(gate.metric, Metric(gate.metric)) for gate in inputs.gates or ()]
    judged = {metric.name: metric for metric in metrics.directed(asked, everyone)}
    compared = tuple({**judged, **named}.values())
    together = inputs.aggregate == "group"
    ours = seeds.groups(candidates, compared, together=together)
    theirs = seeds.groups(baselines, compared, together=together)
    best = metrics.best_run([group.run for group in ours], shown or compared)
    notes = list(found.notes)
    if (choice.baseline_tags or choice.baseline_sha) and not baselines:
        notes.append("No finished run is a baseline by the tags or the commit given.")
    return Picked(
        choice,
        candidates,
        baselines,
        ours,
        theirs,
        shown,
        judged,
        next((group for group in ours if group.run is best), None),
        tuple(notes),
    )


def judge(
    inputs: Inputs,
    picked: Picked,
    details: Mapping[str, Details],
    *,
    now: datetime,
    project_url: str,
    timed_out: bool = False,
) -> Findings:
    """Compare, apply the gates, and say what the numbers are worth."""
    choice, best = picked.choice, picked.best
    bars = [group.run for group in picked.theirs]
    finished = tuple(run for run in picked.candidates if run.finished)
    together = inputs.aggregate == "group"
    commit = trust.commit(picked.candidates, choice.sha, choice.sha_config_key, details)
    data = trust.data(finished, picked.baselines, details) if inputs.lineage and finished else None
    return Findings(
        project=inputs.project,
        project_url=project_url,
        choice=choice,
        metrics=picked.shown,
        config_keys=inputs.config_keys or (),
        candidates=picked.candidates,
        baselines=picked.baselines,
        counts=select.count(picked.candidates, picked.baselines, now),
        best=best.run if best else None,
        rows=compare(best.run, bars, picked.shown) if best else (),
        seeds=seeds.intervals(best, picked.baselines, picked.shown) if best and together else (),
        verdicts=gates.evaluate(inputs.gates or (), best.run if best else None, bars, picked.judged),
        commit=commit,
        data=data,
        members=best.members if best else (),
        requirements=require.examine(inputs.require or (), choice, picked.candidates, commit, data, details),
        details=details,
        curves=inputs.curves or (),
        silent=frozenset(run.id for run in picked.candidates if run.silent(now)),
        notes=picked.notes,
        timed_out=timed_out,
    )
