"""What a workflow's pods tell of its nodes where its own record cannot be read here, and the other way round. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from mlops_actions.argo_submit.status import Node, Status, moment
from mlops_actions.core.types import Json

NODE_ID: Final = "workflows.argoproj.io/node-id"
NODE_NAME: Final = "workflows.argoproj.io/node-name"
WORKFLOW: Final = "workflows.argoproj.io/workflow"
NAME_FORMAT: Final = "workflows.argoproj.io/pod-name-format"
STARTED: Final = frozenset({"Running", "Succeeded", "Failed", "Error"})
ENDED: Final = frozenset({"Succeeded", "Failed", "Error"})
LONGEST_PREFIX: Final = 242
# Argo's own containers; the second fetches the logs' artifacts and says nothing of the work.
ARGOS_OWN: Final = frozenset({"init", "wait"})


def node_of(pod: Json, workflow: str) -> Node | None:
    """Return the node that a pod runs, as far as the pod knows it; None where it is none of Argo's."""
    metadata, state = pod.get("metadata") or {}, pod.get("status") or {}
    annotations = metadata.get("annotations") or {}
    identity = str(annotations.get(NODE_ID) or "")
    if not identity:
        return None
    ends = [_terminated(one) for one in state.get("containerStatuses") or [] if one.get("name") not in ARGOS_OWN]
    failed = next((one for one in ends if one.get("exitCode")), {})
    finished = [at for one in ends if (at := moment(one.get("finishedAt"))) is not None]
    phase = str(state.get("phase") or "Pending")
    over = phase in ("Succeeded", "Failed")
    message = f"{failed.get('reason') or 'Error'} (exit code {failed['exitCode']})" if failed else ""
    name = str(annotations.get(NODE_NAME) or identity)
    return Node(
        id=identity,
        name=name,
        display_name=name.removeprefix(f"{workflow}."),
        type="Pod",
        template="",
        phase=phase,
        message=message or str(state.get("message") or ""),
        started=moment(state.get("startTime")),
        finished=max(finished) if finished and over else None,
        exit_code=str(failed.get("exitCode") or ("0" if phase == "Succeeded" else "")),
    )


def supplied(status: Status, nodes: Iterable[Node]) -> Status:
    """Return the status with the nodes of its pods, where it has none of its own and says why."""
    known = {node.id: node for node in nodes}
    if status.readable or not known:
        return status
    return replace(status, nodes=known)


def of_record(workflow: Json) -> Iterator[Json]:
    """Yield the pods that a workflow's record of its nodes implies, with as much as is known of them.

    Their names are made as Argo makes them (pod-name-format v2, or v1: the node's id).
    """
    metadata, nodes = workflow.get("metadata") or {}, (workflow.get("status") or {}).get("nodes") or {}
    name = str(metadata.get("name") or "")
    old = (metadata.get("annotations") or {}).get(NAME_FORMAT) == "v1"
    containers: dict[str, list[str]] = {}
    for node in nodes.values():
        if node.get("type") == "Container":  # of a container set
            containers.setdefault(str(node.get("boundaryID")), []).append(str(node.get("displayName")))
    for identity, node in nodes.items():
        if node.get("type") != "Pod" or (node.get("memoizationStatus") or {}).get("hit"):
            continue
        node_name, phase = str(node.get("name") or identity), str(node.get("phase") or "Pending")
        state: Json = {"terminated": {}} if phase in ENDED else {"running": {}}
        running = containers.get(identity, ["main"]) if phase in STARTED else []
        yield {
            "metadata": {
                "name": identity if old else pod_name(name, node_name, template_of(node)),
                "labels": {WORKFLOW: name},
                "annotations": {NODE_ID: identity, NODE_NAME: node_name},
            },
            "status": {
                "phase": {"Error": "Failed"}.get(phase, phase),
                "containerStatuses": [{"name": one, "state": state} for one in running],
            },
        }


def pod_name(workflow: str, node_name: str, template: str) -> str:
    """Return the name that Argo gives to a node's pod: the workflow's, the template's, and a hash of the node's."""
    if workflow == node_name:
        return workflow
    digest = 0x811C9DC5  # FNV-1a
    for byte in node_name.encode():
        digest = ((digest ^ byte) * 0x01000193) & 0xFFFFFFFF
    prefix = f"{workflow}-{template}" if template else workflow
    return f"{prefix[:LONGEST_PREFIX]}-{digest}"


def template_of(node: Json) -> str:
    """Return the name of the template that a node runs."""
    reference = node.get("templateRef") or {}
    return str(reference.get("template") or node.get("templateName") or "")


def _terminated(container: Json) -> Json:
    return dict((container.get("state") or {}).get("terminated") or {})
