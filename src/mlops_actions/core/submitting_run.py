"""Find the workflow run that a call-back belongs to."""

from __future__ import annotations

from mlops_actions.core import callback
from mlops_actions.core.context import Context
from mlops_actions.core.errors import BadInput
from mlops_actions.core.event import DispatchEvent, load


def submitting_run(context: Context) -> int | None:
    """Return the id of the workflow run that submitted the workflow of a call-back; None on any other event.

    Nothing proves it: it serves only to find that run's comment.
    """
    if context.event_name != "repository_dispatch":
        return None
    try:
        event = load(context)
        if isinstance(event, DispatchEvent) and event.action == callback.EVENT_TYPE:
            return callback.read(event.inputs).run
    except (BadInput, ValueError):
        pass
    return None
