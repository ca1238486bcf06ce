"""Choose the one workflow of the pull request that a control means: the one that waits, or the newest that failed."""

from __future__ import annotations

from collections.abc import Sequence

from mlops_actions.argo_submit import suspension
from mlops_actions.argo_submit.control_inputs import PULL_REQUEST
from mlops_actions.argo_submit.ownership import WorkflowOwner
from mlops_actions.argo_submit.ports import Cluster, NotFound
from mlops_actions.argo_submit.status import LABEL_PHASE
from mlops_actions.argo_submit.suspension import ResumeRequest
from mlops_actions.core.errors import BadInput, Refused
from mlops_actions.core.types import Json

_MAX_READ = 20
_FAILED = ("Failed", "Error")


def require_pull_request(owner: WorkflowOwner, purpose: str) -> int:
    """Return the number of the pull request; raises BadInput where the event belongs to none."""
    if owner.pr_number is None:
        raise BadInput(
            f"the event belongs to no pull request, so it is not known {purpose}",
            "run this on an event of a pull request, or give 'pr-number'",
        )
    return owner.pr_number


def choose(cluster: Cluster, owner: WorkflowOwner, namespace: str, verb: str) -> str:
    """Return the name of the owner's workflow that waits, or for `retry` of the newest one that failed.

    Raises Refused where there is none, BadInput where several wait.
    """
    number = require_pull_request(owner, f"which workflow to {verb}")
    if verb == "retry":
        failed = [one for one in _owned(cluster, owner, namespace, owner.all) if _phase(one) in _FAILED]
        if not failed:
            raise _none(f"no workflow of pull request #{number} has failed", namespace)
        newest = max(failed, key=lambda one: str(one["metadata"].get("creationTimestamp") or ""))
        return str(newest["metadata"]["name"])
    waiting = _waiting(cluster, namespace, _owned(cluster, owner, namespace, owner.running))
    if not waiting:
        raise _none(f"no workflow of pull request #{number} waits for an approval", namespace)
    if len(waiting) > 1:
        raise BadInput(
            f"{len(waiting)} workflows of pull request #{number} wait: {', '.join(waiting)}",
            f"name the one that is meant instead of '{PULL_REQUEST}'",
        )
    return waiting[0]


def _owned(cluster: Cluster, owner: WorkflowOwner, namespace: str, selector: str) -> list[Json]:
    return [workflow for workflow in cluster.list_workflows(namespace, selector) if owner.owns(workflow)]


def _waiting(cluster: Cluster, namespace: str, listed: Sequence[Json]) -> list[str]:
    """Return the names of those that wait; the listing does not tell."""
    waiting: list[str] = []
    unreadable: BadInput | None = None
    for one in listed[:_MAX_READ]:
        name = str(one["metadata"]["name"])
        try:
            workflow = cluster.get_workflow(namespace, name)
            if suspension.is_suspended(workflow) or suspension.nodes_to_resume(workflow, ResumeRequest()):
                waiting.append(name)
        except NotFound:
            continue  # it was deleted since the listing
        except BadInput as problem:
            unreadable = problem
    if unreadable is not None and not waiting:
        raise unreadable
    return waiting


def _phase(workflow: Json) -> str:
    return str((workflow["metadata"].get("labels") or {}).get(LABEL_PHASE) or "")


def _none(cause: str, namespace: str) -> Refused:
    return Refused(f"{cause} in the namespace '{namespace}'", "check 'namespace' and 'of-runs'; it may have ended since")
