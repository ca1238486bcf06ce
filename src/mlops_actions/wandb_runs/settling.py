"""Wait until the summaries of runs that have just finished stand still: a tracker's summary can lag behind the end of a run.

A value that still moves would be judged as if it were the last one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from mlops_actions.core.ports import Clock, Log
from mlops_actions.core.runs import MISSING, Run, TrackerResult, metric_value

# Summaries were seen to lag 2 to 12 s behind the end of a run; one that ended earlier lacks nothing any more.
LIMIT, FRESH = timedelta(seconds=15), timedelta(minutes=1)
PAUSE = 3.0
_MAX_NAMED = 3

# Reads these runs again, with their metrics, in one request.
ReadAgain = Callable[[Sequence[Run]], Sequence[Run]]


@dataclass(frozen=True)
class Settled:
    """The tracker's answer, and the runs whose summaries still moved, or lacked a gate's metric, when the time was over."""

    result: TrackerResult
    moving: tuple[Run, ...] = ()

    @property
    def doubts(self) -> tuple[str, ...]:
        """A sentence about the runs that still moved; none where all stand still."""
        if not self.moving:
            return ()
        names = ", ".join(run.id for run in self.moving[:_MAX_NAMED])
        more = f" and {len(self.moving) - _MAX_NAMED} more" if len(self.moving) > _MAX_NAMED else ""
        return (f"Finished just now, and the summary was not complete after {LIMIT.seconds} seconds: {names}{more}.",)


@dataclass(frozen=True)
class Settling:
    """How to wait: `needed` are the metrics that a gate names, whose absence is worth waiting for."""

    read_again: ReadAgain
    needed: Sequence[str]
    clock: Clock
    log: Log

    def settled(self, result: TrackerResult) -> Settled:
        """Read the fresh runs again until two reads agree and no gate's metric is missing, for some seconds at most."""
        deadline = self.clock.now() + LIMIT
        fresh = _fresh((*result.candidates, *result.baselines), self.clock.now())
        while fresh and self.clock.now() < deadline:
            self.log.info(f"{_counted(fresh)} finished just now: its summary can lag behind its end, so it is read again")
            self.clock.sleep(PAUSE)
            again = {run.id: run for run in self.read_again(fresh)}
            result = TrackerResult(_renewed(result.candidates, again), _renewed(result.baselines, again), result.doubts)
            fresh = [again[run.id] for run in fresh if run.id in again and self._moves(run, again[run.id])]
        return Settled(result, tuple(fresh))

    def _moves(self, before: Run, after: Run) -> bool:
        late = [name for name in self.needed if metric_value(after, name) is MISSING]
        return bool(late) or repr(_sorted(before.summary)) != repr(_sorted(after.summary))


def _fresh(runs: Sequence[Run], now: datetime) -> list[Run]:
    return [run for run in runs if run.finished and run.heartbeat and now - run.heartbeat < FRESH]


def _renewed(runs: Sequence[Run], again: Mapping[str, Run]) -> tuple[Run, ...]:
    # No other field: a run may have been renamed or tagged meanwhile, and the selection stands.
    return tuple(
        replace(run, state=again[run.id].state, summary=again[run.id].summary) if run.id in again else run for run in runs
    )


def _sorted(summary: Mapping[str, Any]) -> list[tuple[str, Any]]:
    # Compared as text, since NaN is never equal to itself.
    return sorted(summary.items())


def _counted(runs: Sequence[Run]) -> str:
    return f"run {runs[0].id}" if len(runs) == 1 else f"each of {len(runs)} runs"
