"""The post stage: end the workflow of a job that was cancelled or killed, and write the comment."""

from __future__ import annotations

from mlops_actions.argo_submit import comment, interruption, report, status, tracked_workflow
from mlops_actions.argo_submit.control import STRATEGIES
from mlops_actions.argo_submit.inputs import Inputs
from mlops_actions.argo_submit.ports import NotFound, Ports
from mlops_actions.argo_submit.status import WorkflowStatus
from mlops_actions.argo_submit.tracked_workflow import CANCELLED, RUNNING
from mlops_actions.core.errors import ActionError
from mlops_actions.core.outcome import Outcome


def post(inputs: Inputs, ports: Ports) -> Outcome:
    """Stop the workflow of a cancelled job, where the main stage had no time to, and update the comment."""
    saved = tracked_workflow.load(ports.runner)
    if saved is None or saved.tracked.state not in (RUNNING, CANCELLED):
        return Outcome()
    tracked, cluster = saved.tracked, ports.cluster()
    name_of_input, action = tracked.action_on_cancel(inputs)
    current, workflow = WorkflowStatus.unread(tracked.namespace, tracked.name), {}
    note, error = "", None
    try:
        for name in tracked.names(cluster):
            workflow = cluster.get_workflow(tracked.namespace, name)
            current = status.read(workflow)
            if not current.ended and action in STRATEGIES:
                cluster.shut_down(tracked.namespace, name, STRATEGIES[action])
                ports.runner.notice(note := interruption.stopped(name, action), title="argo-submit")
            elif not current.ended:
                note = f"'{name_of_input}' is {action}: {interruption.whether_it_goes_on(current)}"
    except NotFound as missing:
        note = f"there is nothing to stop: {missing.cause}"
    except ActionError as refused:
        error = interruption.error_of(refused, current) if current.name else refused
        note = interruption.note_of(error)
    if not current.name:  # nothing was submitted, as far as is known
        return Outcome(error=error)
    body = report.cancelled_comment(current, saved.context_of(workflow), note)
    comment.update(inputs, ports, tracked.pr_number, body, is_final=True)
    return Outcome(error=error)
