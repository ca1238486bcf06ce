"""The end of the job: what was begun is concluded, by the post step or by a later job's `mode: finish`."""

from __future__ import annotations

import json
from typing import cast

from mlops_actions.chatops.feedback import Begun, Status, as_app_or_job, conclude
from mlops_actions.chatops.inputs import Inputs
from mlops_actions.chatops.ports import GitHubDoor
from mlops_actions.core.context import Context
from mlops_actions.core.errors import BadInput
from mlops_actions.core.outcome import Outcome, flag
from mlops_actions.core.ports import Runner


def conclude_state(state: str, inputs: Inputs, context: Context, runner: Runner, door: GitHubDoor) -> None:
    """Conclude what the main stage of this step left as its state."""
    _conclude(Begun.loads(state), inputs, context, runner, door)


def finish(inputs: Inputs, context: Context, runner: Runner, door: GitHubDoor) -> Outcome:
    """Conclude what the `result` of an earlier job's step says it began; raises BadInput where that cannot be read."""
    try:
        earlier = json.loads(inputs.begun or "")
    except ValueError:
        earlier = None
    if not isinstance(earlier, dict):
        raise BadInput("input 'begun' is not the 'result' of an earlier step", "hand its output 'result' over unchanged")
    begun = earlier.get("begun")
    if begun is None:
        runner.info("nothing was begun, so there is nothing to conclude")
    else:
        _conclude(Begun.loads(begun), inputs, context, runner, door)
    said = {"decision": "ignore", "reason": "finished"}
    return Outcome(outputs={"triggered": flag(False), **said}, result={"triggered": False, **said, "begun": begun})


def _conclude(begun: Begun, inputs: Inputs, context: Context, runner: Runner, door: GitHubDoor) -> None:
    # A job that was skipped has not run: for who waits, that is a cancellation.
    status = "cancelled" if inputs.job_status == "skipped" else inputs.job_status or "failure"
    writer = as_app_or_job(inputs, runner, door)
    conclude(writer, inputs, begun, cast(Status, status), context.run_url, runner)
    runner.info(f"concluded: {begun.command} {status}")
