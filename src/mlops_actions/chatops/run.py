"""Run the main and the post stage of chatops.

The main stage finishes an event that needs no answer here, before it imports anything costly.
"""

from __future__ import annotations

import json

from mlops_actions.chatops import LEFTOVERS, STATE
from mlops_actions.chatops.fast_path import ignored_outcome
from mlops_actions.chatops.inputs import Inputs
from mlops_actions.chatops.parse_event import parse_event
from mlops_actions.chatops.ports import Ports
from mlops_actions.chatops.request import ParsedEvent
from mlops_actions.core.context import Context
from mlops_actions.core.event import require
from mlops_actions.core.outcome import Outcome


def run(inputs: Inputs, context: Context, ports: Ports) -> Outcome:
    """Handle the event's command, or with `mode: finish` conclude the feedback of an earlier job."""
    if inputs.mode == "finish":
        from mlops_actions.chatops.finish import finish

        return finish(inputs, context, ports)
    parsed = parse_event(require(context), inputs, context)
    if parsed.decision is not None and parsed.source is None:
        return ignored_outcome(ports.runner, parsed.decision.reason, parsed.decision.details)
    outcome = _handle(parsed, inputs, context, ports)
    if parsed.request is not None and outcome.result["decision"] != "deny":
        begun = outcome.result.get("feedback") or {"pr-number": parsed.request.source.pr_number}
        ports.runner.save_state(LEFTOVERS, json.dumps(begun))
    return outcome


def _handle(parsed: ParsedEvent, inputs: Inputs, context: Context, ports: Ports) -> Outcome:
    if parsed.request is not None and parsed.request.control:
        from mlops_actions.chatops.controls.handler import ControlHandler

        return ControlHandler(inputs, context, ports).handle(parsed.request)
    from mlops_actions.chatops.command_handler import CommandHandler

    return CommandHandler(inputs, context, ports).handle(parsed)


def post(inputs: Inputs, context: Context, ports: Ports) -> Outcome:
    """Conclude the feedback of the main stage, then what dead runs left on the pull request.

    The state is empty where the main stage began no feedback, or where a later job concludes it.
    """
    state = ports.runner.state(STATE)
    if state and inputs.mode == "listen":
        from mlops_actions.chatops.finish import conclude_saved

        conclude_saved(state, inputs, context=context, ports=ports)
    if (begun := ports.runner.state(LEFTOVERS)) and inputs.mode == "listen":
        from mlops_actions.chatops.finish import end_leftovers_of

        end_leftovers_of(begun, inputs, context=context, ports=ports)
    return Outcome()
