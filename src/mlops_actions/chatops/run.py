"""The stages of chatops. An event that is nothing to act on is done with here, before anything costly is imported."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mlops_actions.chatops import STATE
from mlops_actions.chatops.glance import ignored
from mlops_actions.chatops.hear import hear
from mlops_actions.chatops.inputs import Inputs
from mlops_actions.core.context import Context
from mlops_actions.core.event import require
from mlops_actions.core.outcome import Outcome
from mlops_actions.core.ports import Runner

if TYPE_CHECKING:
    from mlops_actions.chatops.ports import GitHubDoor


def main_stage(inputs: Inputs, context: Context, runner: Runner, door: Callable[[], GitHubDoor]) -> Outcome:
    """Listen to the event, or with `mode: finish` conclude what an earlier job began."""
    if inputs.mode == "finish":
        from mlops_actions.chatops.finish import finish

        return finish(inputs, context, runner, door())
    heard = hear(require(context), inputs, context)
    if heard.verdict is not None and heard.place is None:
        return ignored(runner, heard.verdict.reason, heard.verdict.details)
    from mlops_actions.chatops.listen import Listener

    return Listener(inputs, context, runner, door()).act(heard)


def post_stage(inputs: Inputs, context: Context, runner: Runner, door: Callable[[], GitHubDoor]) -> Outcome:
    """Conclude what the main stage began; its state is empty where it began nothing, or left that to a later job."""
    state = runner.state(STATE)
    if state and inputs.mode == "listen":
        from mlops_actions.chatops.finish import conclude_state

        conclude_state(state, inputs, context, runner, door())
    return Outcome()
