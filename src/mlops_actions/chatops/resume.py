"""Find the feedback that a call-back continues: the run that submitted the workflow began it.

The call-back itself does not name the feedback. But that run wrote an external id into its check run on the commit, which is
still in progress. The id names the run, its command and the target of its reaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from mlops_actions.chatops.feedback_state import FeedbackState
from mlops_actions.core.callback import CallBack

CheckRunsNamed = Callable[[str, str], Iterator[Mapping[str, Any]]]


def resumed_state(
    state: FeedbackState, call_back: CallBack, check_name: str, check_runs: CheckRunsNamed
) -> FeedbackState | None:
    """Return the feedback state of the submitting run; None where GitHub knows none.

    A second call-back of the same workflow finds none, since the first one concluded the check run. `check_runs` yields the
    check runs of a commit with a name, newest first.
    """
    if not check_name:
        return None
    for check_run in check_runs(check_name, call_back.sha):
        submitted = state.resumed_from(str(check_run.get("external_id") or ""))
        if check_run.get("status") != "completed" and submitted and submitted.step_id.startswith(f"{call_back.run}-"):
            return replace(submitted, check_run_id=int(check_run["id"]))
    return None
