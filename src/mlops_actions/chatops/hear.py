"""From an event to the command in it: what can be told without asking GitHub."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlops_actions.chatops.inputs import Inputs
from mlops_actions.chatops.reasons import REASONS, Decided
from mlops_actions.core.context import Context
from mlops_actions.core.errors import BadInput
from mlops_actions.core.event import CommentEvent, DispatchEvent, Event, PullRequestEvent, User

# The language is imported when a line looks like a command: most comments are none, and each run of the job pays.
if TYPE_CHECKING:
    from mlops_actions.chatops.grammar import Spoken
    from mlops_actions.chatops.schema import Command
    from mlops_actions.core.callback import CallBack

HELP = "help"
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision: its reason, lines for a fenced block that may quote anybody, and a command line to paste."""

    reason: str
    details: tuple[str, ...] = ()
    paste: str = ""

    @property
    def decision(self) -> Decided:
        """`continue`, `ignore` or `deny`."""
        return REASONS[self.reason].decision


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command was given: whom to answer, and where a reaction can go (empty: nowhere)."""

    number: int
    actor: User
    comment_id: str = ""
    comment_url: str = ""
    reaction_target: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody gives a declared command.

    `name` is the command with its prefix, `rest` what stands behind it on its line. `written_at` is when (ISO 8601), empty
    where GitHub does not say; `shown_sha` is the head that GitHub itself attached to the command, where it did. `rerun_by`
    is who ran the job again, empty on the first run and where it is the same person. `call_back` is there where no person
    speaks, but a workflow that was submitted earlier and has ended.
    """

    place: Place
    command: Command
    name: str
    rest: str
    sender_is_author: bool = True
    written_at: str = ""
    shown_sha: str = ""
    rerun_by: str = ""
    phrase: bool = False
    call_back: CallBack | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """What an event holds: a request, or a verdict that needs no facts; `place` is there where somebody can be answered."""

    verdict: Verdict | None = None
    request: Request | None = None
    place: Place | None = None
    commands: tuple[Command, ...] = field(default=())


def hear(event: Event, inputs: Inputs, context: Context) -> Heard:
    """Find the command that an event holds; raises BadInput where `commands` cannot be read."""
    if isinstance(event, CommentEvent):
        return _comment(event, inputs, context)
    if isinstance(event, PullRequestEvent):
        return _label(event, inputs, context)
    if isinstance(event, DispatchEvent):
        return _dispatch(event, inputs, context)
    return Heard(Verdict("unsupported-event", (event.name,)))


def _comment(event: CommentEvent, inputs: Inputs, context: Context) -> Heard:
    wanted = "submitted" if event.name == "pull_request_review" else "created"
    if event.action != wanted:
        return Heard(Verdict("unsupported-action", (event.action,)))
    if not event.on_pull_request:
        return Heard(Verdict("not-a-pull-request"))
    if _is_other_bot(event.sender, inputs):
        return Heard(Verdict("bot", (event.sender.login,)))
    place = Place(
        number=event.number,
        actor=event.comment.author,
        comment_id=str(event.comment.id),
        comment_url=event.comment.url,
        reaction_target=_reaction_target(event),
    )
    found = _spoken(event.comment.body, inputs)
    if isinstance(found, Verdict):
        # A comment that only happens to hold a line like a command is nobody's business here.
        if found.reason == "no-command":
            return Heard(found)
        return Heard(found, place=place, commands=_declared(inputs))
    command, spoken = found
    request = Request(
        place=place,
        command=command,
        rest=spoken.rest,
        name=("" if _is_phrase(inputs) else inputs.prefix) + spoken.name,
        sender_is_author=bool(event.sender.login) and event.sender.login == event.comment.author.login,
        written_at=event.comment.created_at,
        shown_sha=_reviewed_sha(event),
        rerun_by=_rerun_by(event.sender, context),
        phrase=_is_phrase(inputs),
    )
    return Heard(request=request, place=place)


def _is_phrase(inputs: Inputs) -> bool:
    return inputs.commands is not None and inputs.commands.phrase


def _reaction_target(event: CommentEvent) -> str:
    if event.name == "issue_comment":
        return f"issues/comments/{event.comment.id}"
    if event.name == "pull_request_review_comment":
        return f"pulls/comments/{event.comment.id}"
    # REST knows no reaction on a review: the pull request itself gets it.
    return f"issues/{event.number}"


def _reviewed_sha(event: CommentEvent) -> str:
    """Return the commit that a review is of: GitHub records it, and it is the head only if nobody has pushed since."""
    key = {"pull_request_review": "review", "pull_request_review_comment": "comment"}.get(event.name)
    reviewed = event.payload.get(key) if key else None
    if not isinstance(reviewed, Mapping):
        return ""
    if reviewed.get("in_reply_to_id"):
        return ""  # it names the commit on which the conversation began, not the one that who replies has seen
    # A review comment's `commit_id` follows later pushes; its `original_commit_id` does not.
    commit = reviewed.get("original_commit_id") or reviewed.get("commit_id")
    return commit if isinstance(commit, str) else ""


def _spoken(body: str, inputs: Inputs) -> tuple[Command, Spoken] | Verdict:
    """Find the one command of a text."""
    from mlops_actions.chatops import grammar
    from mlops_actions.core.suggest import nearest

    commands = _declared(inputs)
    if inputs.commands is not None and inputs.commands.phrase:
        last = grammar.last_phrase(body, inputs.commands.text)
        return (commands[0], last) if last else Verdict("no-command")
    by_name = {command.name: command for command in commands}
    found = grammar.commands(body, inputs.prefix)
    known = [spoken for spoken in found if spoken.name in by_name or (inputs.help and spoken.name == HELP)]
    if len(known) > 1:
        return Verdict(
            "multiple-commands", tuple(f"{inputs.prefix}{spoken.name} {spoken.rest}"[:200] for spoken in known[:_SHOWN])
        )
    if known and known[0].name in by_name:
        return by_name[known[0].name], known[0]
    if known:
        return Verdict("help")
    for spoken in found:
        if near := nearest(spoken.name, list(by_name)):
            return Verdict(
                "unknown-command",
                (f"{inputs.prefix}{spoken.name[:80]} is not a command; did you mean {inputs.prefix}{near}?",),
            )
    return Verdict("no-command")


def _declared(inputs: Inputs) -> tuple[Command, ...]:
    if inputs.commands is None:
        return ()
    from mlops_actions.chatops.declared import declare
    from mlops_actions.chatops.schema import Command

    if inputs.commands.phrase:
        return (Command(inputs.commands.text),)

    try:
        return declare(inputs.commands.text, inputs.prefix)
    except ValueError as error:
        raise BadInput(
            f"input 'commands' {error}", "correct 'commands' in the step's 'with:'; the README shows its forms"
        ) from None


def _is_other_bot(user: User, inputs: Inputs) -> bool:
    return user.is_bot and not is_allowed_bot(user.login, inputs)


def is_allowed_bot(login: str, inputs: Inputs) -> bool:
    """Whether `allow-bots` names a bot, with or without its `[bot]`."""
    names = {name.lower().removesuffix("[bot]") for name in inputs.allow_bots or ()}
    return login.lower().removesuffix("[bot]") in names


def _label(event: PullRequestEvent, inputs: Inputs, context: Context) -> Heard:
    if event.action != "labeled":
        return Heard(Verdict("unsupported-action", (event.action,)))
    if _is_phrase(inputs):
        return Heard(Verdict("no-command"))
    if _is_other_bot(event.sender, inputs):
        return Heard(Verdict("bot", (event.sender.login,)))
    for command in _declared(inputs):
        if event.label in (command.label, inputs.prefix + command.name) and event.label:
            place = Place(number=event.pull_request.number, actor=event.sender)
            request = Request(
                place=place,
                command=command,
                name=inputs.prefix + command.name,
                rest="",
                shown_sha=event.pull_request.head.sha,
                rerun_by=_rerun_by(event.sender, context),
            )
            return Heard(request=request, place=place)
    return Heard(Verdict("no-command", (event.label,)))


def _dispatch(event: DispatchEvent, inputs: Inputs, context: Context) -> Heard:
    if event.name == "repository_dispatch":
        return _call_back(event, inputs, context)
    if _is_other_bot(event.sender, inputs):
        return Heard(Verdict("bot", (event.sender.login,)))
    line = _given(event.inputs, "command")
    number = _given(event.inputs, "pr-number").removeprefix("#")
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise BadInput(
            f"the workflow's input 'pr-number' is {number[:40]!r}, not a number",
            "declare 'pr-number' under 'on.workflow_dispatch.inputs', and give the pull request's number",
        )
    text = line if line.startswith(inputs.prefix) else inputs.prefix + line
    found = _spoken(text, inputs)
    place = Place(number=int(number), actor=event.sender)
    if isinstance(found, Verdict):
        # Who dispatches means a command: silence would leave them wondering.
        if found.reason == "no-command":
            names = ", ".join(inputs.prefix + command.name for command in _declared(inputs))
            raise BadInput(f"the workflow's input 'command' is {line[:80]!r}, which is no command", f"give one of: {names}")
        return Heard(found, place=place, commands=_declared(inputs))
    command, spoken = found
    request = Request(
        place=place,
        command=command,
        name=inputs.prefix + command.name,
        rest=spoken.rest,
        rerun_by=_rerun_by(event.sender, context),
    )
    return Heard(request=request, place=place)


def _call_back(event: DispatchEvent, inputs: Inputs, context: Context) -> Heard:
    from mlops_actions.chatops.schema import Command
    from mlops_actions.core import callback

    if event.action != callback.EVENT_TYPE:
        return Heard(Verdict("unsupported-action", (event.action,)))
    if _is_other_bot(event.sender, inputs):
        return Heard(Verdict("bot", (event.sender.login,)))
    try:
        told = callback.read(event.inputs)
    except ValueError as error:
        raise BadInput(
            f"the call-back's client_payload is not of its form: {error}",
            "send what argo-submit's 'callback' sends, or what this action's README shows",
        ) from None
    place = Place(number=told.pull_request, actor=event.sender)
    request = Request(
        place=place,
        command=Command(""),
        name="call-back",
        rest="",
        call_back=told,
        rerun_by=_rerun_by(event.sender, context),
    )
    return Heard(request=request, place=place)


def _given(inputs: Mapping[str, Any], name: str) -> str:
    value = str(inputs.get(name) or inputs.get(name.replace("-", "_")) or "").strip()
    if not value:
        raise BadInput(
            f"the workflow's input '{name}' is missing or empty",
            f"declare '{name}' under 'on.workflow_dispatch.inputs', and fill it in",
        )
    return value


def _rerun_by(sender: User, context: Context) -> str:
    same = context.triggering_actor.lower() == sender.login.lower()
    return "" if context.run_attempt <= 1 or same else context.triggering_actor or "(nobody)"
