"""What the page says of each act and of each reply, taken from the outputs of the actions and from GitHub's events."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mlops_sandbox.demo.recording import Act
from mlops_sandbox.github import Delivery, PullRequest
from mlops_sandbox.github.page.view import CheckResult

# GitHub's states of a run → the colour of the page.
_COLOURS: dict[str, CheckResult] = {"success": "success", "failure": "failure"}
_RUN = re.compile(r"/actions/runs/(\d+)")
# The reasons for which chatops leaves a comment alone; other comments that are no command get an answer, such as /status.
_SILENT = ("bot", "finished", "no-command", "not-a-pull-request", "unsupported-action", "unsupported-event")
Kind = Literal["work", "refused", "steered"]


@dataclass(frozen=True)
class Outcome:
    """How an act ended: the colour of its mark, and in words."""

    result: CheckResult
    text: str


@dataclass(frozen=True)
class State:
    """A comment as it was from a moment on; `edits` counts the changes that left its first line as it was."""

    at: str
    body: str
    edits: int = 0


@dataclass
class Reply:
    """A comment of a job, in its states; `act` is what it answers."""

    comment: int
    act: Act | None
    states: list[State] = field(default_factory=list)

    @property
    def kind(self) -> Kind:
        """What it answers: work, a command that was refused, or one that steers."""
        outputs = _outputs(self.act, "chatops")
        if outputs.get("decision") == "deny":
            return "refused"
        return "steered" if outputs.get("decision") == "ignore" else "work"


def command_of(act: Act) -> str:
    """Return what somebody wrote, as one line; empty where it was no comment."""
    return " ".join(act.comment.body.split()) if act.comment else ""


def was_ignored(act: Act) -> bool:
    """Return whether the comment was none for this workflow file."""
    result, reason = act.run.result, _outputs(act, "chatops").get("reason")
    return result is not None and (result.conclusion == "skipped" or reason in _SILENT)


def outcome(act: Act) -> Outcome:
    """Say how an act ended."""
    if act.run.result is None:
        return Outcome("pending", "still runs")
    chatops, workflow, runs = (_outputs(act, name) for name in ("chatops", "argo-submit", "wandb-runs"))
    conclusion = act.run.result.conclusion
    if chatops.get("decision") == "deny":
        return Outcome("neutral", f"refused: {chatops['reason']}")
    parts = []
    if chatops.get("decision") == "ignore":
        parts.append(f"answered: {chatops['reason']}")
    elif workflow.get("workflow-name") and conclusion != "cancelled":
        parts.append(f"workflow {workflow['workflow-name']} {workflow['phase']}")
    if runs.get("gate") not in (None, "", "none"):
        parts.append(f"gates {runs['gate']}")
    if runs.get("promoted"):
        parts.append(f"{runs['promoted']} promoted")
    if runs.get("statement"):
        parts.append("statement written")
    if conclusion != "success" or not parts:
        parts.append(f"the run ended: {conclusion}")
    return Outcome(_COLOURS.get(conclusion, "neutral"), " · ".join(parts))


def replies(pull: PullRequest, deliveries: Iterable[Delivery[Any]], acts: Sequence[Act]) -> list[Reply]:
    """Return the comments of jobs on the pull request, in the order in which they were written."""
    by_run = {act.run.record.id: act for act in acts}
    found: dict[int, Reply] = {}
    for delivery in _comments(pull, deliveries):
        comment = delivery.payload["comment"]
        identity, body = comment["id"], comment["body"]
        if identity not in found:
            # A comment links its own run last: what it says of other runs comes before.
            runs = _RUN.findall(body)
            found[identity] = Reply(identity, by_run.get(int(runs[-1])) if runs else None)
        states = found[identity].states
        if states and first_line(states[-1].body) == first_line(body):
            states[-1] = State(states[-1].at, body, states[-1].edits + 1)
        else:
            states.append(State(comment["updated_at"], body))
    return list(found.values())


def first_line(body: str) -> str:
    """Return the first line of a comment that a reader sees, as Markdown."""
    lines = (line.strip() for line in body.splitlines())
    return next((line.lstrip("#> ") for line in lines if line.lstrip("#> ") and not line.startswith("<!--")), "")


def _comments(pull: PullRequest, deliveries: Iterable[Delivery[Any]]) -> Iterator[Delivery[Any]]:
    """Yield the events of comments that bots wrote on the pull request and that are still there."""
    present = {comment.id for comment in pull.comments if comment.user.is_bot}
    for delivery in deliveries:
        if delivery.event != "issue_comment" or delivery.action not in ("created", "edited"):
            continue
        if delivery.payload["issue"]["number"] == pull.number and delivery.payload["comment"]["id"] in present:
            yield delivery


def _outputs(act: Act | None, action: str) -> dict[str, str]:
    step = act.step(action) if act else None
    return step.outputs if step else {}
