"""The job's summary and the comment on the pull request. Pure; whatever comes from the cluster is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from mlops_actions.argo_submit import diagram, progress, timeline
from mlops_actions.argo_submit.status import Node, Status
from mlops_actions.core import markdown as md
from mlops_actions.core.provenance import short

MOST_FAILED: Final = 10
MOST_PARAMETERS: Final = 50
MARKS: Final[Mapping[str, str]] = {"Succeeded": "✅", "Failed": "❌", "Error": "❌", "Running": "🏃"}
WORDS: Final[Mapping[str, str]] = {"Succeeded": "succeeded", "Failed": "failed", "Error": "failed", "Running": "is running"}


@dataclass(frozen=True)
class Facts:
    """What is known besides the workflow itself; empty where it is not known."""

    url: str = ""
    run_url: str = ""
    repository: str = ""
    server_url: str = ""
    sha: str = ""
    image: str = ""
    actor: str = ""
    attached: bool = False
    parameters: Mapping[str, str] = field(default_factory=dict)


def headline(status: Status, facts: Facts) -> str:
    """Return the first line: what happened to which workflow, and how long it took."""
    phase = status.phase
    name = md.link(status.name, facts.url) if facts.url else md.code(status.name)
    took = progress.duration(status.seconds) if status.ended else ""
    line = f"{MARKS.get(phase, '⏳')} **Workflow {name} {WORDS.get(phase, 'was submitted')}**"
    if took:
        line += f" after {took}"
    elif status.progress:
        line += f" ({md.escape(status.progress)})"
    if phase in ("Failed", "Error") and status.message:
        line += f": {md.escape(status.message)}"
    return line


def provenance(status: Status, facts: Facts) -> str:
    """Return the table that says what ran: commit, image, workflow, parameters."""
    commit = ""
    if facts.sha:
        commit = md.link(short(facts.sha), f"{facts.server_url}/{facts.repository}/commit/{facts.sha}")
    rows = [
        ("Commit", commit),
        ("Image", md.code(facts.image)),
        ("Workflow", md.code(f"{status.namespace}/{status.name}") + (" (joined)" if facts.attached else "")),
        ("Started by", md.escape(facts.actor)),
        ("Follow", md.link("this job", facts.run_url) if facts.run_url else ""),
    ]
    table = md.table(["", ""], [(name, text) for name, text in rows if text], "ll")
    if not facts.parameters:
        return table
    shown = list(facts.parameters.items())[:MOST_PARAMETERS]
    values = md.table(["Parameter", "Value"], [(md.code(name), md.code(_cut(text))) for name, text in shown], "ll")
    return f"{table}\n\n{md.fold(f'Parameters ({len(facts.parameters)})', values)}"


def comment(status: Status, facts: Facts) -> str:
    """Return the comment: headline, where it comes from, outputs, picture. Logs stay out: comments are not masked."""
    parts = [headline(status, facts), provenance(status, facts)]
    if status.outputs:
        parts.append(_outputs(status.outputs))
    if failed := status.failed():
        parts.append(_failed(failed, {}))
    if picture := diagram.draw(status):
        parts.append(md.fold("What ran", picture, opened=not status.outputs))
    return md.cut("\n\n".join(parts), md.COMMENT_LIMIT - 2_000, "_The comment was cut here._")


def summary(status: Status, facts: Facts, last_lines: Mapping[str, Sequence[str]]) -> str:
    """Return the job's summary; `last_lines` are the ends of the failed nodes' logs, by node id."""
    parts = [f"### {headline(status, facts)}", provenance(status, facts)]
    if failed := status.failed():
        parts.append(_failed(failed, last_lines))
    if status.outputs:
        parts.append(_outputs(status.outputs))
    if picture := diagram.draw(status):
        parts.append(picture)
    if path := timeline.describe(status):
        parts.append(path)
    if chart := timeline.draw(status):
        parts.append(md.fold("When what ran", chart))
    tree = progress.tree(status)
    if len(tree) > 1:
        parts.append(md.fold("Nodes", md.fence("\n".join(tree))))
    parts += [f"_{md.escape(note)}_" for note in status.notes]
    return "\n\n".join(parts)


def _outputs(outputs: Mapping[str, str]) -> str:
    rows = [(md.code(name), md.code(_cut(text))) for name, text in list(outputs.items())[:MOST_PARAMETERS]]
    return md.table(["Output", "Value"], rows, "ll")


def _failed(nodes: Sequence[Node], last_lines: Mapping[str, Sequence[str]]) -> str:
    rows = [
        (md.code(node.display_name), md.escape(node.message or node.phase), progress.duration(node.seconds))
        for node in nodes[:MOST_FAILED]
    ]
    parts = [md.table(["Failed", "Reason", "After"], rows, "llr")]
    if len(nodes) > MOST_FAILED:
        parts.append(f"… and {len(nodes) - MOST_FAILED} more")
    parts += [
        md.fold(f"Last lines of {node.display_name}", md.fence("\n".join(last_lines[node.id])))
        for node in nodes[:MOST_FAILED]
        if last_lines.get(node.id)
    ]
    return "\n\n".join(parts)


def _cut(text: str, limit: int = 200) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
