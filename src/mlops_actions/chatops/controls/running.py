"""Find the commands that this workflow file accepted on a pull request, and what they do now.

A command is what its run's notice says (`core/command_notice.py`). The comments of commands only tell where to look for runs
that have ended: whoever may write to the repository can edit them.

GitHub shows the annotations of a job when the job has ended, so that a command is known once the job that took it has ended;
in a file of two jobs that is before the work starts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from mlops_actions.chatops.ports import Repository
from mlops_actions.chatops.run_end import is_detached
from mlops_actions.core.command_notice import CommandNotice, parse
from mlops_actions.core.concurrent import gather
from mlops_actions.core.context import Context
from mlops_actions.core.errors import ActionError, BadInput
from mlops_actions.core.sticky import CommandComment
from mlops_actions.core.user import User

_STATUSES = ("in_progress", "queued", "waiting", "pending", "requested")
# On these events GitHub takes the workflow file of the default branch (of the chosen ref on the last one). On the others it
# takes the file of the pull request, which can print any notice.
# https://docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows
_EVENTS = ("issue_comment", "pull_request_target", "workflow_dispatch")
_REVIEWS = ("pull_request_review", "pull_request_review_comment")
_DOING = {
    "in_progress": "runs",
    "waiting": "waits for a review of its environment",
    "queued": "waits for a machine",
    "pending": "waits in the queue",
    "requested": "waits in the queue",
}
MAX_RUNS = 30
_MAX_ENDED = 10
_MAX_JOBS_READ = 20


@dataclass(frozen=True)
class CommandRun:
    """A run that accepted a command: `notice` is its record, `actor` who gave it, `doing` what its job does now.

    `comment` is the command's comment, which anybody with write access may have changed; None where none was found.
    `is_detached` says that the run has ended well, but not the workflow that it submitted. `is_by_review` marks the run of a
    review or a review comment, whose workflow file is the pull request's: it can be shown and stopped, nothing more.
    """

    id: int
    notice: CommandNotice
    actor: User
    created_at: str
    doing: str
    is_completed: bool
    conclusion: str
    comment: CommandComment | None = None
    is_detached: bool = False
    is_by_review: bool = False

    @property
    def is_open(self) -> bool:
        """Whether the command still runs or waits."""
        return not self.is_completed or self.is_detached


@dataclass(frozen=True)
class CommandRuns:
    """The commands of one pull request, newest first.

    `doubtful` are runs whose notices contradict each other, `unread` those whose first job has not ended; it is not known
    whether they belong to the pull request. `is_complete` is false where GitHub lists more runs than were read. `elsewhere`
    are names of commands that other workflow files accepted on the pull request, as far as they left a comment.
    """

    found: tuple[CommandRun, ...]
    doubtful: tuple[int, ...] = ()
    unread: tuple[int, ...] = ()
    is_complete: bool = True
    elsewhere: frozenset[str] = frozenset()

    @property
    def open(self) -> tuple[CommandRun, ...]:
        """The commands that run or wait."""
        return tuple(run for run in self.found if run.is_open)

    @property
    def open_and_believed(self) -> tuple[CommandRun, ...]:
        """Those of them whose record no pull request can have written."""
        return tuple(run for run in self.open if not run.is_by_review)


@dataclass(frozen=True)
class _Reading:
    """What one run says: its notice; or that it contradicts itself, or has said nothing yet."""

    notice: CommandNotice | None = None
    is_doubtful: bool = False
    is_unread: bool = False
    doing: str = ""


def command_runs(client: Repository, context: Context, pr_number: int) -> CommandRuns:
    """Read the commands of a pull request; raises ActionError where GitHub does not answer."""
    path = _path(context)
    calls = _unfinished(client, path)
    calls["comments"] = partial(client.command_comments, pr_number)
    answers = _all(gather(calls))
    comments: dict[int, CommandComment] = {
        int(one.mark.run): one for one in answers.pop("comments") if one.mark.run.isdecimal()
    }
    listed = {int(run["id"]): run for runs in answers.values() for run in runs}
    newest = sorted(listed, reverse=True)[:MAX_RUNS]
    ended = [run for run in sorted(comments, reverse=True) if run not in listed][:_MAX_ENDED]
    own = int(context.run_id) if context.run_id.isdecimal() else 0
    reads = {run: partial(_read_run, client, run, listed.get(run)) for run in (*newest, *ended) if run != own}
    found: list[CommandRun] = []
    doubtful: list[int] = []
    unread: list[int] = []
    elsewhere: set[str] = set()
    for identifier, answer in _all(gather(reads)).items():
        run, reading = answer
        is_here = reading.notice is not None and reading.notice.pr_number == pr_number
        if run is None or not (_is_of_file(run, path, context) or _is_by_review(run, path)):
            if is_here and reading.notice is not None:
                elsewhere.add(reading.notice.name)
            continue
        if reading.is_doubtful:
            doubtful.append(identifier)
        elif reading.is_unread:
            unread.append(identifier)
        elif is_here:
            found.append(_command_run(run, reading, comments.get(identifier)))
    found = _with_detached(found, client)
    return CommandRuns(
        found=tuple(sorted(found, key=lambda one: -one.id)),
        doubtful=tuple(sorted(doubtful)),
        unread=tuple(sorted(unread)),
        elsewhere=frozenset(elsewhere),
        is_complete=len(listed) <= MAX_RUNS and all(len(runs) < MAX_RUNS for runs in answers.values()),
    )


def _with_detached(found: list[CommandRun], client: Repository) -> list[CommandRun]:
    """Mark the runs whose workflows run on: they said so, and the call-back has not ended the command's comment yet."""
    ended = [one for one in found if one.is_completed and one.conclusion == "success"]
    unsaid = [one.id for one in ended if one.comment and one.comment.mark.is_open]
    detached = _all(gather({run: partial(is_detached, client, run) for run in unsaid}))
    return [replace(one, is_detached=detached.get(one.id, False)) for one in found]


def runs_with_lock(client: Repository, context: Context, lock: str) -> tuple[CommandRun, ...]:
    """Read the earlier commands with a lock, on any pull request, that have not ended, newest first; raises ActionError.

    A concurrency group belongs to the repository. So these are the runs of this workflow file, and those of others on a
    comment: of all the runs of a repository GitHub would list too many.
    """
    calls = _unfinished(client, _path(context))
    for status in _STATUSES:
        calls[f"comments {status}"] = partial(client.runs.unfinished_on, "issue_comment", status)
    answers = _all(gather(calls))
    own = int(context.run_id) if context.run_id.isdecimal() else 0
    listed = {int(run["id"]): run for runs in answers.values() for run in runs if int(run["id"]) < own}
    newest = sorted(listed, reverse=True)[:MAX_RUNS]
    found = _all(gather({run: partial(_read_run, client, run, listed[run]) for run in newest}))
    return tuple(
        _command_run(run, reading, None)
        for _, (run, reading) in sorted(found.items(), reverse=True)  # the answers come in any order
        if reading.notice is not None and reading.notice.lock == lock and _is_of_default_branch(run, context)
    )


def _path(context: Context) -> str:
    if not context.workflow_path:
        raise BadInput(
            "GITHUB_WORKFLOW_REF does not name this workflow's file, so its runs cannot be found",
            "use GitHub Enterprise Server 3.9 or newer, or leave 'controls' out",
        )
    return context.workflow_path


def _unfinished(client: Repository, path: str) -> dict[str, Callable[[], Any]]:
    file = path.rpartition("/")[2]
    return {status: partial(client.runs.unfinished, file, status) for status in _STATUSES}


def _all(answers: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the answers; raises the first error among them: a part of what runs is no answer."""
    for answer in answers.values():
        if isinstance(answer, ActionError):
            raise answer
    return dict(answers)


def _is_of_file(run: Mapping[str, Any], path: str, context: Context) -> bool:
    """Return whether a run is of this workflow file as the default branch has it."""
    return str(run["path"]).partition("@")[0] == path and _is_of_default_branch(run, context)


def _is_by_review(run: Mapping[str, Any], path: str) -> bool:
    """Return whether a run is of this workflow file as the pull request has it, for a review."""
    return str(run["path"]).partition("@")[0] == path and run["event"] in _REVIEWS


def _is_of_default_branch(run: Mapping[str, Any], context: Context) -> bool:
    """Return whether a run is of its workflow file as the default branch has it: any other one can print any notice."""
    if run["event"] not in _EVENTS:
        return False
    return run["event"] != "workflow_dispatch" or f"refs/heads/{run.get('head_branch')}" == context.ref


def _read_run(
    client: Repository, identifier: int, listed: Mapping[str, Any] | None
) -> tuple[Mapping[str, Any] | None, _Reading]:
    run = listed or client.runs.read(identifier)
    return run, (_Reading() if run is None else _read_jobs(client, run))


def _read_jobs(client: Repository, run: Mapping[str, Any]) -> _Reading:
    """Read the notice of the earliest job that has one: before that job no text of the pull request could be printed."""
    jobs = sorted(client.runs.jobs(int(run["id"])), key=lambda job: (str(job.get("started_at") or ""), int(job["id"])))
    doing = _doing(run, jobs)
    for job in [one for one in jobs if one.get("conclusion") != "skipped"][:_MAX_JOBS_READ]:
        annotations = client.runs.annotations(int(job["id"]))
        notices = {parse(str(one.get("title") or ""), str(one.get("message") or "")) for one in annotations} - {None}
        if notices:
            return _Reading(notices.pop(), doing=doing) if len(notices) == 1 else _Reading(is_doubtful=True)
        if job["status"] != "completed":
            return _Reading(is_unread=True)
    return _Reading(is_unread=not jobs and run["status"] != "completed")


def _doing(run: Mapping[str, Any], jobs: Iterable[Mapping[str, Any]]) -> str:
    jobs = list(jobs)
    latest = max((int(job["run_attempt"]) for job in jobs), default=1)
    waiting = {str(job["status"]): str(job["name"]) for job in jobs if int(job["run_attempt"]) == latest}
    status = next((status for status in _DOING if status in waiting), str(run["status"]))
    name = f" (job {waiting[status]})" if status in waiting and status != "completed" else ""
    return _DOING.get(status, "is between two jobs") + name


def _command_run(run: Mapping[str, Any], reading: _Reading, comment: CommandComment | None) -> CommandRun:
    assert reading.notice is not None  # noqa: S101 - the caller has looked
    actor = run.get("actor") or {}
    return CommandRun(
        id=int(run["id"]),
        notice=reading.notice,
        actor=User(str(actor.get("login") or ""), str(actor.get("type") or ""), int(actor.get("id") or 0)),
        created_at=str(run["created_at"]),
        doing=reading.doing,
        is_completed=run["status"] == "completed",
        conclusion=str(run.get("conclusion") or ""),
        comment=comment,
        is_by_review=run["event"] in _REVIEWS,
    )
