"""Which runs are candidates and which are baselines: queries for the tracker, and the choice among its answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mlops_actions.core.run_query import SECONDARY_KEY, SHA_CONFIG_KEY
from mlops_actions.core.runs import FINISHED, MISSING, RUNNING, Run, RunQuery, value_at
from mlops_actions.wandb_runs.selection.base_commits import BaseCommits


@dataclass(frozen=True)
class RunSelection:
    """How the inputs select candidates and baselines. An empty field restricts nothing; `run_id` overrides all others.

    `base` are the commits of the base branch whose runs are baselines, where the input `baseline` asks for them.
    `by_group`: `max_baselines` counts groups, and their runs in any state are read, to tell how many of each finished.
    """

    sha: str = ""
    sha_config_key: str = SHA_CONFIG_KEY
    secondary_sha: str = ""
    run_id: str = ""
    group: str = ""
    sweep: str = ""
    tracker_filter: Mapping[str, Any] | None = None
    baseline_tags: tuple[str, ...] = ()
    baseline_sha: str = ""
    max_baselines: int = 10
    base: BaseCommits | None = None
    by_group: bool = False

    @property
    def wants_baselines(self) -> bool:
        """Whether the inputs name baselines."""
        return bool(self.baseline_tags or self.baseline_sha or self.base)


def candidate_query(selection: RunSelection) -> RunQuery:
    """Return the query for the candidates."""
    if selection.run_id:
        return RunQuery(run_ids=(selection.run_id,))
    return RunQuery(
        commit=selection.sha,
        commit_config_key=selection.sha_config_key,
        config={SECONDARY_KEY: selection.secondary_sha} if selection.secondary_sha else {},
        group=selection.group,
        sweep=selection.sweep,
        tracker_filter=selection.tracker_filter,
    )


def baseline_query(selection: RunSelection) -> RunQuery | None:
    """Return the query for the baselines; None where the inputs ask for none. Only by group does the state not matter."""
    if not selection.wants_baselines or selection.max_baselines == 0:
        return None
    alternatives = []
    if selection.base:
        # All of them: the runs of the nearest commit can be older than those of one farther away.
        states = () if selection.by_group else (FINISHED,)
        of_commits = RunQuery(states=states, commits=selection.base.commits, commit_config_key=selection.sha_config_key)
        return of_commits if selection.base.commits else None
    if selection.baseline_tags:
        alternatives.append(RunQuery(tags=selection.baseline_tags))
    if selection.baseline_sha:
        alternatives.append(RunQuery(commit=selection.baseline_sha, commit_config_key=selection.sha_config_key))
    if selection.by_group:
        return RunQuery(any_of=tuple(alternatives))
    return RunQuery(states=(FINISHED,), any_of=tuple(alternatives), stop_after=selection.max_baselines)


def select_baselines(selection: RunSelection, runs: Sequence[Run], candidates: Sequence[Run]) -> tuple[Run, ...]:
    """Return the baselines among the tracker's answers: newest first, no candidates, within the limit.

    They are finished runs; by group all runs of the newest groups with a finished one.
    """
    candidate_ids = {run.id for run in candidates}
    baselines = {run.id: run for run in runs if run.id not in candidate_ids}
    if selection.by_group:
        return _newest_groups(selection, newest_first(list(baselines.values())))
    finished = [run for run in baselines.values() if run.finished]
    return tuple(newest_first(finished)[: selection.max_baselines])


def _newest_groups(selection: RunSelection, runs: Sequence[Run]) -> tuple[Run, ...]:
    keys = list(dict.fromkeys(baseline_group(selection, run) for run in runs if run.finished))
    kept = set(keys[: selection.max_baselines])
    return tuple(run for run in runs if baseline_group(selection, run) in kept)


def baseline_group(selection: RunSelection, run: Run) -> tuple[str, ...]:
    """Return the identity of a baseline's group: a name that is used for several commits is several experiments."""
    if not run.group:
        return ("run", run.id)
    claimed = value_at(run.config, selection.sha_config_key)
    return ("group", run.group, run.commit or ("" if claimed is MISSING else str(claimed)))


def newest_first(runs: Sequence[Run]) -> list[Run]:
    """Sort by creation; runs of the same second keep the tracker's order, runs without a date come last."""
    return sorted(runs, key=lambda run: run.created.timestamp() if run.created else float("-inf"), reverse=True)


@dataclass(frozen=True)
class RunCounts:
    """How many candidates are in each state. A running candidate that stopped reporting counts as crashed."""

    candidates: int
    finished: int
    running: int
    crashed: int
    failed: int
    killed: int
    baselines: int

    @property
    def complete(self) -> bool:
        """Whether at least one candidate finished and all have ended."""
        return self.finished > 0 and self.running == 0

    @property
    def unfinished(self) -> str:
        """How many candidates are in which other state, in words: `1 running, 2 crashed`; empty where all finished."""
        numbers = {"running": self.running, "crashed": self.crashed, "failed": self.failed, "killed": self.killed}
        return ", ".join(f"{number} {state}" for state, number in numbers.items() if number)

    @property
    def single_run(self) -> bool:
        """Whether exactly one candidate finished."""
        return self.finished == 1


def count(candidates: Sequence[Run], baselines: Sequence[Run], now: datetime) -> RunCounts:
    """Count the candidates by state. States of runs that have not ended, also `preempted`, count as running."""
    states = Counter("crashed" if run.is_silent(now) else run.state if run.has_ended(now) else RUNNING for run in candidates)
    return RunCounts(
        candidates=len(candidates),
        finished=states[FINISHED],
        running=states[RUNNING],
        crashed=states["crashed"],
        failed=states["failed"],
        killed=states["killed"],
        baselines=len(baselines),
    )
