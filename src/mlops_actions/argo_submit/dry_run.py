"""Validate a workflow here and on the server, submit nothing, and say what was checked and what was not."""

from __future__ import annotations

from collections.abc import Callable

from mlops_actions.argo_submit.outputs import outcome_of_dry_run
from mlops_actions.argo_submit.ports import AlreadyExists, Cluster
from mlops_actions.argo_submit.prepare import WorkflowRequest
from mlops_actions.core.outcome import Outcome
from mlops_actions.core.ports import Log
from mlops_actions.core.types import Json

LINT = "the rules of the Argo Server, by its own lint"
DRY_RUN = "a dry run of the cluster: rights, admission, quota"
NEVER_CHECKED = "whether images, secrets, config maps and artifacts exist"


def validate(request: WorkflowRequest, cluster: Cluster, log: Log, existing: Callable[[str], Json]) -> Outcome:
    """Return the outcome of a valid workflow; raises BadInput and Refused.

    `existing` returns the workflow that the same request has created before; it raises BadInput where another one did.
    """
    workflow = request.with_name()
    name = str(workflow["metadata"].get("name") or "")
    checked, not_checked = list(request.checked), list(request.not_checked)
    if reason := cluster.lint_workflow(request.namespace, workflow):
        not_checked.append(f"{LINT} ({reason})")
    else:
        checked.append(LINT)
    try:
        accepted = cluster.create_workflow(request.namespace, workflow, dry_run=True, strict=request.strict)
        name = str(accepted["metadata"].get("name") or name)
        checked.append(DRY_RUN)
    except AlreadyExists:
        if name:
            existing(name)
        not_checked.append(f"{DRY_RUN} (the workflow exists already, and a submission would join it)")
    not_checked.append(NEVER_CHECKED)
    log.notice(
        f"the workflow '{name}' is valid as far as it was checked, and nothing was submitted. "
        f"checked: {'; '.join(checked)}. not checked: {'; '.join(not_checked)}"
    )
    return outcome_of_dry_run(request, name, checked, not_checked)
