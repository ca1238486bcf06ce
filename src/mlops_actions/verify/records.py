"""What the tracker's record of a run tells: of which commit it is, and when it existed. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from mlops_actions.core.provenance import differ
from mlops_actions.core.runs import Run, finite_number, metric_value, value_at
from mlops_actions.core.statement import Training

# The summary's key of the time when a run last logged, in seconds since 1970, by the clock of its machine.
LAST_LOGGED, _CLOCKS_DIFFER = "_timestamp", 300.0


def claimed_commit(run: Run, key: str) -> str:
    """Return the commit that the run's config names under `key`; empty where it names none."""
    value: Any = value_at(run.config, key) if key else None
    return value if isinstance(value, str) else ""


def commit_of(run: Run, key: str) -> str:
    """Return the commit that the tracker recorded, else the one that the run's config names."""
    return run.commit or claimed_commit(run, key).lower()


def is_of(run: Run, sha: str, key: str) -> bool:
    """Tell whether the tracker recorded this commit for the run, or its config names it."""
    return sha in (run.commit, claimed_commit(run, key))


def is_contradicted(run: Run, sha: str, key: str) -> bool:
    """Tell whether the tracker or the run's config ties it to another commit: then wandb-runs does not judge it.

    The config may name a commit by its beginning, or hold a text that is no commit.
    """
    return bool(run.commit and run.commit != sha) or differ(claimed_commit(run, key), sha)


def existed(run: Run, training: Training) -> bool:
    """Tell whether a run was created before the stated time."""
    if not training.evaluated_at or run.created is None:
        return True
    return run.created <= datetime.fromisoformat(training.evaluated_at)


def had_ended(run: Run, training: Training) -> bool:
    """Tell whether a run could have been compared at the stated time: an earlier time would hide what came after it."""
    logged = finite_number(metric_value(run, LAST_LOGGED))
    if not training.evaluated_at or logged is None or not run.finished:
        return existed(run, training)
    return logged <= datetime.fromisoformat(training.evaluated_at).timestamp() + _CLOCKS_DIFFER


def newest_first(runs: Sequence[Run]) -> list[Run]:
    """Sort by creation; runs without a date come last."""
    return sorted(runs, key=created_at, reverse=True)


def created_at(run: Run) -> float:
    """Return when a run was created, in seconds since 1970; before all others where the tracker does not tell."""
    return run.created.timestamp() if run.created else float("-inf")
