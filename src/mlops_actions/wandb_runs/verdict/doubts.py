"""Sentences about what makes a verdict doubtful. The report shows them before every table, and no cut removes them."""

from __future__ import annotations

from collections.abc import Sequence

from mlops_actions.core.provenance import is_sha, short
from mlops_actions.core.runs import Run
from mlops_actions.wandb_runs.verdict.datasets import DatasetComparison

_MAX_NAMED = 3


def of_verdict(
    *,
    contradicted: Sequence[Run],
    judged: Sequence[Run],
    sha: str,
    datasets: DatasetComparison | None,
    running: Sequence[Run],
    partial: bool,
    is_pending: bool,
) -> tuple[str, ...]:
    """Return the sentences about a verdict; `judged` are the runs that it is about, `running` those that have not ended."""
    return (
        *other_commit(contradicted, judged, sha),
        *other_data(datasets),
        *still_running(running, partial=partial, is_pending=is_pending),
    )


def other_commit(contradicted: Sequence[Run], judged: Sequence[Run], sha: str) -> list[str]:
    """Return the sentence about candidates of another commit than `sha`; `judged` are the runs that the verdict is about."""
    if not contradicted:
        return []
    runs = named([f"{run.id} ({of_commit(run, sha)})" for run in contradicted])
    is_judged = {run.id for run in judged} & {run.id for run in contradicted}
    effect = "but judged all the same" if is_judged else "and so not judged"
    return [f"Not of commit {_shown(sha)}, {effect}: {runs}."]


def other_data(datasets: DatasetComparison | None) -> list[str]:
    """Return the sentence about data that differ from the baselines'."""
    if datasets is None or datasets.same is not False:
        return []
    if datasets.only_others_differ:
        return ["Other candidates used different data than the judged one and the baselines: their numbers do not compare."]
    return ["Candidates and baselines used different data: their numbers are not comparable."]


def uncommitted(dirty: Sequence[Run], judged: Sequence[Run]) -> list[str]:
    """Return the sentence about judged runs that the commit alone does not give."""
    if not dirty:
        return []
    runs = named([run.id for run in dirty])
    of_all = f" ({len(dirty)} of {len(judged)} judged runs)" if len(judged) > 1 else ""
    trees = "a tree" if len(dirty) == 1 else "trees"
    return [f"Trained from {trees} with uncommitted changes, which the commit does not hold: {runs}{of_all}."]


def still_running(running: Sequence[Run], *, partial: bool, is_pending: bool) -> list[str]:
    """Return the sentence about candidates that still run."""
    if not running:
        return []
    runs = still(running)
    if is_pending:
        return [f"Nothing is decided yet: {runs}."]
    return [
        f"Judged before all runs ended, as 'partial' asks: {runs}." if partial else f"The numbers are not final: {runs}."
    ]


def still(running: Sequence[Run]) -> str:
    """Say which runs still run: `c1, c2 still run`; empty without runs."""
    return f"{named([run.id for run in running])} still {'runs' if len(running) == 1 else 'run'}" if running else ""


def named(names: Sequence[str]) -> str:
    """Name the first of several runs, and count the others."""
    rest = len(names) - _MAX_NAMED
    return ", ".join(names[:_MAX_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def of_commit(run: Run, sha: str) -> str:
    """Say of which other commit a run is: `of commit bbbbbbb`."""
    return f"of commit {_shown(run.commit)}" if run.commit and run.commit != sha else "of another commit by its config"


def _shown(sha: str) -> str:
    return short(sha) if is_sha(sha) else sha
