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
    current, workflow = WorkflowStatus.unread(tracked.namespace, tracked.name), {}
    note, error = "", None
    try:
        workflow = cluster.get_workflow(tracked.namespace, tracked.name)
        current = status.read(workflow)
        if not current.ended and inputs.on_cancel in STRATEGIES:
            cluster.shut_down(tracked.namespace, tracked.name, STRATEGIES[inputs.on_cancel])
            ports.runner.notice(note := interruption.stopped(tracked.name, inputs.on_cancel), title="argo-submit")
        elif not current.ended:
            note = interruption.whether_it_goes_on(current)
    except NotFound:
        note = f"the workflow '{tracked.namespace}/{tracked.name}' does not exist"
    except ActionError as refused:
        error = interruption.error_of(refused, current)
        note = interruption.note_of(error)
    body = report.cancelled_comment(current, saved.context_of(workflow), note)
    comment.update(inputs, ports, tracked.pr_number, body)
    return Outcome(error=error)
