"""Publish the report where people look: in the pull request's comment and in a check run.

The report is complete and written to files before. A failure here is a warning, and changes neither the exit code nor an
output of the comparison; that of the check run is on the comment, too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mlops_actions.core import markdown
from mlops_actions.core.errors import ActionError
from mlops_actions.core.event import Event, pull_request_of
from mlops_actions.wandb_runs.findings import Findings
from mlops_actions.wandb_runs.inputs import ACTION, MARKDOWN_FILE, Inputs
from mlops_actions.wandb_runs.ports import Ports, ReportPublisher
from mlops_actions.wandb_runs.report.fit import ReportSection, fit
from mlops_actions.wandb_runs.report.headline import headline_text
from mlops_actions.wandb_runs.verdict.verdict import IN_PROGRESS

_RESERVED = 1000  # characters of a comment for the hidden lines that identify it, and for its sections
_MAX_CHECK_BYTES = 65_535  # GitHub's limit of a check run's summary


@dataclass(frozen=True)
class Attempt:
    """One attempt to publish: the comment's address, or a note that says why there is nothing."""

    comment_url: str = ""
    note: str = ""


@dataclass(frozen=True)
class PublishedReport:
    """The attempts in their order."""

    attempts: tuple[Attempt, ...] = ()

    @property
    def comment_url(self) -> str:
        """The comment's address; empty where none was written."""
        return next((attempt.comment_url for attempt in self.attempts if attempt.comment_url), "")

    @property
    def notes(self) -> list[str]:
        """The notes of all attempts."""
        return [attempt.note for attempt in self.attempts if attempt.note]


def publish(
    inputs: Inputs,
    event: Event | None,
    ports: Ports,
    findings: Findings,
    *,
    sections: Sequence[ReportSection],
    job_url: str,
) -> PublishedReport:
    """Write the check run and the comment, as far as the inputs ask for them."""
    attempts = []
    summary = markdown.link("the job's summary", job_url) if job_url else "the job's summary"
    note = f"_The whole report is in {summary} and in `{MARKDOWN_FILE}`._"
    if inputs.check_name:
        attempts.append(_check(inputs, ports, findings, _fit_bytes(sections, _MAX_CHECK_BYTES, note), job_url))
    if inputs.comment:
        if any(attempt.note for attempt in attempts):
            name = markdown.code(inputs.check_name or "")
            warning = f"⚠️ The check run {name} could not be concluded; its report is in {summary}."
            # Below the headline, which later reports show as the title of this one.
            sections = [*sections[:1], ReportSection("check run", warning, essential=True), *sections[1:]]
        text = fit(sections, markdown.COMMENT_LIMIT - _RESERVED, note)
        attempts.append(_attempt(ports, "no comment was written", lambda github: _comment(inputs, event, github, text)))
    return PublishedReport(tuple(attempts))


def _fit_bytes(sections: Sequence[ReportSection], size: int, note: str) -> str:
    """Fit a report into so many bytes of UTF-8, which are more than its characters."""
    limit = size
    while (actual := len((text := fit(sections, limit, note)).encode())) > size:
        limit = limit * size // actual
    return text


def _attempt(ports: Ports, effect: str, act: Callable[[ReportPublisher], Attempt]) -> Attempt:
    """Call GitHub; an error becomes a note that begins with `effect`, and a warning."""
    attempt = _call(ports.publisher, act)
    if not attempt.note:
        return attempt
    note = f"{effect}: {attempt.note}"
    ports.runner.warning(note, title=ACTION.name)
    return Attempt(note=note)


def _call(publisher: ReportPublisher | None, act: Callable[[ReportPublisher], Attempt]) -> Attempt:
    if publisher is None:
        return Attempt(note="there is no 'github-token'")
    try:
        return act(publisher)
    except ActionError as error:
        return Attempt(note=f"the report is in the job's summary: {error}")


def _comment(inputs: Inputs, event: Event | None, github: ReportPublisher, text: str) -> Attempt:
    number = inputs.pr_number or pull_request_of(event, github.pull_request_of_commit).number
    if not number:
        return Attempt(note="this event belongs to no pull request; give 'pr-number'")
    return Attempt(comment_url=github.upsert_comment(number, inputs.comment_tag, text, keep=True, replaces=True))


def _check(inputs: Inputs, ports: Ports, findings: Findings, report: str, job_url: str) -> Attempt:
    """Write the check run, concluded by the verdict; where that fails, warn once and say where the report is."""
    name, publisher, verdict = inputs.check_name or "", ports.publisher, findings.verdict
    error = "there is no 'github-token'"
    if publisher is not None:
        try:
            publisher.report_check_run(
                name,
                inputs.sha or "",
                "" if verdict.check == IN_PROGRESS else verdict.check,
                external_id=_check_key(inputs),
                url=job_url,
                title=headline_text(findings),
                summary=report,
            )
        except ActionError as failure:
            error = str(failure)
        else:
            return Attempt()
    place = f" ({job_url})" if job_url else ""
    note = f"the check run '{name}' could not be concluded; the report is in the job's summary{place}: {error}"
    ports.runner.warning(note, title=ACTION.name)
    return Attempt(note=note)


def _check_key(inputs: Inputs) -> str:
    """Return what tells a check run from others of the same name and commit: the project and the runs it is about."""
    selected = (inputs.project, inputs.run_id, inputs.group, inputs.secondary_sha, inputs.filters)
    return f"wandb-runs-{hashlib.sha256(json.dumps(selected, sort_keys=True).encode()).hexdigest()[:16]}"
