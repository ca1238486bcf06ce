"""A call-back goes on where the run that submitted the workflow left off: with the signs that run has begun.

Nothing of the call-back says which they are. GitHub does: the check run that is still in progress on the commit, and whose
external id, written by that run, names the run, its command and where its reaction is. All the rest follows from that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from mlops_actions.chatops.feedback import Begun
from mlops_actions.core.callback import CallBack

CheckRuns = Callable[[str, str], Iterator[Mapping[str, Any]]]


def resume(begun: Begun, told: CallBack, check_name: str, check_runs: CheckRuns) -> Begun | None:
    """Return what the submitting run has begun, as something to conclude; None where GitHub knows of nothing.

    A second call-back of the same workflow finds nothing any more, since the first has concluded it. `check_runs` yields
    those of a name on a commit, newest first.
    """
    if not check_name:
        return None
    for run in check_runs(check_name, told.sha):
        found = begun.of(str(run.get("external_id") or ""))
        if run.get("status") != "completed" and found and found.mark.startswith(f"{told.run}-"):
            return replace(found, check_run=int(run["id"]))
    return None
