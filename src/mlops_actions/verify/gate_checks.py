"""Compute each gate anew from the statement's runs and baselines, which other checks compare with the tracker: pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mlops_actions.core import gates as gate_grammar
from mlops_actions.core.decimals import mean, significant
from mlops_actions.core.gates import DIRECTIONS, Gate
from mlops_actions.core.runs import Run, finite_number, metric_value
from mlops_actions.core.statement import Baselines, PassedGate, Ranking, StatedRun, TrainedRun, Training
from mlops_actions.core.statistics import of_runs
from mlops_actions.verify.checks import Check
from mlops_actions.verify.policy import GATES, REQUIRED_GATES, Policy
from mlops_actions.verify.queries import odd_baseline_conditions
from mlops_actions.verify.selection import gate_direction, parsed_gates


@dataclass(frozen=True)
class SeedRecords:
    """What the tracker tells about the seeds of groups: `runs` are runs with their configs, by id.

    `choices` is the number of groups that the judged one was the best of; None where a candidate is gone since.
    """

    runs: Mapping[str, Run]
    choices: int | None


def asks_for_evidence(training: Training) -> bool:
    """Tell whether a gate asks for evidence of several seeds."""
    return any(gate.confidence for gate in parsed_gates(training))


def check_gates(training: Training, policy: Policy, seeds: SeedRecords | None = None) -> Iterator[Check]:
    """Evaluate every gate with the statement's metrics; one that asks for evidence also needs `seeds`."""
    if not training.gates:
        yield Check(GATES, None, "gates: the statement names none")
    for stated in training.gates:
        yield _check_gate(stated, training, policy, seeds)


def check_every_candidate(
    training: Training, others: Sequence[Sequence[Run]], policy: Policy, seeds: SeedRecords | None = None
) -> Iterator[Check]:
    """Evaluate every gate on each of the other candidates, by the tracker's record: with `judge: all` all must pass."""
    for stated in training.gates:
        for group in others:
            other = replace(training, runs=_as_stated(group, parsed_gates(training)))
            check = _check_gate(stated, other, policy, seeds, is_other=True)
            if not check.holds:
                names = ", ".join(run.id for run in group)
                yield Check(GATES, check.holds, f"candidate {names}, since 'judge: all' was stated: {check.text}")


def _as_stated(group: Sequence[Run], gates: Sequence[Gate]) -> tuple[TrainedRun, ...]:
    found = []
    for run in group:
        values = {gate.metric: finite_number(metric_value(run, gate.metric)) for gate in gates}
        metrics = {name: value for name, value in values.items() if value is not None}
        found.append(TrainedRun(run.id, run.url, run.commit, metrics))
    return tuple(found)


def check_required(training: Training, policy: Policy) -> Iterator[Check]:
    """Compare the statement's gates and baseline tags with those that the policy names."""
    if policy.gates is not None:
        stated, named = [_meaning(gate) for gate in parsed_gates(training)], [_meaning(gate) for gate in policy.gates]
        for gate, meaning in zip(policy.gates, named, strict=True):
            missing = f"{REQUIRED_GATES}: the statement lacks {gate.text}"
            known = f"{REQUIRED_GATES}: the statement holds {gate.text}"
            yield Check(REQUIRED_GATES, meaning in stated, known if meaning in stated else missing)
        for gate, meaning in zip(parsed_gates(training), stated, strict=True):
            if meaning not in named:
                yield Check(REQUIRED_GATES, False, f"{REQUIRED_GATES}: the policy does not name {gate.text}")
    if policy.baseline_tags is not None or policy.baseline_sha:
        yield _check_selection(training, policy)
    if policy.max_baselines is not None:
        limit = training.baselines.limit if training.baselines else None
        text = "no baselines were selected" if limit is None else f"at most {limit} baselines were selected"
        same = limit == policy.max_baselines
        wanted = "" if same else f", not at most {policy.max_baselines}"
        yield Check(REQUIRED_GATES, same, f"{REQUIRED_GATES}: {text}{wanted}")


def _meaning(gate: Gate) -> tuple[object, ...]:
    """Return what two gates must share to be the same one: everything but how they are written."""
    return tuple(value for name, value in vars(gate).items() if name != "text")


def _check_selection(training: Training, policy: Policy) -> Check:
    """Check that the baselines were selected by the tags and the commit that the policy names, and by nothing else."""
    found, otherwise = _selected_by(training)
    wanted = {*(policy.baseline_tags or ()), *filter(None, [policy.baseline_sha])}
    same = found == wanted and not otherwise
    text = f"baselines were selected by {', '.join(sorted(found)) or 'no tag'}{' and otherwise' if otherwise else ''}"
    return Check(
        REQUIRED_GATES, same, f"{REQUIRED_GATES}: {text}" + ("" if same else f", not by {', '.join(sorted(wanted))}")
    )


def _selected_by(training: Training) -> tuple[set[str], bool]:
    """Return the tags and commits by which baselines were selected, and whether they were selected by anything else.

    Of commits of the base branch those count that the baselines are of: the first that has runs.
    """
    baselines = training.baselines
    if baselines is None:
        return set(), False
    query, by_group = baselines.query, training.candidates is not None and training.candidates.by_group
    tags = {tag for one in query.any_of for tag in one.tags}
    commits = {one.commit for one in query.any_of if one.commit}
    commits |= {run.commit or "no recorded commit" for run in baselines.runs} if query.commits else set()
    return tags | commits, bool(odd_baseline_conditions(baselines, by_group=by_group))


def _check_gate(
    stated: PassedGate, training: Training, policy: Policy, seeds: SeedRecords | None, *, is_other: bool = False
) -> Check:
    """Compute one gate; the stated value is the judged run's, and of no other candidate (`is_other`)."""
    label = f"gate {stated.rule}"
    try:
        (gate,) = gate_grammar.parse([stated.rule])
    except ValueError:
        return Check(GATES, False, f"gate {stated.rule!r}: it is no gate")
    value = _mean_of(training.runs, gate.metric)
    if value is None and is_other:
        return Check(GATES, False, f"{label}: no finite value of {gate.metric}")
    if value is None or not (is_other or _same(value, stated.value)):
        return Check(GATES, False, f"{label}: the statement's own runs do not have the value {stated.value}")
    if gate.confidence:
        return _check_evidence(gate, stated, training, policy, seeds)
    reference, unknown = _reference(gate, training, policy)
    if unknown:
        return Check(GATES, None, f"{label}: {unknown}")
    if reference is None:
        return Check(GATES, False, f"{label}: no stated baseline has a value of {gate.metric}")
    required = gate.required(reference)
    if not _same(required, stated.required):
        return Check(GATES, False, f"{label}: it requires {required}, not {stated.required} as the statement says")
    return Check(GATES, gate.passes(value, required), f"{label}: {significant(value)} against {required}")


def _reference(gate: Gate, training: Training, policy: Policy) -> tuple[float | None, str]:
    """Return the baseline's value (for a plain number that number), or why it cannot be computed here."""
    if not gate.reference:
        return gate.amount, ""
    groups = training.baselines.groups if training.baselines else ()
    values = [value for group in groups if (value := _mean_of(group, gate.metric)) is not None]
    if gate.reference == "mean":
        return (mean(values) if values else None), ""
    if gate.reference == "latest":
        return (_mean_of(groups[0], gate.metric) if groups else None), ""
    if gate.reference == "best":
        group, unknown = _bar(training, policy)
        return _mean_of(group, gate.metric), unknown
    direction = gate_direction(training, gate.metric)
    if not direction or direction != DIRECTIONS.get(gate.operator):
        return None, f"which value of {gate.metric} is the best one is not known here"
    return (max(values) if direction == "max" else min(values)) if values else None, ""


def _bar(training: Training, policy: Policy) -> tuple[Sequence[StatedRun], str]:
    """Return the baseline that is the best one (empty: there is none), or why that is not known.

    wandb-runs ranks candidates and baselines by the same metric. The statement names it, so that a forger could name the
    one by which the best baseline is easy to reach: the policy names it too, or the gates leave no other.
    """
    baselines, chosen = training.baselines, training.candidates.by if training.candidates else None
    if baselines is None or not baselines.groups:
        return (), ""
    by, wanted = baselines.by, policy.select_by
    if wanted and str(by) != wanted:
        return (), f"the best baseline was chosen by {by or 'no metric'}, not by {wanted}"
    if not wanted and chosen and by != chosen:
        return (), f"the candidate was chosen by {chosen}, the best baseline by {by or 'no metric'}"
    metrics = dict.fromkeys(gate.metric for gate in parsed_gates(training))
    settled = [Ranking(metric, gate_direction(training, metric)) for metric in metrics if gate_direction(training, metric)]
    rankings = [one for one in settled if _ranked(baselines.groups, one)]
    if by is None:
        return (
            ((), f"{rankings[0]} chooses the best baseline, but the statement names no metric")
            if rankings
            else (baselines.groups[0], "")
        )
    if not _ranked(baselines.groups, by):
        return (), ""
    if not wanted and by not in rankings:
        return (), f"no gate tells that {by} chooses the best baseline"
    best = _best_group(baselines.groups, by)
    if not wanted and any(_best_group(baselines.groups, one) != best for one in rankings):
        return (), "several metrics choose another baseline as the best each: name one in the policy with 'select-by'"
    return best, ""


def _check_evidence(gate: Gate, stated: PassedGate, training: Training, policy: Policy, seeds: SeedRecords | None) -> Check:
    """Compute the interval of a gate that asks for evidence, as wandb-runs does."""
    label = f"gate {gate.text}"
    group, unknown = _compared_group(gate, training, policy)
    if unknown or seeds is None:
        return Check(GATES, None, f"{label}: {unknown or 'the seeds are in the records of another tracker'}")
    if gate.reference and (not group or _mean_of(group, gate.metric) is None):
        return Check(GATES, False, f"{label}: no stated baseline has a value of {gate.metric}")
    judged, baseline = _with_configs(training.runs, seeds), _with_configs(group, seeds)
    if judged is None or baseline is None or seeds.choices is None:
        return Check(GATES, None, f"{label}: the tracker does not have every run any more that its evidence came from")
    margin = of_runs.margin(gate, judged, baseline)
    if not _same(margin.required, stated.required):
        text = f"it requires {margin.required}, not {stated.required} as the statement says"
        return Check(GATES, False, f"{label}: {text}")
    choices = _choices(gate, seeds.choices, training.baselines)
    bound = margin.bound(choices)
    if bound is None:
        return Check(GATES, False, f"{label}: the seeds give no evidence: {margin.estimate.reason or 'too few of them'}")
    of = f" for the best of {choices}" if choices > 1 else ""
    certain = f"{margin.value}, certain is {bound}{of}, against {margin.required}"
    return Check(GATES, gate.passes(bound, margin.required), f"{label}: {certain}")


def _choices(gate: Gate, candidates: int, baselines: Baselines | None) -> int:
    by = baselines.by if baselines else None
    groups = baselines.groups if baselines else ()
    return of_runs.choices(gate, candidates, len(groups), (by.metric, by.direction) if by else None)


def _compared_group(gate: Gate, training: Training, policy: Policy) -> tuple[Sequence[StatedRun], str]:
    """Return the one baseline group that a gate with evidence means (empty: there is none), or why it is not known."""
    groups = training.baselines.groups if training.baselines else ()
    if not gate.reference or not groups:
        return (), ""
    if gate.reference == "latest":
        return groups[0], ""
    if gate.reference in ("best", "mean"):
        return _bar(training, policy)
    by = Ranking(gate.metric, DIRECTIONS[gate.operator])
    return (_best_group(groups, by) if _ranked(groups, by) else ()), ""


def _with_configs(stated: Sequence[StatedRun], seeds: SeedRecords) -> list[Run] | None:
    """Return runs with the statement's metrics and the tracker's configs; None where the tracker lacks one."""
    found = [(run, seeds.runs.get(run.id)) for run in stated]
    runs = [replace(actual, summary=run.metrics) for run, actual in found if actual is not None]
    return runs if len(runs) == len(found) else None


def _ranked(groups: Sequence[Sequence[StatedRun]], by: Ranking) -> list[Sequence[StatedRun]]:
    return [group for group in groups if _mean_of(group, by.metric) is not None]


def _best_group(groups: Sequence[Sequence[StatedRun]], by: Ranking) -> Sequence[StatedRun]:
    sign = 1 if by.direction == "max" else -1
    # The first of equal ones is the newest.
    return max(_ranked(groups, by), key=lambda group: sign * (_mean_of(group, by.metric) or 0.0))


def _mean_of(runs: Sequence[StatedRun], metric: str) -> float | None:
    values = [run.metrics.get(metric) for run in runs]
    known = [value for value in values if value is not None]
    return mean(known) if known and len(known) == len(values) else None


def _same(one: float, other: float) -> bool:
    """Tell whether two numbers are equal but for the order in which a mean was summed."""
    return math.isclose(one, other, rel_tol=1e-12, abs_tol=0.0)
