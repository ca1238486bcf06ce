"""Check which runs the statement says were compared, against what the tracker selects now: pure.

A run that was created after the statement was written could be no candidate and no baseline.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from mlops_actions.core import gates as gate_grammar
from mlops_actions.core.decimals import mean
from mlops_actions.core.runs import Run, RunQuery, finite_number, metric_value
from mlops_actions.core.statement import ALL, LATEST, Ranking, StatedRun, Training
from mlops_actions.verify import queries
from mlops_actions.verify.checks import Check, check_metrics
from mlops_actions.verify.policy import BASELINES, BY_GROUP, CANDIDATES, JUDGED, Policy
from mlops_actions.verify.records import (
    commit_of,
    created_at,
    existed,
    had_ended,
    is_contradicted,
    is_of,
    newest_first,
)

_SHOWN = 5  # runs that a line names
_USUAL_LIMIT = 10  # of `max-baselines`, where nobody gives another one


def check_candidates(training: Training, selected: Sequence[Run], of_commit: Sequence[Run], key: str) -> Iterator[Check]:
    """Compare the candidates with the runs that the stated query selects, and with all runs of the commit.

    `key` is the config key that holds the commit: the policy's, since another one would hide runs or let them in.
    """
    candidates = training.candidates
    if candidates is None:
        yield Check(CANDIDATES, None, "candidates: the statement does not name them")
        return
    stated = set(candidates.run_ids)
    for run in training.runs:
        if run.id not in stated:
            yield Check(CANDIDATES, False, f"candidates: the judged run {run.id} is none of them")
    odd = list(queries.check_candidate_query(training, key))
    yield from odd
    foreign = [run for run in selected if run.id in stated and is_contradicted(run, training.sha, key)]
    if foreign:
        yield Check(CANDIDATES, False, f"candidates: {_listed(foreign)} is of another commit, by its record or its config")
    here = [run for run in selected if not is_contradicted(run, training.sha, key) and existed(run, training)]
    late = [run for run in selected if run.id in stated and not had_ended(run, training)]
    if late:
        text = f"candidates: the statement says that {_listed(late)} ended before {training.evaluated_at}"
        yield Check(CANDIDATES, False, text)
    omitted = [run for run in here if run.id not in stated]
    if omitted:
        yield Check(CANDIDATES, False, f"candidates: the statement omits {_listed(omitted)}")
    gone = stated - {run.id for run in selected}
    if gone:
        yield Check(CANDIDATES, None, f"candidates: the tracker does not select {', '.join(sorted(gone)[:_SHOWN])} any more")
    known = {run.id for run in selected} | stated
    others = [run for run in of_commit if run.id not in known and existed(run, training)]
    others = [run for run in others if not is_contradicted(run, training.sha, key)]
    if others:
        text = f"candidates: the stated query leaves out {_listed(others)} of the same commit"
        yield Check(CANDIDATES, None, text)
    if not (omitted or gone or others or late or foreign or odd):
        yield Check(CANDIDATES, True, f"candidates: the tracker has these {len(stated)} runs of the commit, and no others")


def check_judged(training: Training, selected: Sequence[Run], policy: Policy) -> Check:
    """Check that the judged run is the one that the stated rule chooses among the candidates."""
    candidates = training.candidates
    if candidates is None:
        return Check(JUDGED, None, "judged: the statement does not say how the run was chosen")
    groups = _candidate_groups(training, selected, policy.sha_config_key)
    ids = {run.id for run in training.runs}
    group = next((group for group in groups if {run.id for run in group} == ids), None)
    names = ", ".join(sorted(ids))
    if policy.judge and policy.judge != candidates.judge:
        return Check(JUDGED, False, f"judged: {names} was judged by 'judge: {candidates.judge}', not {policy.judge!r}")
    if policy.aggregate and (policy.aggregate == BY_GROUP) is not candidates.by_group:
        were, wanted = ("groups", "single runs") if candidates.by_group else ("single runs", "groups")
        return Check(JUDGED, False, f"judged: {names} was chosen among {were}, not among {wanted}")
    if group is None:
        return Check(JUDGED, False, f"judged: {names} is no candidate of the {len(groups)} that finished")
    if len(groups) == 1:
        return Check(JUDGED, True, f"judged: {names} is the only candidate that finished")
    if candidates.judge == LATEST or candidates.by is None:
        if policy.select_by:
            return Check(JUDGED, False, f"judged: {names} was not chosen by {policy.select_by}, but as the latest candidate")
        if not _goes_by_time(training):
            return Check(
                JUDGED, False, f"judged: the statement names no metric that chose {names}, but its gates settle one"
            )
        return Check(JUDGED, group is groups[0], f"judged: the latest of {len(groups)} candidates is {_listed(groups[0])}")
    best = _best(groups, candidates.by)
    value = _mean_of(group, candidates.by.metric)
    text = f"judged: by {candidates.by} the best of {len(groups)} candidates has {best}, and {names} has {value}"
    if best is None or value != best:
        return Check(JUDGED, False, text)
    return Check(JUDGED, _is_known(training, candidates.by, policy), text)


def choices(training: Training, selected: Sequence[Run], key: str) -> int | None:
    """Return the number of candidates that the judged one can be the best of; None where the tracker lacks one by now.

    It is one where all must pass (`other_candidates`), and where the latest was judged, and is the latest.
    """
    candidates = training.candidates
    if candidates is None or not {run.id for run in selected} >= set(candidates.run_ids):
        return None
    groups = _candidate_groups(training, selected, key)
    is_newest = bool(groups) and {run.id for run in groups[0]} == {run.id for run in training.runs}
    return 1 if is_of_all(training) or (_goes_by_time(training) and is_newest) else max(1, len(groups))


def _goes_by_time(training: Training) -> bool:
    """Tell whether the newest candidate is the judged one: as the statement says, or since no metric could choose.

    A gate that settles a direction could, since the judged runs have a value of its metric: wandb-runs then names a metric.
    """
    candidates = training.candidates
    if candidates is None or candidates.judge == LATEST:
        return candidates is not None
    return candidates.by is None and not any(gate_direction(training, gate.metric) for gate in parsed_gates(training))


def is_of_all(training: Training) -> bool:
    """Tell whether the statement says that every candidate passed the gates."""
    return training.candidates is not None and training.candidates.judge == ALL


def other_candidates(training: Training, selected: Sequence[Run], key: str) -> list[list[Run]]:
    """Return the candidates, or groups of them, that must pass the gates beside the judged one: those of `judge: all`."""
    judged = {run.id for run in training.runs}
    if not is_of_all(training):
        return []
    return [group for group in _candidate_groups(training, selected, key) if not judged & {run.id for run in group}]


def _candidate_groups(training: Training, selected: Sequence[Run], key: str) -> list[list[Run]]:
    candidates = training.candidates
    if candidates is None:
        return []
    finished = [run for run in newest_first(selected) if run.finished and run.id in candidates.run_ids]
    usable = [run for run in finished if not is_contradicted(run, training.sha, key)]
    return _groups(usable, by_group=candidates.by_group)


def _is_known(training: Training, by: Ranking, policy: Policy) -> bool | None:
    """Return whether the rule is the user's: the policy names it, or a gate settles its direction; None: not known."""
    if policy.select_by:
        return policy.select_by == str(by)
    direction = gate_direction(training, by.metric)
    return by.direction == direction if direction else None


def gate_direction(training: Training, metric: str) -> str:
    """Return the direction that the operators of a metric's gates settle; empty where they settle none, as in a band."""
    found = {gate_grammar.DIRECTIONS.get(gate.operator, "") for gate in parsed_gates(training) if gate.metric == metric}
    settled = found - {""}
    return settled.pop() if len(settled) == 1 else ""


def parsed_gates(training: Training) -> list[gate_grammar.Gate]:
    """Return the statement's gates that are gates."""
    parsed: list[gate_grammar.Gate] = []
    for stated in training.gates:
        try:
            parsed += gate_grammar.parse([stated.rule])
        except ValueError:
            continue
    return parsed


def needed_metrics(training: Training) -> list[str]:
    """Return the metrics of gates, and the one that chose the best baseline: without one of them another bar is computed."""
    by = training.baselines.by if training.baselines else None
    return [*(gate.metric for gate in parsed_gates(training)), *([by.metric] if by else [])]


def needs_baselines(training: Training) -> bool:
    """Tell whether a gate compares with baselines, or the statement names some."""
    return training.baselines is not None or any(gate.reference for gate in parsed_gates(training))


def check_baselines(training: Training, runs: Mapping[str, Run], selected: Sequence[Run], policy: Policy) -> Iterator[Check]:
    """Compare each stated baseline with the tracker's record (`runs`), and all with what the query selects now."""
    baselines = training.baselines
    if baselines is None:
        needed = needs_baselines(training)
        text = "the statement names none, and a gate compares with one" if needed else "no gate compares with one"
        yield Check(BASELINES, not needed, f"baselines: {text}")
        return
    key, by_group = policy.sha_config_key, training.candidates is not None and training.candidates.by_group
    odd = list(queries.check_baseline_query(baselines, key, by_group=by_group))
    yield from odd
    candidates = set(training.candidates.run_ids if training.candidates else ()) | {run.id for run in training.runs}
    for stated in baselines.runs:
        yield from _check_baseline(stated, runs.get(stated.id), candidates, training)
    # A baseline that a forger names as a candidate too stays a baseline: it is not of this commit.
    others = [run for run in newest_first(selected) if not (run.id in candidates and is_of(run, training.sha, key))]
    usable = _usable(baselines.query, [run for run in others if run.finished and existed(run, training)], key)
    groups = _groups(usable, by_group=by_group, by_commit=key)
    now = {run.id for group in groups[: baselines.limit] for run in group}
    stated_ids = {run.id for run in baselines.runs}
    # A tag can move to another run at any time, so the tracker cannot tell what was selected then.
    if now - stated_ids:
        more = ", ".join(sorted(now - stated_ids)[:_SHOWN])
        yield Check(BASELINES, None, f"baselines: the tracker also selects {more} now, which the statement does not name")
    if stated_ids - now:
        gone = ", ".join(sorted(stated_ids - now)[:_SHOWN])
        yield Check(BASELINES, None, f"baselines: the tracker does not select {gone} now (a tag may have moved)")
    disorder = _disorder(baselines.groups, groups[: baselines.limit]) if now == stated_ids else ""
    if disorder:
        yield Check(BASELINES, False, f"baselines: {disorder}")
    left_out, let_in = len(groups) - baselines.limit, min(len(groups), baselines.limit) - _USUAL_LIMIT
    effect = f"leaves out {left_out}" if left_out > 0 and let_in < 0 else f"lets in {let_in} more" if let_in > 0 else ""
    # A forger could lower the limit until the strong baselines are left out, or raise it to let weak ones in.
    if effect and policy.max_baselines is None:
        text = f"baselines: the limit of {baselines.limit} {effect}: name it in the policy with 'max-baselines'"
        yield Check(BASELINES, None, text)
    elif now == stated_ids and not disorder and not odd:
        yield Check(BASELINES, True, f"baselines: the tracker selects the {len(now)} that the statement names")


def _usable(query: RunQuery, runs: Sequence[Run], key: str) -> list[Run]:
    """Return the runs that wandb-runs takes for baselines.

    Those of a commit are the ones of the first commit that has some, and nothing ties them to another one; a run with one of
    the tags is a baseline by its tag, whatever its commit.
    """
    if query.commits:
        found = ([run for run in runs if _is_only_of(run, sha, key)] for sha in query.commits)
        return next(filter(None, found), [])
    tags = {tag for one in query.any_of for tag in one.tags}
    shas = [one.commit for one in query.any_of if one.commit]
    claims = {run.id for run in runs for sha in shas if is_of(run, sha, key) and not _is_only_of(run, sha, key)}
    return [run for run in runs if tags & set(run.tags) or run.id not in claims]


def _is_only_of(run: Run, sha: str, key: str) -> bool:
    return is_of(run, sha, key) and not is_contradicted(run, sha, key)


def _disorder(stated: Sequence[Sequence[StatedRun]], groups: Sequence[Sequence[Run]]) -> str:
    """Say what is wrong with the groups or their order, which settles the latest baseline; empty where nothing is."""
    by_ids = {frozenset(run.id for run in group): created_at(group[0]) for group in groups}
    created = [by_ids.get(frozenset(run.id for run in group)) for group in stated]
    times = [time for time in created if time is not None]
    if len(times) < len(created):
        return "the statement groups them in another way than the tracker"
    return "" if times == sorted(times, reverse=True) else "the statement does not name the newest first"


def _check_baseline(stated: StatedRun, run: Run | None, candidates: Collection[str], training: Training) -> Iterator[Check]:
    label = f"baseline {stated.id}"
    if run is None:
        yield Check(BASELINES, False, f"{label}: the tracker has no such run")
        return
    if stated.id in candidates:
        yield Check(BASELINES, False, f"{label}: it is a candidate")
    if not run.finished:
        yield Check(BASELINES, False, f"{label}: it is {run.state}")
    if not existed(run, training):
        yield Check(BASELINES, False, f"{label}: it was created after the statement says that it was compared")
    if run.commit != stated.commit:
        text = f"{label}: the tracker recorded {run.commit or 'no commit'}, the statement says {stated.commit or 'none'}"
        yield Check(BASELINES, False, text)
    yield from check_metrics(BASELINES, label, stated, run, needed_metrics(training))


def _groups(runs: Sequence[Run], *, by_group: bool, by_commit: str = "") -> list[list[Run]]:
    """Collect runs by group, in the order in which the groups first appear; else one group for each run.

    With `by_commit`, the config key that holds the commit, a name that is used for several commits is several groups.
    """
    groups: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        key = (
            ("group", run.group, commit_of(run, by_commit) if by_commit else "")
            if by_group and run.group
            else ("run", run.id)
        )
        groups.setdefault(key, []).append(run)
    return list(groups.values())


def _mean_of(group: Sequence[Run], metric: str) -> float | None:
    values = [finite_number(metric_value(run, metric)) for run in group]
    known = [value for value in values if value is not None]
    return mean(known) if known and len(known) == len(values) else None


def _best(groups: Sequence[Sequence[Run]], by: Ranking) -> float | None:
    values = [value for group in groups if (value := _mean_of(group, by.metric)) is not None]
    choose: Callable[[Sequence[float]], float] = max if by.direction == "max" else min
    return choose(values) if values else None


def _listed(runs: Sequence[Run]) -> str:
    names = ", ".join(run.id for run in runs[:_SHOWN])
    return names if len(runs) <= _SHOWN else f"{names} and {len(runs) - _SHOWN} more"
