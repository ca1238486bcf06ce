"""Show how far a running workflow is: a bar, the nodes that run, what is waited for, and when it may end. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mlops_actions.argo_submit import progress
from mlops_actions.argo_submit.graph import GROUPING_TYPES
from mlops_actions.argo_submit.node_status import NodeStatus
from mlops_actions.argo_submit.status import WorkflowStatus
from mlops_actions.argo_submit.waiting import SUSPENDED, Waiting, resume_command
from mlops_actions.core import markdown as md

BAR_WIDTH = 20
MAX_NODES = 5
MAX_WAITS = 5
_PROGRESS = re.compile(r"(\d{1,12})/(\d{1,12})")


@dataclass(frozen=True)
class LiveFacts:
    """What is known of a workflow that runs; `expected` is the duration of earlier runs in seconds, None where unknown.

    `approval` is what a person writes on the pull request to decide about a suspend node; empty where nothing is known.
    """

    now: datetime
    waits: Sequence[Waiting] = ()
    expected: float | None = None
    approval: str = ""


def parts(status: WorkflowStatus, facts: LiveFacts | None) -> list[str]:
    """Return the paragraphs about a workflow that has not ended; none for one that has."""
    if facts is None or status.ended:
        return []
    found = [progress_bar(status.progress), _nodes(status, facts.now), _waits(status, facts), _expected(status, facts)]
    return [text for text in found if text]


def progress_bar(text: str) -> str:
    """Draw Argo's progress `N/M` as a bar; empty where it is none."""
    match = _PROGRESS.fullmatch(text)
    done, total = (int(match[1]), int(match[2])) if match else (0, 0)
    if not total:
        return ""
    share = min(done / total, 1.0)
    full = int(share * BAR_WIDTH)
    return f"`{'█' * full}{'░' * (BAR_WIDTH - full)}` {int(share * 100)} % ({done}/{total})"


def only_waits(status: WorkflowStatus, facts: LiveFacts | None) -> bool:
    """Return whether nothing of a workflow runs since it is suspended, as a whole or at a node."""
    is_suspended = facts is not None and any(one.reason == SUSPENDED for one in facts.waits)
    return is_suspended and not status.ended and not _running(status)


def _running(status: WorkflowStatus) -> list[NodeStatus]:
    return [
        node
        for node in status.nodes.values()
        if node.phase == "Running" and node.type not in (*GROUPING_TYPES, "Retry", "Suspend")
    ]


def _nodes(status: WorkflowStatus, now: datetime) -> str:
    """Name the nodes that run, with the progress that their containers report."""
    running = sorted(_running(status), key=lambda node: (str(node.started or ""), node.name))
    if not running:
        return ""
    more = f" and {len(running) - MAX_NODES} more" if len(running) > MAX_NODES else ""
    return "Running: " + ", ".join(_node(node, now) for node in running[:MAX_NODES]) + more


def _node(node: NodeStatus, now: datetime) -> str:
    match = _PROGRESS.fullmatch(node.progress)
    # Of a node that reports nothing Argo says `0/1`.
    reported = f"{node.progress}, " if match and int(match[2]) > 1 else ""
    since = progress.duration((now - node.started).total_seconds()) if node.started else "not long"
    return f"{md.code(node.display_name)} ({reported}for {since})"


def _waits(status: WorkflowStatus, facts: LiveFacts) -> str:
    lines = [f"- ⏸ {md.escape(one.text(facts.now))}{_remedy(one, status, facts)}" for one in facts.waits[:MAX_WAITS]]
    if len(facts.waits) > MAX_WAITS:
        lines.append(f"- … and {len(facts.waits) - MAX_WAITS} other reasons")
    return "\n".join(lines)


def _remedy(one: Waiting, status: WorkflowStatus, facts: LiveFacts) -> str:
    if one.reason != SUSPENDED:
        return ""
    comment = f"write {md.code(facts.approval)} here, or run " if facts.approval else ""
    return f". To resume it: {comment}{md.code(resume_command(one, status))}"


def _expected(status: WorkflowStatus, facts: LiveFacts) -> str:
    if facts.expected is None or status.started is None:
        return ""
    end = status.started + timedelta(seconds=facts.expected)
    took = f"the last run took {progress.duration(facts.expected)}"
    if end <= facts.now:
        return f"It takes longer than before: {took}."
    return f"Expected to end in {progress.duration((end - facts.now).total_seconds())}: {took}."
