"""Write the job's summary and the comment on the pull request. Pure; every text from the cluster is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from mlops_actions.argo_submit import diagram, live_report, progress, resources, timeline
from mlops_actions.argo_submit.artifacts import OutputArtifact
from mlops_actions.argo_submit.artifacts import table as artifact_table
from mlops_actions.argo_submit.live_report import LiveFacts
from mlops_actions.argo_submit.node_status import NodeStatus
from mlops_actions.argo_submit.status import WorkflowStatus
from mlops_actions.core import markdown as md
from mlops_actions.core.provenance import short

MAX_FAILED_NODES = 10
MAX_PARAMETERS = 50
MARKS: Mapping[str, str] = {"Succeeded": "✅", "Failed": "❌", "Error": "❌", "Running": "🏃"}
VERBS: Mapping[str, str] = {
    "Succeeded": "succeeded",
    "Failed": "failed",
    "Error": "failed",
    "Pending": "waits",
    "Running": "is running",
}


@dataclass(frozen=True, kw_only=True)
class WorkflowReportContext:
    """Facts about a workflow that its status does not hold; empty where they are not known."""

    url: str = ""
    run_url: str = ""
    repository: str = ""
    server_url: str = ""
    sha: str = ""
    image: str = ""
    actor: str = ""
    attached: bool = False
    parameters: Mapping[str, str] = field(default_factory=dict)


def headline(status: WorkflowStatus, context: WorkflowReportContext, note: str = "", facts: LiveFacts | None = None) -> str:
    """Return the first line: the workflow, its phase and its duration; `note` and `facts` are as in `comment`."""
    phase = status.phase
    name = md.link(status.name, context.url) if context.url else md.code(status.name)
    if note and not status.ended:
        seen = ", ".join(md.escape(text) for text in (phase, status.progress) if text)
        return f"⚠️ **Workflow {name} is no longer followed**" + (f" (last seen: {seen})" if seen else "")
    took = progress.duration(status.seconds) if status.ended else ""
    mark, verb = MARKS.get(phase, "⏳"), VERBS.get(phase, "was submitted")
    if live_report.only_waits(status, facts):
        mark, verb = "⏸️", "waits to be resumed"
    line = f"{mark} **Workflow {name} {verb}**"
    if took:
        line += f" after {took}"
    elif status.progress:
        line += f" ({md.escape(status.progress)})"
    if phase in ("Failed", "Error") and status.message:
        line += f": {md.escape(status.message)}"
    return line


def provenance(status: WorkflowStatus, context: WorkflowReportContext) -> str:
    """Return the table of provenance: commit, image, workflow, actor, job, parameters."""
    commit = ""
    if context.sha:
        commit = md.link(short(context.sha), f"{context.server_url}/{context.repository}/commit/{context.sha}")
    rows = [
        ("Commit", commit),
        ("Image", md.code(context.image)),
        ("Workflow", md.code(f"{status.namespace}/{status.name}") + (" (joined)" if context.attached else "")),
        ("Started by", md.escape(context.actor)),
        ("Follow", md.link("this job", context.run_url) if context.run_url else ""),
    ]
    table = md.table(["", ""], [(name, text) for name, text in rows if text], "ll")
    if not context.parameters:
        return table
    shown = list(context.parameters.items())[:MAX_PARAMETERS]
    values = md.table(["Parameter", "Value"], [(md.code(name), md.code(_cut(text))) for name, text in shown], "ll")
    return f"{table}\n\n{md.fold(f'Parameters ({len(context.parameters)})', values)}"


def comment(status: WorkflowStatus, context: WorkflowReportContext, note: str = "", facts: LiveFacts | None = None) -> str:
    """Return the comment: headline, provenance, outputs, diagram. It holds no logs, because GitHub masks no comments.

    `note` says why the step no longer follows a workflow that has not ended; `facts` are those about one that runs.
    """
    parts = [
        headline(status, context, note, facts),
        *_note(note),
        *live_report.parts(status, facts),
        provenance(status, context),
    ]
    if status.outputs:
        parts.append(_outputs(status.outputs))
    if failed := status.failed():
        parts.append(_failed(status, failed, {}, context.url))
    if picture := diagram.draw(status):
        parts.append(md.fold("What ran", picture, opened=not status.outputs))
    return md.cut("\n\n".join(parts), md.COMMENT_LIMIT - 2_000, "_The comment was cut here._")


def cancelled_comment(status: WorkflowStatus, context: WorkflowReportContext, note: str = "") -> str:
    """Return the comment for a workflow whose job was cancelled; `note` says what became of the workflow."""
    return f"🚫 **The job that followed this workflow was cancelled.**\n\n{comment(status, context, note)}"


def summary(
    status: WorkflowStatus,
    context: WorkflowReportContext,
    last_lines: Mapping[str, Sequence[str]],
    note: str = "",
    facts: LiveFacts | None = None,
    artifacts: Sequence[OutputArtifact] = (),
) -> str:
    """Return the job's summary; `last_lines` holds the last log lines of failed nodes by node id.

    `note` and `facts` are as in `comment`.
    """
    parts = [
        f"### {headline(status, context, note, facts)}",
        *_note(note),
        *live_report.parts(status, facts),
        provenance(status, context),
    ]
    if failed := status.failed():
        parts.append(_failed(status, failed, last_lines, context.url))
    if status.outputs:
        parts.append(_outputs(status.outputs))
    if picture := diagram.draw(status):
        parts.append(picture)
    if stored := artifact_table(artifacts):
        parts.append(stored)
    if used := resources.describe(status):
        parts.append(used)
    if path := timeline.describe(status):
        parts.append(path)
    if chart := timeline.draw(status):
        parts.append(md.fold("When what ran", chart))
    tree = progress.tree(status)
    if len(tree) > 1:
        parts.append(md.fold("Nodes", md.fence("\n".join(tree))))
    parts += [f"_{md.escape(note)}_" for note in status.notes]
    return "\n\n".join(parts)


def _note(note: str) -> list[str]:
    return [f"⚠️ {md.escape(' '.join(note.split()))}"] if note else []


def _outputs(outputs: Mapping[str, str]) -> str:
    rows = [(md.code(name), md.code(_cut(text))) for name, text in list(outputs.items())[:MAX_PARAMETERS]]
    return md.table(["Output", "Value"], rows, "ll")


def log_page(node: NodeStatus, page: str) -> str:
    """Return the address of a node's log on the workflow's page; empty without a page, or where the node has no log."""
    if not page or node.type != "Pod" or node.is_cached:
        return ""
    panel = f"logs:{node.id}:{node.failed_container or 'main'}"
    return f"{page}?{urlencode({'nodeId': node.id, 'sidePanel': panel})}"


def _failed(status: WorkflowStatus, nodes: Sequence[NodeStatus], last_lines: Mapping[str, Sequence[str]], page: str) -> str:
    rows = []
    for node in nodes[:MAX_FAILED_NODES]:
        name, log = md.code(node.display_name), log_page(node, page)
        place = " on ".join(md.code(part) for part in (status.pod_of(node), node.host) if part)
        reason = md.escape(node.message or node.phase)
        rows.append((f"{name} ({md.link('log', log)})" if log else name, reason, place, progress.duration(node.seconds)))
    parts = [md.table(["Failed", "Reason", "Pod", "After"], rows, "lllr")]
    if len(nodes) > MAX_FAILED_NODES:
        parts.append(f"… and {len(nodes) - MAX_FAILED_NODES} more")
    parts += [
        md.fold(f"Last lines of {node.display_name}", md.fence("\n".join(last_lines[node.id])))
        for node in nodes[:MAX_FAILED_NODES]
        if last_lines.get(node.id)
    ]
    return "\n\n".join(parts)


def _cut(text: str, limit: int = 200) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
