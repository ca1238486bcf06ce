"""The outputs of the step and its `result` document. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence

from mlops_actions.argo_submit import report, resources
from mlops_actions.argo_submit.follow import FollowResult
from mlops_actions.argo_submit.node_status import NodeStatus
from mlops_actions.argo_submit.prepare import WorkflowRequest
from mlops_actions.argo_submit.report import WorkflowReportContext
from mlops_actions.argo_submit.revision import WorkflowRevision
from mlops_actions.argo_submit.status import WorkflowStatus
from mlops_actions.core.outcome import Outcome, flag
from mlops_actions.core.types import Json

# GitHub takes at most 1 MiB of outputs of a job, and this step sends the failed nodes twice; see
# https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idoutputs
MAX_FAILED_NODES = 100
MAX_FAILED_BYTES = 200_000
MAX_MESSAGE = 1_000


def outcome_of_dry_run(request: WorkflowRequest, name: str, checked: Sequence[str], not_checked: Sequence[str]) -> Outcome:
    """Return the outcome of a workflow that the server has validated, and that was not submitted."""
    outputs = {"workflow-name": name, "workflow-namespace": request.namespace, "attached": flag(False)}
    result: Json = {**outputs, "attached": False, "dry-run": True, "parameters": dict(request.parameters)}
    result |= {"checked": list(checked), "not-checked": list(not_checked)}
    return Outcome(outputs, result)


def outcome_of_stop(stopped: Sequence[str], namespace: str, pr_number: int, comment_url: str) -> Outcome:
    """Return the outcome of a step that stopped what runs for a pull request; the workflows are given by name."""
    outputs = {"workflow-namespace": namespace, "comment-url": comment_url, "stopped": _compact_json(list(stopped))}
    return Outcome(outputs, {**outputs, "stopped": list(stopped), "pr-number": pr_number})


def outcome_of(
    followed: FollowResult,
    context: WorkflowReportContext,
    revision: WorkflowRevision,
    comment_url: str,
    stopped: Sequence[str],
) -> Outcome:
    """Return the outcome of a workflow that was submitted or joined, without the error of a failed one."""
    workflow = followed.status
    nodes = workflow.failed()
    failed = _bounded(
        [
            _failed_node(node, workflow, context.url, followed.last_lines.get(node.id, ()))
            for node in nodes[:MAX_FAILED_NODES]
        ]
    )
    artifacts = [one.document() for one in followed.artifacts]
    used = resources.hours(workflow.resources)
    outputs = {
        "workflow-name": workflow.name,
        "workflow-namespace": workflow.namespace,
        "workflow-uid": workflow.uid,
        "workflow-url": context.url,
        "phase": workflow.phase,
        "message": workflow.message,
        "outputs": _compact_json(dict(workflow.outputs)),
        "failed-nodes": _compact_json(failed),
        "artifacts": _compact_json(artifacts),
        "resources": _compact_json(used),
        "duration": "" if workflow.seconds is None else str(round(workflow.seconds)),
        "attached": flag(context.attached),
        "stopped": _compact_json(list(stopped)),
        "comment-url": comment_url,
        "WORKFLOW_URL": context.url,
    }
    result: Json = {
        **{name: text for name, text in outputs.items() if name != "WORKFLOW_URL"},
        "outputs": dict(workflow.outputs),
        "failed-nodes": failed,
        "artifacts": artifacts,
        "resources": used,
        "failed-count": len(nodes),
        "attached": context.attached,
        "stopped": list(stopped),
        "duration": workflow.seconds,
        "sha": revision.sha,
        "image": revision.image,
        "pr-number": revision.pr_number,
        "parameters": dict(context.parameters),
    }
    return Outcome(outputs, result)


def _bounded(nodes: list[Json]) -> list[Json]:
    """Return the nodes, those without their last lines for which there is no room; as many as fit."""
    left, bounded = MAX_FAILED_BYTES, []
    for node in nodes:
        short = {**node, "last-lines": []}
        left -= len(_compact_json(short).encode()) + 1
        if left < 0:
            break
        bounded.append(short)
    for position, node in enumerate(nodes[: len(bounded)]):
        left -= len(_compact_json(node["last-lines"]).encode())
        if left < 0:
            break
        bounded[position] = node
    return bounded


def _failed_node(node: NodeStatus, workflow: WorkflowStatus, page: str, last_lines: tuple[str, ...]) -> Json:
    return {
        "name": node.display_name,
        "id": node.id,
        "template": node.template,
        "phase": node.phase,
        "message": node.message[:MAX_MESSAGE],
        "exit-code": node.exit_code,
        "reason": node.reason,
        "pod": workflow.pod_of(node),
        "node": node.host,
        "container": node.failed_container,
        "log-url": report.log_page(node, page),
        "last-lines": list(last_lines),
    }


def _compact_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
