"""What the step tells where it stops following a workflow before its end: an error, and a note for readers. Pure."""

from __future__ import annotations

from mlops_actions.argo_submit.status import WorkflowStatus
from mlops_actions.core import shell
from mlops_actions.core.errors import ActionError, WorkFailed


def error_of(failure: ActionError, workflow: WorkflowStatus) -> ActionError:
    """Return the failure with the workflow's name and whether the workflow goes on; its class decides the exit code."""
    if isinstance(failure, WorkFailed):  # the workflow was deleted, and the failure names it
        return failure
    name = f"'{workflow.namespace}/{workflow.name}'"
    return failure.reworded(
        f"this step no longer follows the workflow {name}: {failure.cause}",
        f"{failure.remedy}; {whether_it_goes_on(workflow)}",
    )


def whether_it_goes_on(workflow: WorkflowStatus) -> str:
    """Return what is known about a workflow that was left, and how to follow or to stop it."""
    state = (
        f"it was {workflow.phase} when it was last read" if workflow.phase else "it had not started when it was last read"
    )
    return (
        f"the workflow goes on as far as is known ({state}): follow it with 'attach: {workflow.name}', "
        f"or stop it with `argo stop -n {shell.word(workflow.namespace)} {shell.operand(workflow.name)}`"
    )


def note_of(error: ActionError) -> str:
    """Return an error as one sentence for the summary and the comment."""
    return f"{error.cause} — {error.remedy}" if error.remedy else error.cause


def stopped(name: str, action: str) -> str:
    """Return what was done to the workflow of a cancelled job; `action` is `stop` or `terminate`."""
    return f"asked Argo to {action} the workflow '{name}'"
