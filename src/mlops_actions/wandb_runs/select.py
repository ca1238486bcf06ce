"""Which runs are candidates and which are baselines: W&B filters, and what is left of their answers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mlops_actions.wandb_runs.model import Run

SECONDARY_KEY = "secondary_sha"


@dataclass(frozen=True)
class Choice:
    """How candidates and baselines are chosen; what is not given does not restrict. `run_id` wins over the rest."""

    sha: str = ""
    sha_config_key: str = "github_sha"
    secondary_sha: str = ""
    run_id: str = ""
    group: str = ""
    filters: Mapping[str, Any] | None = None
    baseline_tags: tuple[str, ...] = ()
    baseline_sha: str = ""
    max_baselines: int = 10

    @property
    def chooses(self) -> bool:
        """Whether anything names candidates at all; else every run of the project would be one."""
        return bool(self.sha or self.secondary_sha or self.run_id or self.group or self.filters)


def filters(text: str) -> dict[str, Any]:
    """Read the input: W&B's Mongo JSON. Raises ValueError."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is not valid JSON: {error}") from None
    if not isinstance(found, dict) or not found:
        raise ValueError('must be a JSON object that is not empty, such as {"config.lr": {"$lt": 0.1}}')
    return found


def _of_sha(choice: Choice, sha: str) -> dict[str, Any]:
    return {"$or": [{f"config.{choice.sha_config_key}": sha}, {"commit": sha}]}


def candidate_filter(choice: Choice) -> dict[str, Any]:
    """W&B's filter for the candidates."""
    if choice.run_id:
        return {"name": choice.run_id}
    conditions: list[dict[str, Any]] = []
    if choice.sha:
        conditions.append(_of_sha(choice, choice.sha))
    if choice.secondary_sha:
        conditions.append({f"config.{SECONDARY_KEY}": choice.secondary_sha})
    if choice.group:
        conditions.append({"group": choice.group})
    if choice.filters:
        conditions.append(dict(choice.filters))
    return conditions[0] if len(conditions) == 1 else {"$and": conditions}


def baseline_filter(choice: Choice) -> dict[str, Any] | None:
    """W&B's filter for the baselines, finished ones only; None where none are asked for."""
    ways: list[dict[str, Any]] = []
    if choice.baseline_tags:
        ways.append({"tags": {"$in": list(choice.baseline_tags)}})
    if choice.baseline_sha:
        ways.append(_of_sha(choice, choice.baseline_sha))
    if not ways or choice.max_baselines == 0:
        return None
    return {"$and": [{"state": "finished"}, ways[0] if len(ways) == 1 else {"$or": ways}]}


def baselines(choice: Choice, found: Sequence[Run], candidates: Sequence[Run]) -> tuple[Run, ...]:
    """The baselines among what the tracker answered: finished, newest first, never a candidate, at most so many."""
    taken = {run.id for run in candidates}
    kept = {run.id: run for run in found if run.finished and run.id not in taken}
    return tuple(newest_first(list(kept.values()))[: choice.max_baselines])


def newest_first(runs: Sequence[Run]) -> list[Run]:
    """Order by creation; runs of the same second keep the tracker's order, runs without a date come last."""
    return sorted(runs, key=lambda run: run.created.timestamp() if run.created else float("-inf"), reverse=True)


@dataclass(frozen=True)
class Counts:
    """How many candidates are in which state. A run that stopped reporting is a crashed one, not a running one."""

    candidates: int
    finished: int
    running: int
    crashed: int
    failed: int
    killed: int
    baselines: int

    @property
    def complete(self) -> bool:
        """At least one finished, and none is still to come."""
        return self.finished > 0 and self.running == 0

    @property
    def single_run(self) -> bool:
        """Exactly one finished."""
        return self.finished == 1


def count(candidates: Sequence[Run], chosen_baselines: Sequence[Run], now: datetime) -> Counts:
    """Count the candidates by state; what has not ended (`pending`, `preempting`, …) is running, `preempted` is killed."""
    states = Counter("crashed" if run.silent(now) else run.state if run.over(now) else "running" for run in candidates)
    return Counts(
        candidates=len(candidates),
        finished=states["finished"],
        running=states["running"],
        crashed=states["crashed"],
        failed=states["failed"],
        killed=states["killed"] + states["preempted"],
        baselines=len(chosen_baselines),
    )
