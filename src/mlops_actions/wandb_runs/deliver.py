"""Put the report where people look: the pull request's comment, and a check run.

By now everything is known and written to files, so a failure here is kept for the end instead of costing the outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mlops_actions.core import markdown
from mlops_actions.core.errors import ActionError, Refused
from mlops_actions.core.event import CommentEvent, DispatchEvent, Event, PullRequestEvent
from mlops_actions.wandb_runs import report
from mlops_actions.wandb_runs.findings import PASSED, Findings
from mlops_actions.wandb_runs.inputs import Inputs
from mlops_actions.wandb_runs.ports import Ports, PullRequests

_COMMENT_ROOM = 500  # characters left for the hidden lines that hold the comment together
_FORBIDDEN = 403
_LONGEST_NUMBER = 10  # digits of a pull request's number


@dataclass
class Delivered:
    """What became of it; `failures` are in the order in which they happened."""

    comment_url: str = ""
    notes: list[str] = field(default_factory=list)
    failures: list[ActionError] = field(default_factory=list)


def deliver(inputs: Inputs, event: Event | None, ports: Ports, findings: Findings, text: str, job_url: str) -> Delivered:
    """Comment and conclude the check run, as far as the inputs ask for it."""
    delivered = Delivered()
    rest = markdown.link("the job's summary", job_url) if job_url else "the job's summary"
    note = f"_Cut here: the whole report is in {rest} and in `wandb_report.md`._"
    shown = markdown.cut(text, markdown.COMMENT_LIMIT - _COMMENT_ROOM, note)
    if inputs.comment:
        _attempt(
            "no comment was written", ports, delivered, lambda github: _comment(inputs, event, github, shown, delivered)
        )
    if inputs.check_name:
        _attempt("no check run was made", ports, delivered, lambda github: _check(inputs, github, findings, text, job_url))
    return delivered


def _attempt(what: str, ports: Ports, delivered: Delivered, act: Callable[[PullRequests], str]) -> None:
    """Act on GitHub; what stands in the way by the workflow's own design is a note, everything else a failure."""
    try:
        why = "there is no 'github-token'" if ports.pull_requests is None else act(ports.pull_requests)
    except Refused as refused:
        # On a pull request from a fork the token may only read.
        if getattr(refused, "status", 0) != _FORBIDDEN:
            delivered.failures.append(refused)
            return
        why = f"the report is in the job's summary: {refused}"
    except ActionError as error:
        delivered.failures.append(error)
        return
    if why:
        note = f"{what}: {why}"
        ports.runner.warning(note, title="wandb-runs")
        delivered.notes.append(note)


def _comment(inputs: Inputs, event: Event | None, github: PullRequests, text: str, delivered: Delivered) -> str:
    number = inputs.pr_number or pull_request_of(event)
    if not number:
        return "this event belongs to no pull request; give 'pr-number'"
    delivered.comment_url = github.upsert_comment(number, inputs.comment_tag, text, keep=True)
    return ""


def pull_request_of(event: Event | None) -> int | None:
    """The number of the pull request an event belongs to; `workflow_dispatch` names it in its input `pr-number`."""
    if isinstance(event, CommentEvent):
        return event.number if event.on_pull_request else None
    if isinstance(event, PullRequestEvent):
        return event.pull_request.number
    if isinstance(event, DispatchEvent):
        given = str(event.inputs.get("pr-number", ""))
        return int(given) if given.isascii() and given.isdigit() and len(given) <= _LONGEST_NUMBER else None
    return None


def _check(inputs: Inputs, github: PullRequests, findings: Findings, text: str, job_url: str) -> str:
    judged = PASSED in (findings.gate, findings.required)
    conclusion = "failure" if findings.refused else "success" if judged else "neutral"
    if findings.timed_out:
        conclusion = "timed_out"
    title = report.headline_text(findings)
    made = github.create_check_run(inputs.check_name or "", inputs.sha or "", url=job_url, title=title, summary=text)
    github.conclude_check_run(made, conclusion, title=title, summary=text)
    return ""
