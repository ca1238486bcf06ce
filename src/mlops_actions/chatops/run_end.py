"""Tell whether a workflow run has ended for good, so that nothing more will conclude what it began.

GitHub's API says so, never a comment: whoever may write to the repository can edit those.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlops_actions.chatops.ports import Reader
from mlops_actions.core.callback import RECORD_TITLE
from mlops_actions.core.command_notice import CommandNotice, parse

_MAX_JOBS_READ = 20


@dataclass(frozen=True)
class RunEnd:
    """The end of a run: its `conclusion`, its workflow file, and the command that it recorded (None: none, or several)."""

    conclusion: str
    path: str
    notice: CommandNotice | None


def run_end(client: Reader, run: int) -> RunEnd | None:
    """Return the end of a run; None where it goes on, or its workflow does. Raises ActionError.

    A run that succeeded and has submitted a workflow without waiting goes on in that workflow, until its call-back. GitHub
    hides a run from a token without `actions: read` as if there were none, so that such a run may go on too.
    """
    answer = client.runs.read(run)
    if answer is None or answer["status"] != "completed":
        return None
    annotations = _annotations(client, run)
    conclusion = str(answer.get("conclusion") or "")
    if conclusion == "success" and reports_later(annotations):
        return None
    notices = {parse(str(one.get("title") or ""), str(one.get("message") or "")) for one in annotations} - {None}
    return RunEnd(conclusion, str(answer["path"]).partition("@")[0], notice=notices.pop() if len(notices) == 1 else None)


def is_detached(client: Reader, run: int) -> bool:
    """Return whether a run has submitted a workflow that reports its end later; raises ActionError."""
    return reports_later(_annotations(client, run))


def reports_later(annotations: list[Mapping[str, Any]]) -> bool:
    """Return whether annotations name a workflow that reports its end later."""
    return any(one.get("title") == RECORD_TITLE for one in annotations)


def _annotations(client: Reader, run: int) -> list[Mapping[str, Any]]:
    jobs = [int(job["id"]) for job in client.runs.jobs(run) if job.get("conclusion") != "skipped"]
    return [annotation for job in jobs[:_MAX_JOBS_READ] for annotation in client.runs.annotations(job, must_exist=True)]
