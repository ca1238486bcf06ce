"""Give the last command of a pull request again: its comment is read again, and the command is decided anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mlops_actions.chatops.command_line import parse_arguments
from mlops_actions.chatops.controls.running import CommandRun, CommandRuns
from mlops_actions.chatops.find_command import find_command
from mlops_actions.chatops.inputs import Inputs
from mlops_actions.chatops.parameters import PIN
from mlops_actions.chatops.ports import Repository
from mlops_actions.chatops.request import CommandRequest, Decision
from mlops_actions.chatops.roles import rank
from mlops_actions.core.user import User

_READABLE = ("issues/comments/", "pulls/comments/")


def repeated(
    inputs: Inputs, request: CommandRequest, runs: CommandRuns, client: Repository, *, only_failed: bool
) -> CommandRequest | Decision:
    """Return the request for the last command again, by the person and at the time of the retry; raises ActionError.

    `only_failed` continues its workflow, which is possible only for the commit that it was started for.
    """
    if not runs.found:
        return Decision("nothing-to-retry", ("no command of this workflow file was accepted on this pull request",))
    last = runs.found[0]
    place = last.notice.source
    if last.is_by_review or not place.startswith(_READABLE):
        return Decision("nothing-to-retry", (f"{last.notice.name} was not given in a comment of the conversation",))
    comment = client.runs.comment(place)
    problem = _problem(comment, request)
    if comment is None or problem:
        return Decision("nothing-to-retry", (problem,))
    match = find_command(str(comment.get("body") or ""), inputs)
    if isinstance(match, Decision) or match.command.is_control or inputs.prefix + match.line.name != last.notice.name:
        return Decision("nothing-to-retry", (f"its comment holds no command {last.notice.name} by what is declared now",))
    command = match.command
    if only_failed and client.pull_request(request.source.pr_number).head.sha != last.notice.sha:
        return Decision("retry-moved", (f"{last.notice.name} was for commit {last.notice.sha}",))
    control = "retry-failed" if only_failed else "retry"
    needed = max(command.permission or inputs.permission, request.command.permission, key=rank)
    is_raised = rank(request.command.permission) > rank(command.permission or inputs.permission)
    return replace(
        request,
        command=replace(command, permission=needed) if is_raised else command,
        name=inputs.prefix + command.name,
        rest=match.line.rest,
        below=match.below,
        control=control,
        given_in=place,
        for_runs=_same(last, runs) if only_failed else (),
        pins=parse_arguments(request).values(PIN),
    )


def _problem(comment: Mapping[str, Any] | None, request: CommandRequest) -> str:
    """Say why a comment cannot be repeated; empty where it can."""
    if comment is None:
        return "its comment was deleted"
    subject = str(comment.get("issue_url") or comment.get("pull_request_url") or "").rpartition("/")[2]
    if subject != str(request.source.pr_number):
        return "its comment is not on this pull request"
    if comment["updated_at"] != comment["created_at"]:
        return "its comment was edited since, so what it says now is not what was accepted"
    author = comment.get("user") or {}
    if User(str(author.get("login") or ""), str(author.get("type") or "")).is_bot:
        return "its comment is a bot's"
    return ""


def _same(last: CommandRun, runs: CommandRuns) -> tuple[int, ...]:
    """Return the runs of the same command and commit: a workflow that was continued belongs to the first of them."""
    kind = (last.notice.name, last.notice.sha)
    believed = [run for run in runs.found if not run.is_by_review]
    return tuple(sorted(run.id for run in believed if (run.notice.name, run.notice.sha) == kind))
