"""Find the commit and the pull request that a workflow is about; GitHub is asked only for what the event does not say."""

from __future__ import annotations

from mlops_actions.argo_submit.inputs import Inputs
from mlops_actions.argo_submit.ports import Ports
from mlops_actions.argo_submit.revision import WorkflowRevision, pull_request_to_read, revision_of
from mlops_actions.core.context import Context
from mlops_actions.core.errors import ActionError
from mlops_actions.core.event import Event, EventPullRequest, pull_request_of


def find_revision(inputs: Inputs, context: Context, event: Event | None, ports: Ports, checked_out: str) -> WorkflowRevision:
    """Return what the workflow is about; `checked_out` is the commit of the checkout, empty where there is none."""
    pull_request, problem = _pull_request_of(inputs, event, ports)
    is_known = bool(inputs.pr_number or pull_request.number)
    if inputs.comment and not inputs.dry_run and (not is_known or not inputs.github_token):
        ports.runner.warning(f"no comment is written: {_why_not(inputs, problem)}", title="argo-submit")
    elif problem and inputs.callback:
        ports.runner.warning(problem, title="argo-submit")
    elif problem:
        ports.runner.debug(problem)
    number = pull_request_to_read(inputs, event, pull_request, checked_out=checked_out)
    # Only the comment needs permission to read pull requests, so that no other workflow may fail for the lack of it.
    pull_requests = ports.pull_requests() if number and inputs.comment else None
    head = pull_requests.pull_request(number).head.sha if number and pull_requests else ""
    return revision_of(inputs, context, event, pull_request, checked_out=checked_out, head=head)


def _why_not(inputs: Inputs, problem: str) -> str:
    if not inputs.github_token:
        return "'github-token' is empty"
    return problem or "the pull request is not known (give 'pr-number')"


def _pull_request_of(inputs: Inputs, event: Event | None, ports: Ports) -> tuple[EventPullRequest, str]:
    """Return the event's pull request, and why GitHub did not tell it.

    GitHub is asked only where neither input nor payload names one.
    """

    def of_commit(sha: str, head: str) -> int | None:
        pull_requests = ports.pull_requests()
        return pull_requests.pull_request_of_commit(sha, head) if pull_requests else None

    try:
        return pull_request_of(event, None if inputs.pr_number else of_commit), ""
    except ActionError as error:
        return EventPullRequest(), f"the pull request of this event is not known: {error}"
