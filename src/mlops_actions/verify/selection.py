"""Check which runs the statement says were compared, against what the tracker selects now: pure.

A run that was created after the statement was written could be no candidate and no baseline.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from statistics import fmean
from typing import Any

from mlops_actions.core import gates as gate_grammar
from mlops_actions.core.provenance import differ
from mlops_actions.core.runs import Run, RunQuery, finite_number, metric_value, value_at
from mlops_actions.core.statement import ALL, LATEST, Candidates, Ranking, StatedRun, Training
from mlops_actions.verify.checks import Check, check_metrics
from mlops_actions.verify.policy import BASELINES, CANDIDATES, JUDGED, Policy

_SHOWN = 5  # runs that a line names
# The summary's key of the time when a run last logged, in seconds since 1970, by the clock of its machine.
LAST_LOGGED, _CLOCKS_DIFFER = "_timestamp", 300.0
_USUAL_LIMIT = 10  # of `max-baselines`, where nobody gives another one


def check_candidates(training: Training, selected: Sequence[Run], of_commit: Sequence[Run]) -> Iterator[Check]:
    """Compare the candidates with the runs that the stated query selects, and with all runs of the commit."""
    candidates = training.candidates
    if candidates is None:
        yield Check(CANDIDATES, None, "candidates: the statement does not name them")
        return
    stated = set(candidates.run_ids)
    for run in training.runs:
        if run.id not in stated:
            yield Check(CANDIDATES, False, f"candidates: the judged run {run.id} is none of them")
    key = candidates.query.commit_config_key
    here = [run for run in selected if not _is_contradicted(run, training.sha, key) and _existed(run, training)]
    late = [run for run in selected if run.id in stated and not _had_ended(run, training)]
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
    others = [run for run in of_commit if run.id not in known and _existed(run, training)]
    others = [run for run in others if not _is_contradicted(run, training.sha, key)]
    if others:
        text = f"candidates: the stated query leaves out {_listed(others)} of the same commit"
        yield Check(CANDIDATES, None, text)
    if not (omitted or gone or others or late):
        yield Check(CANDIDATES, True, f"candidates: the tracker has these {len(stated)} runs of the commit, and no others")


def check_judged(training: Training, selected: Sequence[Run], policy: Policy) -> Check:
    """Check that the judged run is the one that the stated rule chooses among the candidates."""
    candidates = training.candidates
    if candidates is None:
        return Check(JUDGED, None, "judged: the statement does not say how the run was chosen")
    groups = _candidate_groups(candidates, selected)
    ids = {run.id for run in training.runs}
    group = next((group for group in groups if {run.id for run in group} == ids), None)
    names = ", ".join(sorted(ids))
    if policy.judge and policy.judge != candidates.judge:
        return Check(JUDGED, False, f"judged: {names} was judged by 'judge: {candidates.judge}', not {policy.judge!r}")
    if group is None:
        return Check(JUDGED, False, f"judged: {names} is no candidate of the {len(groups)} that finished")
    if len(groups) == 1:
        return Check(JUDGED, True, f"judged: {names} is the only candidate that finished")
    if candidates.judge == LATEST or candidates.by is None:
        if policy.select_by:
            return Check(JUDGED, False, f"judged: {names} was not chosen by {policy.select_by}, but as the latest candidate")
        return Check(JUDGED, group is groups[0], f"judged: the latest of {len(groups)} candidates is {_listed(groups[0])}")
    best = _best(groups, candidates.by)
    value = _mean_of(group, candidates.by.metric)
    text = f"judged: by {candidates.by} the best of {len(groups)} candidates has {best}, and {names} has {value}"
    if best is None or value != best:
        return Check(JUDGED, False, text)
    return Check(JUDGED, _is_known(training, candidates.by, policy), text)


def choices(training: Training, selected: Sequence[Run]) -> int | None:
    """Return the number of candidates that the judged one can be the best of; None where the tracker lacks one by now.

    It is one where all must pass (`other_candidates`), and where the latest was judged, and is the latest.
    """
    candidates = training.candidates
    if candidates is None or not {run.id for run in selected} >= set(candidates.run_ids):
        return None
    groups = _candidate_groups(candidates, selected)
    by_time = candidates.judge == LATEST or candidates.by is None
    is_newest = bool(groups) and {run.id for run in groups[0]} == {run.id for run in training.runs}
    return 1 if is_of_all(training) or (by_time and is_newest) else max(1, len(groups))


def is_of_all(training: Training) -> bool:
    """Tell whether the statement says that every candidate passed the gates."""
    return training.candidates is not None and training.candidates.judge == ALL


def other_candidates(training: Training, selected: Sequence[Run]) -> list[list[Run]]:
    """Return the candidates, or groups of them, that must pass the gates beside the judged one: those of `judge: all`."""
    candidates, judged = training.candidates, {run.id for run in training.runs}
    if candidates is None or not is_of_all(training):
        return []
    return [group for group in _candidate_groups(candidates, selected) if not judged & {run.id for run in group}]


def _candidate_groups(candidates: Candidates, selected: Sequence[Run]) -> list[list[Run]]:
    finished = [run for run in _newest_first(selected) if run.finished and run.id in candidates.run_ids]
    return _groups(finished, by_group=candidates.by_group)


def _is_known(training: Training, by: Ranking, policy: Policy) -> bool | None:
    """Return whether the rule is the user's: the policy names it, or a gate settles its direction; None: not known."""
    if policy.select_by:
        return policy.select_by == str(by)
    directions = {gate_grammar.DIRECTIONS.get(gate.operator) for gate in parsed_gates(training) if gate.metric == by.metric}
    if not directions or directions == {None}:
        return None
    return by.direction in directions


def parsed_gates(training: Training) -> list[gate_grammar.Gate]:
    """Return the statement's gates that are gates."""
    parsed: list[gate_grammar.Gate] = []
    for stated in training.gates:
        try:
            parsed += gate_grammar.parse([stated.rule])
        except ValueError:
            continue
    return parsed


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
    candidates = set(training.candidates.run_ids if training.candidates else ()) | {run.id for run in training.runs}
    for stated in baselines.runs:
        yield from _check_baseline(stated, runs.get(stated.id), candidates, training)
    others = [run for run in _newest_first(selected) if run.id not in candidates]
    usable = _of_nearest(baselines.query, [run for run in others if run.finished and _existed(run, training)])
    by_group = training.candidates is not None and training.candidates.by_group
    groups = _groups(usable, by_group=by_group, by_commit=True)
    now = {run.id for group in groups[: baselines.limit] for run in group}
    stated_ids = {run.id for run in baselines.runs}
    # A tag can move to another run at any time, so the tracker cannot tell what was selected then.
    if now - stated_ids:
        more = ", ".join(sorted(now - stated_ids)[:_SHOWN])
        yield Check(BASELINES, None, f"baselines: the tracker also selects {more} now, which the statement does not name")
    if stated_ids - now:
        gone = ", ".join(sorted(stated_ids - now)[:_SHOWN])
        yield Check(BASELINES, None, f"baselines: the tracker does not select {gone} now (a tag may have moved)")
    left_out = len(groups) - baselines.limit
    # A forger could lower the limit until the baselines that are hard to reach are left out.
    if left_out > 0 and baselines.limit < _USUAL_LIMIT and policy.max_baselines is None:
        text = f"baselines: the limit of {baselines.limit} leaves out {left_out}: name it in the policy with 'max-baselines'"
        yield Check(BASELINES, None, text)
    elif now == stated_ids:
        yield Check(BASELINES, True, f"baselines: the tracker selects the {len(now)} that the statement names")


def _of_nearest(query: RunQuery, runs: Sequence[Run]) -> list[Run]:
    """Return the runs of the first of the query's commits that has some; all runs where it asks for none."""
    if not query.commits:
        return list(runs)
    key = query.commit_config_key
    for sha in query.commits:
        of_commit = [run for run in runs if sha in (run.commit, _claimed(run, key)) and not _is_contradicted(run, sha, key)]
        if of_commit:
            return of_commit
    return []


def _check_baseline(stated: StatedRun, run: Run | None, candidates: Collection[str], training: Training) -> Iterator[Check]:
    label = f"baseline {stated.id}"
    if run is None:
        yield Check(BASELINES, False, f"{label}: the tracker has no such run")
        return
    if stated.id in candidates:
        yield Check(BASELINES, False, f"{label}: it is a candidate")
    if not run.finished:
        yield Check(BASELINES, False, f"{label}: it is {run.state}")
    if not _existed(run, training):
        yield Check(BASELINES, False, f"{label}: it was created after the statement says that it was compared")
    if run.commit != stated.commit:
        text = f"{label}: the tracker recorded {run.commit or 'no commit'}, the statement says {stated.commit or 'none'}"
        yield Check(BASELINES, False, text)
    yield from check_metrics(BASELINES, label, stated, run)


def _is_contradicted(run: Run, sha: str, key: str) -> bool:
    """Tell whether the tracker or the run's config ties it to another commit: then it is no candidate of this one.

    The config may name a commit by its beginning, or hold a text that is no commit.
    """
    return bool(run.commit and run.commit != sha) or differ(_claimed(run, key), sha)


def _claimed(run: Run, key: str) -> str:
    value: Any = value_at(run.config, key) if key else None
    return value if isinstance(value, str) else ""


def _existed(run: Run, training: Training) -> bool:
    if not training.evaluated_at or run.created is None:
        return True
    return run.created <= datetime.fromisoformat(training.evaluated_at)


def _had_ended(run: Run, training: Training) -> bool:
    """Tell whether a run could have been compared at the stated time: an earlier time would hide what came after it."""
    logged = finite_number(metric_value(run, LAST_LOGGED))
    if not training.evaluated_at or logged is None or not run.finished:
        return _existed(run, training)
    return logged <= datetime.fromisoformat(training.evaluated_at).timestamp() + _CLOCKS_DIFFER


def _newest_first(runs: Sequence[Run]) -> list[Run]:
    return sorted(runs, key=lambda run: run.created.timestamp() if run.created else float("-inf"), reverse=True)


def _groups(runs: Sequence[Run], *, by_group: bool, by_commit: bool = False) -> list[list[Run]]:
    """Collect runs by group, in the order in which the groups first appear; else one group for each run.

    With `by_commit` a name that is used for several commits is several groups.
    """
    groups: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        key = ("group", run.group, run.commit if by_commit else "") if by_group and run.group else ("run", run.id)
        groups.setdefault(key, []).append(run)
    return list(groups.values())


def _mean_of(group: Sequence[Run], metric: str) -> float | None:
    values = [finite_number(metric_value(run, metric)) for run in group]
    known = [value for value in values if value is not None]
    return fmean(known) if known and len(known) == len(values) else None


def _best(groups: Sequence[Sequence[Run]], by: Ranking) -> float | None:
    values = [value for group in groups if (value := _mean_of(group, by.metric)) is not None]
    choose: Callable[[Sequence[float]], float] = max if by.direction == "max" else min
    return choose(values) if values else None


def _listed(runs: Sequence[Run]) -> str:
    names = ", ".join(run.id for run in runs[:_SHOWN])
    return names if len(runs) <= _SHOWN else f"{names} and {len(runs) - _SHOWN} more"
