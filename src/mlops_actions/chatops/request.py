"""Find the command in an event, from its payload alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mlops_actions.chatops.inputs import Inputs
from mlops_actions.chatops.reasons import REASONS, DecisionKind
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

# The command language is imported only when a line looks like a command: most comments hold none, and every run pays.
if TYPE_CHECKING:
    from mlops_actions.chatops.arguments_below import Below
    from mlops_actions.chatops.confirmed import Confirmation
    from mlops_actions.chatops.grammar import CommandLine
    from mlops_actions.chatops.parameters import Command
    from mlops_actions.core.callback import CallBack

HELP = "help"
_MAX_COMMANDS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to an event: a reason code, lines that explain it, and a command to paste instead.

    The lines may quote anybody; a reply shows them in a fenced block. `may_pass` marks a denial that only waits for others.
    """

    reason: str
    details: tuple[str, ...] = ()
    paste: str = ""
    may_pass: bool = False

    @property
    def kind(self) -> DecisionKind:
        """`continue`, `ignore` or `deny`."""
        return REASONS[self.reason].kind


@dataclass(frozen=True, slots=True)
class CommandSource:
    """Where a command came from: the pull request, the user, the comment, the target of a reaction, the label.

    The last four are empty where there is none: a label and a dispatch have no comment.
    """

    pr_number: int
    actor: User
    comment_id: str = ""
    comment_url: str = ""
    reaction_target: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class CommandRequest:
    """A request to run a declared command.

    `name` is the command with its prefix, `rest` the rest of its line, `below` what stands in the lines below it (None:
    nothing). `written_at` is the time of writing (ISO 8601), empty where GitHub does not say. `event_sha` is the head commit
    that GitHub attached to the event, empty where it attached none; `is_on_older_commit` says that it was not the head even
    then. `is_closed` says that the pull request was closed when
    the event happened. `started_by_run` is the id of the run that somebody started by hand, whose time stands for that of
    writing; 0 for other events. `rerun_by` is the user who ran the job again; it is empty on the first run, and where it is
    the same user. `is_phrase` marks the legacy trigger phrase. `run_id` is this run. `call_back` is set where no user gave
    the command, but a workflow that was submitted earlier reports its end. `control` is the built-in
    command that asked for this one, or that this is. `given_in` is the place of the comment with the arguments (see
    `CommandNotice.source`) where that is another one, and `for_runs` are the ids of the workflow runs that the control is
    about. `confirmation` is set where a later comment confirmed the command.
    """

    source: CommandSource
    command: Command
    name: str
    rest: str
    sender_is_author: bool = True
    written_at: str = ""
    event_sha: str = ""
    is_on_older_commit: bool = False
    is_closed: bool = False
    started_by_run: int = 0
    rerun_by: str = ""
    is_phrase: bool = False
    run_id: str = ""
    call_back: CallBack | None = None
    below: Below | None = None
    control: str = ""
    given_in: str = ""
    for_runs: tuple[int, ...] = ()
    confirmation: Confirmation | None = None


@dataclass(frozen=True, slots=True)
class ParsedEvent:
    """The content of an event: a request, or a decision that needs no facts from GitHub.

    `source` is None where nobody is answered. `commands` are the declared ones, for an answer that lists them. `meant` is
    the command that a mistyped name probably means: only somebody who may give that command is told so.
    """

    decision: Decision | None = None
    request: CommandRequest | None = None
    source: CommandSource | None = None
    commands: tuple[Command, ...] = ()
    meant: CommandRequest | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """A command that was found in a text; `is_mistyped` marks one whose name is only near that of the command."""

    command: Command
    line: CommandLine
    below: Below | None = None
    is_mistyped: bool = False


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
        return ParsedEvent(match, source=source, commands=listed_commands(match, inputs))
    seen = _reviewed_sha(event)
    request = CommandRequest(
        source=source,
        command=match.command,
        name=("" if _has_phrase(inputs) else inputs.prefix) + match.line.name,
        rest=match.line.rest,
        control=match.command.name if match.command.is_control else "",
        sender_is_author=event.sender.is_same_as(event.comment.author),
        written_at=event.comment.created_at,
        event_sha=seen,
        is_on_older_commit=bool(seen and event.pull_request and seen != event.pull_request.head.sha),
        is_closed=event.state == "closed",
        rerun_by=_rerun_by(event.sender, context),
        is_phrase=_has_phrase(inputs),
        below=match.below,
    )
    return _mistyped(request, inputs) if match.is_mistyped else ParsedEvent(request=request, source=source)


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


def find_command(body: str, inputs: Inputs) -> Match | Decision:
    """Find the one command in a text, and what stands below it."""
    from mlops_actions.chatops import arguments_below, comment, grammar
    from mlops_actions.chatops.other_bots import COMMANDS
    from mlops_actions.core.suggest import nearest

    commands = _commands(inputs)
    if inputs.commands is not None and inputs.commands.is_phrase:
        last = grammar.find_last_phrase(body, inputs.commands.text)
        return Match(commands[0], last) if last else Decision("no-command")
    by_name = {command.name: command for command in commands}
    text = comment.read(body)
    controls = [name for name in inputs.controls if name not in by_name]
    lines = grammar.find_commands(text, inputs.prefix)
    names = (*by_name, *controls, *([HELP] if inputs.help else []))
    known = [line for line in lines if line.name in names]
    if len(known) > 1:
        shown = known[:_MAX_COMMANDS_SHOWN]
        return Decision("multiple-commands", tuple(f"{inputs.prefix}{line.name} {line.rest}"[:200] for line in shown))
    if known and known[0].name in (*by_name, *controls):
        if inputs.help and known[0].rest == "--help":
            return Decision(HELP, (known[0].name,))
        command = by_name.get(known[0].name) or _control(known[0].name, inputs)
        return Match(command, known[0], arguments_below.read(text, known[0].number, command, inputs.prefix))
    if known:
        return Decision("help")
    for line in lines:
        if line.name.lower() not in COMMANDS and (near := nearest(line.name, [*by_name, *controls])):
            return Match(by_name.get(near) or _control(near, inputs), line, is_mistyped=True)
    return Decision("no-command")


def listed_commands(decision: Decision, inputs: Inputs) -> tuple[Command, ...]:
    """Return the commands that an answer lists: for `/train --help` only that one."""
    names = decision.details if decision.reason == HELP else ()
    declared = _commands(inputs)
    taken = {command.name for command in declared}
    controls = [_control(name, inputs) for name in inputs.controls if name not in taken]
    return tuple(command for command in (*declared, *controls) if not names or command.name in names)


def _commands(inputs: Inputs) -> tuple[Command, ...]:
    """Return the declared commands, and `confirm` where one of them must be confirmed."""
    from mlops_actions.chatops.parameters import CONFIRM

    commands = declared_commands(inputs)
    return (*commands, CONFIRM) if any(command.confirm for command in commands) else commands


def _control(name: str, inputs: Inputs) -> Command:
    from mlops_actions.chatops.controls.declarations import control

    return control(name, inputs.controls[name])


def declared_commands(inputs: Inputs) -> tuple[Command, ...]:
    """Return the commands that the workflow declares; raises BadInput where the input cannot be read."""
    if inputs.commands is None:
        return ()
    from mlops_actions.chatops.command_schema import parse_commands
    from mlops_actions.chatops.parameters import Command

    if inputs.commands.is_phrase:
        return (Command(inputs.commands.text),)

    try:
        return parse_commands(inputs.commands.text, inputs.prefix)
    except ValueError as error:
        raise BadInput(
            f"input 'commands' {error}", "correct 'commands' in the step's 'with:'; the README shows its forms"
        ) from None


def _is_ignored_bot(user: User, inputs: Inputs) -> bool:
    return user.is_bot and not is_allowed_bot(user, inputs)


def is_allowed_bot(user: User, inputs: Inputs) -> bool:
    """Return whether `allow-bots` names this bot, by its id or by its login with or without `[bot]` at the end."""
    names = tuple(name.lower().removesuffix("[bot]") for name in inputs.allow_bots or ())
    return user.is_bot and replace(user, login=user.login.lower().removesuffix("[bot]")).is_among(names)


def same_label(one: str, other: str) -> bool:
    """Return whether two names are those of one label: GitHub compares them without case. An empty name is none."""
    return bool(one) and one.lower() == other.lower()


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
