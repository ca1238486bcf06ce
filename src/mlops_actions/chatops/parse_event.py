"""Find the command in an event, from its payload alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlops_actions.chatops.bots import is_allowed_bot
from mlops_actions.chatops.find_command import declared_commands, find_command, listed_commands
from mlops_actions.chatops.inputs import Inputs
from mlops_actions.chatops.labels import same_label
from mlops_actions.chatops.request import CommandRequest, CommandSource, Decision, ParsedEvent
from mlops_actions.core.context import Context
from mlops_actions.core.errors import BadInput
from mlops_actions.core.event import (
    CommentEvent,
    DispatchEvent,
    Event,
    PullRequestEvent,
    pull_request_of,
)
from mlops_actions.core.user import User

if TYPE_CHECKING:
    from mlops_actions.chatops.parameters import Command


def parse_event(event: Event, inputs: Inputs, context: Context) -> ParsedEvent:
    """Find the command in an event; raises BadInput where the input `commands` cannot be read."""
    if isinstance(event, CommentEvent):
        return _parse_comment(event, inputs, context)
    if isinstance(event, PullRequestEvent):
        return _parse_label(event, inputs, context)
    if isinstance(event, DispatchEvent):
        return _parse_dispatch(event, inputs, context)
    return ParsedEvent(Decision("unsupported-event", (event.name,)))


def _parse_comment(event: CommentEvent, inputs: Inputs, context: Context) -> ParsedEvent:
    activity = "submitted" if event.name == "pull_request_review" else "created"
    if event.action != activity:
        return ParsedEvent(Decision("unsupported-action", (event.action,)))
    if not event.on_pull_request:
        return ParsedEvent(Decision("not-a-pull-request"))
    if _is_ignored_bot(event.sender, inputs):
        return ParsedEvent(Decision("bot", (event.sender.login,)))
    source = CommandSource(
        pr_number=event.number,
        actor=event.comment.author,
        comment_id=str(event.comment.id),
        comment_url=event.comment.url,
        reaction_target=_reaction_target(event),
    )
    match = find_command(event.comment.body, inputs)
    if isinstance(match, Decision):
        # A comment that only happens to hold a line like a command gets no answer.
        if match.reason == "no-command":
            return ParsedEvent(match)
        listed = listed_commands(match, inputs)
        # A question gets its answer, a mistake only where its author could have commanded.
        is_mistake = match.kind == "deny"
        could_give = tuple(_request(event, one, inputs, context, source=source) for one in listed if is_mistake)
        return ParsedEvent(match, source=source, commands=listed, could_give=could_give)
    request = _request(event, match.command, inputs, context, source=source)
    request = replace(
        request,
        name=("" if _has_phrase(inputs) else inputs.prefix) + match.line.name,
        rest=match.line.rest,
        below=match.below,
    )
    return _mistyped(request, inputs) if match.is_mistyped else ParsedEvent(request=request, source=source)


def _request(
    event: CommentEvent, command: Command, inputs: Inputs, context: Context, *, source: CommandSource
) -> CommandRequest:
    """Return the request for a command by the author of a comment, without arguments."""
    seen = _reviewed_sha(event)
    return CommandRequest(
        source=source,
        command=command,
        name=inputs.prefix + command.name,
        rest="",
        control=command.name if command.is_control else "",
        sender_is_author=event.sender.is_same_as(event.comment.author),
        written_at=event.comment.created_at,
        event_sha=seen,
        is_on_older_commit=bool(seen and event.pull_request and seen != event.pull_request.head.sha),
        is_closed=event.state == "closed",
        rerun_by=_rerun_by(event.sender, context),
        is_phrase=_has_phrase(inputs),
    )


def _mistyped(request: CommandRequest, inputs: Inputs) -> ParsedEvent:
    lines = (f"{request.name[:80]} is not a command; did you mean {inputs.prefix}{request.command.name}?",)
    return ParsedEvent(Decision("unknown-command", lines), source=request.source, meant=request)


def _has_phrase(inputs: Inputs) -> bool:
    return inputs.commands is not None and inputs.commands.is_phrase


def _reaction_target(event: CommentEvent) -> str:
    if event.name == "issue_comment":
        return f"issues/comments/{event.comment.id}"
    if event.name == "pull_request_review_comment":
        return f"pulls/comments/{event.comment.id}"
    # The REST API has no reactions on reviews: the pull request itself gets the reaction.
    return f"issues/{event.number}"


def _reviewed_sha(event: CommentEvent) -> str:
    """Return the commit a review belongs to, as GitHub records it: the head, unless somebody has pushed since."""
    key = {"pull_request_review": "review", "pull_request_review_comment": "comment"}.get(event.name)
    review = event.payload.get(key) if key else None
    if not isinstance(review, Mapping):
        return ""
    if review.get("in_reply_to_id"):
        return ""  # a reply names the commit on which the conversation began, not the one its author has seen
    # The `commit_id` of a review comment follows later pushes; its `original_commit_id` does not.
    commit = review.get("original_commit_id") or review.get("commit_id")
    return commit if isinstance(commit, str) else ""


def _is_ignored_bot(user: User, inputs: Inputs) -> bool:
    return user.is_bot and not is_allowed_bot(user, inputs)


def _parse_label(event: PullRequestEvent, inputs: Inputs, context: Context) -> ParsedEvent:
    if event.action != "labeled":
        return ParsedEvent(Decision("unsupported-action", (event.action,)))
    if _has_phrase(inputs):
        return ParsedEvent(Decision("no-command"))
    if _is_ignored_bot(event.sender, inputs):
        return ParsedEvent(Decision("bot", (event.sender.login,)))
    for command in declared_commands(inputs):
        if any(same_label(event.label, name) for name in (command.label, inputs.prefix + command.name)):
            source = CommandSource(pr_number=event.pull_request.number, actor=event.sender, label=event.label)
            request = CommandRequest(
                source=source,
                command=command,
                name=inputs.prefix + command.name,
                rest="",
                event_sha=event.pull_request.head.sha,
                is_closed=event.pull_request.state == "closed",
                rerun_by=_rerun_by(event.sender, context),
            )
            return ParsedEvent(request=request, source=source)
    return ParsedEvent(Decision("no-command", (event.label,)))


def _parse_dispatch(event: DispatchEvent, inputs: Inputs, context: Context) -> ParsedEvent:
    if event.name == "repository_dispatch":
        return _parse_call_back(event, inputs, context)
    if _is_ignored_bot(event.sender, inputs):
        return ParsedEvent(Decision("bot", (event.sender.login,)))
    command_text = _required_text(event.inputs, "command")
    number = pull_request_of(event).number
    if number is None:
        value = _required_text(event.inputs, "pr-number")
        raise BadInput(
            f"the workflow's input 'pr-number' is {value[:40]!r}, not the number of a pull request",
            "start the workflow with the pull request's number, for example 7 or #7",
        )
    source = CommandSource(pr_number=number, actor=event.sender)
    text = command_text if command_text.startswith(inputs.prefix) else inputs.prefix + command_text
    match = find_command(text, inputs)
    if isinstance(match, Decision):
        # A user who starts the workflow by hand expects a command to run, so this is an error and not an ignored event.
        if match.reason == "no-command":
            names = ", ".join(inputs.prefix + command.name for command in declared_commands(inputs))
            raise BadInput(
                f"the workflow's input 'command' is {command_text[:80]!r}, which is no command",
                f"start the workflow with one of these commands: {names}",
            )
        return ParsedEvent(match, source=source, commands=listed_commands(match, inputs))
    request = CommandRequest(
        source=source,
        command=match.command,
        name=inputs.prefix + match.line.name,
        rest=match.line.rest,
        control=match.command.name if match.command.is_control else "",
        started_by_run=int(context.run_id) if context.run_id.isascii() and context.run_id.isdigit() else 0,
        rerun_by=_rerun_by(event.sender, context),
        below=match.below,
    )
    return _mistyped(request, inputs) if match.is_mistyped else ParsedEvent(request=request, source=source)


def _parse_call_back(event: DispatchEvent, inputs: Inputs, context: Context) -> ParsedEvent:
    from mlops_actions.chatops.parameters import Command
    from mlops_actions.core import callback

    if event.action != callback.EVENT_TYPE:
        return ParsedEvent(Decision("unsupported-action", (event.action,)))
    if _is_ignored_bot(event.sender, inputs):
        return ParsedEvent(Decision("bot", (event.sender.login,)))
    try:
        call_back = callback.read(event.inputs)
    except ValueError as error:
        raise BadInput(
            f"the call-back's client_payload cannot be read: {error}",
            "send the payload that argo-submit's 'callback' sends; this action's README shows it",
        ) from None
    source = CommandSource(pr_number=call_back.pull_request, actor=event.sender)
    request = CommandRequest(
        source=source,
        command=Command(""),
        name="call-back",
        rest="",
        call_back=call_back,
        rerun_by=_rerun_by(event.sender, context),
    )
    return ParsedEvent(request=request, source=source)


def _required_text(inputs: Mapping[str, Any], name: str) -> str:
    value = str(inputs.get(name) or inputs.get(name.replace("-", "_")) or "").strip()
    if not value:
        raise BadInput(
            f"the workflow's input '{name}' is missing or empty",
            f"declare '{name}' under 'on.workflow_dispatch.inputs', and fill it in when you start the workflow",
        )
    return value


def _rerun_by(sender: User, context: Context) -> str:
    is_sender = context.triggering_actor.lower() == sender.login.lower()
    return "" if context.run_attempt <= 1 or is_sender else context.triggering_actor or "(nobody)"
