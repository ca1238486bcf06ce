"""Continue or end a workflow that exists: retry, resume, stop, terminate. Each may be asked for again without harm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlops_actions.argo_submit import reuse, status, suspension
from mlops_actions.argo_submit.ownership import WorkflowOwner
from mlops_actions.argo_submit.ports import MAX_CONFLICTS, Cluster, Conflict, NotFound
from mlops_actions.argo_submit.status import WorkflowStatus
from mlops_actions.argo_submit.suspension import ResumeRequest
from mlops_actions.core.errors import BadInput, Unavailable
from mlops_actions.core.types import Json

STRATEGIES = {"stop": "Stop", "terminate": "Terminate"}
# An earlier demand that goes at least as far.
_STRONGER = {"Stop": ("Stop", "Terminate"), "Terminate": ("Terminate",)}


@dataclass(frozen=True)
class ControlResult:
    """The workflow afterwards, whether anything was asked of Argo, and one line that says what."""

    workflow: Json
    changed: bool
    note: str


def find(cluster: Cluster, namespace: str, name: str) -> Json:
    """Read the workflow; raises NotFound, which says where it was looked for."""
    try:
        return cluster.get_workflow(namespace, name)
    except NotFound:
        raise NotFound(
            f"there is no workflow '{name}' in the namespace '{namespace}'",
            "check the name and 'namespace'; a workflow that has ended may have been deleted since",
        ) from None


def end(cluster: Cluster, owner: WorkflowOwner, workflow: Json, verb: str) -> ControlResult:
    """Stop or terminate a workflow that still runs; `verb` is `stop` or `terminate`. Raises Refused, Unavailable."""
    owner.check(workflow, verb)
    name, strategy = workflow["metadata"]["name"], STRATEGIES[verb]
    if note := _ended(workflow, verb):
        return ControlResult(workflow, False, note)
    earlier = str((workflow.get("spec") or {}).get("shutdown") or "")
    if earlier in _STRONGER[strategy]:
        return ControlResult(workflow, False, f"workflow '{name}' is being ended already (shutdown: {earlier})")
    namespace = workflow["metadata"]["namespace"]
    try:
        cluster.shut_down(namespace, name, strategy)
    except NotFound:
        return ControlResult(workflow, False, f"workflow '{name}' was deleted meanwhile: there is nothing to {verb}")
    return ControlResult(workflow, True, f"asked Argo to {verb} the workflow '{name}'")


def resume(cluster: Cluster, owner: WorkflowOwner, workflow: Json, request: ResumeRequest) -> ControlResult:
    """Continue a suspended workflow, or some of its nodes. Raises BadInput (a missing value, say), Refused, Unavailable."""
    owner.check(workflow, "resume")
    name = workflow["metadata"]["name"]
    if note := _ended(workflow, "resume"):
        return ControlResult(workflow, False, note)
    chosen = suspension.nodes_to_resume(workflow, request)
    if not chosen and request.selector:
        note = f"what {request.selector!r} selects in workflow '{name}' has ended already: there is nothing to resume"
        return ControlResult(workflow, False, note)
    if not chosen and not suspension.is_suspended(workflow):
        return ControlResult(workflow, False, f"workflow '{name}' is not suspended: there is nothing to resume")
    resumed = cluster.resume(workflow["metadata"]["namespace"], name, request)
    nodes = ", ".join(f"'{one.name}'" for one in chosen[: suspension.MAX_SHOWN])
    if len(chosen) > suspension.MAX_SHOWN:
        nodes += " …"
    return ControlResult(resumed, True, f"resumed {f'{nodes} of ' if request.selector else ''}the workflow '{name}'")


def retry(
    cluster: Cluster, owner: WorkflowOwner, workflow: Json, parameters: Mapping[str, str], restart: str = ""
) -> ControlResult:
    """Restart a failed workflow at its failed nodes; `parameters` replace those of the workflow.

    `restart` selects nodes that run again though they succeeded; with it a workflow that has succeeded is restarted too.
    Raises BadInput (also where no Argo Server is used), Refused, Unavailable.
    """
    owner.check(workflow, "retry")
    current = status.read(workflow)
    if not current.ended:
        return ControlResult(workflow, False, f"workflow '{current.name}' runs already: there is nothing to retry")
    if current.phase == "Succeeded" and not restart:
        return ControlResult(workflow, False, f"workflow '{current.name}' has succeeded: there is nothing to retry")
    retried = _retried(cluster, current, parameters, restart)
    if retried is None:
        raise BadInput(
            f"'retry' needs the Argo Server: only it can restart workflow '{current.name}' at its failed nodes",
            f"give 'argo-server', or submit the workflow again: {reuse.describe(workflow, current)}",
        )
    selected = f", and the nodes of {restart}" if restart else ""
    return ControlResult(retried, True, f"retried the workflow '{current.name}' from its failed nodes{selected}")


def _retried(cluster: Cluster, failed: WorkflowStatus, parameters: Mapping[str, str], restart: str) -> Json | None:
    for attempt in range(MAX_CONFLICTS):
        try:
            return cluster.retry(failed.namespace, failed.name, failed.uid, parameters, restart)
        except (BadInput, Conflict, Unavailable) as error:
            # Somebody else may have retried it, or the server did, and its answer was lost.
            workflow = cluster.get_workflow(failed.namespace, failed.name)
            if not status.read(workflow).ended:
                return workflow
            if not isinstance(error, Conflict) or attempt == MAX_CONFLICTS - 1:
                raise
    raise AssertionError


def _ended(workflow: Json, verb: str) -> str:
    current = status.read(workflow)
    if not current.ended:
        return ""
    return f"workflow '{current.name}' has ended already ({current.phase}): there is nothing to {verb}"
