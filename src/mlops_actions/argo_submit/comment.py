"""Keep the comment on the pull request up to date. A comment that cannot be written never fails the step."""

from __future__ import annotations

from mlops_actions.argo_submit.inputs import Inputs
from mlops_actions.argo_submit.ports import Ports
from mlops_actions.core.errors import ActionError


def update(inputs: Inputs, ports: Ports, pr_number: int | None, body: str, *, is_final: bool = False) -> str:
    """Write or update the comment; return its address, empty where it was not written.

    Where nobody knows the pull request, or there is no token, `find_revision` has said so once. `is_final` says that the
    workflow has ended, so that the reports of earlier commands are outdated.
    """
    if not inputs.comment:
        return ""
    try:
        pull_requests = ports.pull_requests()
        if pull_requests is not None and pr_number is not None:
            return pull_requests.upsert_comment(pr_number, inputs.comment_tag, body, replaces=is_final)
    except ActionError as error:
        ports.runner.warning(f"the comment could not be written: {error}", title="argo-submit")
    return ""
