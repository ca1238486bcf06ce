"""Conclude the feedback on a command when its job ends: in the post stage, or in a later job with `mode: finish`."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from mlops_actions.chatops import reply
from mlops_actions.chatops.feedback import Status, conclude, warn_of_failures
from mlops_actions.chatops.feedback_state import FeedbackState
from mlops_actions.chatops.identity import feedback_client
from mlops_actions.chatops.inputs import Inputs
from mlops_actions.chatops.leftovers import end_leftovers
from mlops_actions.chatops.ports import Ports, Repository
from mlops_actions.chatops.replaced import was_replaced
from mlops_actions.core.concurrent import gather
from mlops_actions.core.context import Context
from mlops_actions.core.errors import BadInput
from mlops_actions.core.json_text import parse_json
from mlops_actions.core.outcome import Outcome, flag
from mlops_actions.core.ports import Log, Workspace


def conclude_saved(saved: str, inputs: Inputs, context: Context, ports: Ports) -> None:
    """Conclude the feedback that the main stage of this step saved as its state."""
    _conclude(FeedbackState.parse(saved), inputs, context=context, ports=ports)


def end_leftovers_of(saved: str, inputs: Inputs, context: Context, ports: Ports) -> None:
    """End what dead runs left on the pull request that the main stage saved, with the feedback of its own command if any."""
    begun = parse_json(saved)
    own = FeedbackState.parse(begun) if "step-id" in begun else None
    end_leftovers(int(begun["pr-number"]), own, inputs, context=context, ports=ports)


def finish(inputs: Inputs, context: Context, ports: Ports) -> Outcome:
    """Conclude the feedback that the `result` of an earlier job's step describes; raises BadInput if it cannot be read."""
    source, begun = "begun", inputs.begun or ""
    if inputs.begun_file is not None:
        source, begun = "begun-file", _read(ports.workspace(), inputs.begun_file)
    try:
        earlier = parse_json(begun)
    except ValueError:
        earlier = None
    if not isinstance(earlier, dict):
        raise BadInput(
            f"input '{source}' is not the output 'result' of an earlier chatops step",
            "pass the output 'result' of that step unchanged, for example '${{ needs.listen.outputs.result }}'",
        )
    result = {"triggered": False, "decision": "ignore", "reason": "finished"}
    outputs = {"triggered": flag(False), "decision": "ignore", "reason": "finished"}
    feedback = earlier.get("feedback")
    if feedback is None:
        ports.runner.info("the earlier step began no feedback, so there is nothing to conclude")
        return Outcome(outputs=outputs, result=result)
    state = FeedbackState.parse(feedback)
    _conclude(state, inputs, context=context, ports=ports)
    end_leftovers(state.pr_number, state, inputs, context=context, ports=ports)
    return Outcome(outputs=outputs, result={**result, "feedback": state.as_json()})


def _read(workspace: Workspace, path: str) -> str:
    workspace.file(path, "begun-file")
    if workspace.is_in_checkout(path):
        # What it names is edited and concluded with the job's rights.
        raise BadInput(
            f"input 'begun-file': {path!r} is in a checkout, so that a pull request could have written it",
            "check the repository out into a folder of its own ('path:' of actions/checkout), or give 'begun'",
        )
    return workspace.read(path)


def _conclude(state: FeedbackState, inputs: Inputs, context: Context, ports: Ports) -> None:
    # A skipped job has not run: for the people who wait for it, that is a cancellation.
    status = "cancelled" if inputs.job_status == "skipped" else inputs.job_status or "failure"
    writer = feedback_client(inputs, ports)
    client = ports.clients().as_job()
    if inputs.mode == "finish" and inputs.job_status == "cancelled" and was_replaced(client, context, ports.runner):
        state = _tell_of_replacement(state, inputs, client, context=context, log=ports.runner)
    conclude(
        writer,
        client,
        inputs,
        state=state,
        status=cast(Status, status),
        run_url=context.run_url,
        log=ports.runner,
        again=context.run_attempt > 1,
    )
    ports.runner.info(f"concluded: {state.command} {status}")


def _tell_of_replacement(
    state: FeedbackState, inputs: Inputs, client: Repository, *, context: Context, log: Log
) -> FeedbackState:
    """Tell the commander that the command was lost, and return the state that says so wherever the command is shown."""
    if inputs.replies != "never":
        text = reply.replacement(state.command, state.again, login=state.actor, run_url=context.run_url)
        warn_of_failures(gather({"reply": lambda: client.comment(state.pr_number, text)}), log)
    summary = "\n\n".join(filter(None, (reply.replaced(state.again), state.summary)))
    return replace(state, summary=summary, notify_after=-1)
