"""Find the command that a `/confirm` starts, and decide who may confirm it.

Nothing is stored. A command that must be confirmed has a question as its answer: a comment that shows what would run. The
newest question before `/confirm` says which comment holds the command. That comment is read again and decided again in full
with its own time, so that the head must not have moved. The question grants nothing: it must still say, word for word, what
would run now, because this is what people have read.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote

from mlops_actions.chatops import people
from mlops_actions.chatops.confirmed import Confirmation
from mlops_actions.chatops.evaluation import Evaluation, Unanswered, cause_and_remedy
from mlops_actions.chatops.facts import Question, Unknown, parse_time
from mlops_actions.chatops.find_command import declared_commands
from mlops_actions.chatops.inputs import Inputs
from mlops_actions.chatops.parameters import Value
from mlops_actions.chatops.parse_event import parse_event
from mlops_actions.chatops.ports import Reader
from mlops_actions.chatops.request import CommandRequest, CommandSource, Decision
from mlops_actions.core.context import Context
from mlops_actions.core.event import Comment, CommentEvent, pull_request_number
from mlops_actions.core.user import User

_MARKER = "<!-- mlops-actions-confirmation:"
_QUESTION = re.compile(rf"{_MARKER}(?P<comment>[1-9][0-9]{{0,18}}):(?P<command>[^:\s>]{{1,400}}):[0-9a-f]{{16}} -->\n")
# A question that is older by this than it may be is still found, so that the answer says what is wrong.
_MARGIN = timedelta(hours=2)
# More people than this are not asked about: then one of them may have confirmed the command.
_MAX_CONFIRMERS = 10


@dataclass(frozen=True)
class Remark:
    """A comment of a pull request's conversation; `is_own` marks one that this action's account wrote."""

    comment: Comment
    number: int
    is_edited: bool
    is_own: bool = False

    @property
    def place(self) -> tuple[datetime, int]:
        """The place in the conversation."""
        return parse_time(self.comment.created_at), self.comment.id


@dataclass(frozen=True)
class Conversation(Question[tuple[Remark, ...]]):
    """The comments of a pull request that were written or changed since a moment, oldest first."""

    number: int
    since: str

    def ask(self, reader: Reader) -> tuple[Remark, ...]:
        """Read the comments."""
        account = reader.account()
        remarks = [_remark(comment, account) for comment in reader.conversation(self.number, self.since)]
        return tuple(sorted(remarks, key=lambda remark: remark.place))


@dataclass(frozen=True)
class WrittenComment(Question["Remark | None"]):
    """A comment as it is now; None where it was deleted."""

    comment: int

    def ask(self, reader: Reader) -> Remark | None:
        """Read the comment."""
        comment = reader.runs.comment(f"issues/comments/{self.comment}")
        return None if comment is None else _remark(comment)


def _remark(comment: Mapping[str, Any], account: str = "") -> Remark:
    user = comment.get("user") or {"login": "", "id": 0}
    return Remark(
        comment=Comment(
            id=int(comment["id"]),
            body=str(comment.get("body") or ""),
            author=User(str(user["login"]), str(user.get("type") or ""), int(user["id"])),
            url=str(comment["html_url"]),
            created_at=str(comment["created_at"]),
        ),
        # GitHub's address of the issue ends with its number.
        number=pull_request_number(str(comment.get("issue_url") or "").rpartition("/")[2]) or 0,
        is_edited=comment["updated_at"] != comment["created_at"],
        is_own=bool(account) and user["login"] == account,
    )


def is_in_conversation(source: CommandSource) -> bool:
    """Return whether a command stands in a comment that can be read again with its time: no review, label or dispatch."""
    return bool(source.comment_id) and source.reaction_target == f"issues/comments/{source.comment_id}"


def can_be_read_again(request: CommandRequest) -> bool:
    """Return whether the comment of the event, or the one that was confirmed, holds the whole command."""
    return is_in_conversation(request.source) and not request.given_in


def marker(request: CommandRequest, sha: str, params: Mapping[str, Value], positional: tuple[str, ...]) -> str:
    """Return the first line of a question: it tells the comment, the command, and a digest of all that would run."""
    what = json.dumps([request.name, sha, params, positional], sort_keys=True)
    digest = hashlib.sha256(what.encode()).hexdigest()[:16]
    return f"{_MARKER}{request.source.comment_id}:{quote(request.command.name, safe='')}:{digest} -->"


def find(
    request: CommandRequest, inputs: Inputs, context: Context, answer: Callable[[Question[Any]], Any]
) -> CommandRequest | Decision:
    """Return the request that a `/confirm` confirms, or why there is none; `answer` asks GitHub."""
    source = request.source
    if request.rest:
        return Decision("parameters", (f"usage: {request.command.usage(inputs.prefix)}",))
    if not is_in_conversation(source) or not request.written_at:
        return Decision("confirmation-elsewhere")
    commands = {command.name: command for command in declared_commands(inputs) if command.confirm}
    written_at = parse_time(request.written_at)
    begin = written_at - timedelta(seconds=max(command.confirm_timeout for command in commands.values())) - _MARGIN
    remarks = answer(Conversation(source.pr_number, begin.strftime("%Y-%m-%dT%H:%M:%SZ")))
    if isinstance(remarks, Unknown):
        return Decision("confirmation-unknown", cause_and_remedy(remarks))
    earlier = [remark for remark in remarks if remark.place < (written_at, int(source.comment_id))]
    questions = [remark for remark in earlier if remark.is_own and _QUESTION.match(_text(remark))]
    match = _QUESTION.match(_text(questions[-1])) if questions else None
    if match is None:
        return Decision("nothing-to-confirm")
    question, command = questions[-1], commands.get(unquote(match["command"]))
    if command is None:
        # The question of another workflow file, which answers.
        return Decision("no-command", (unquote(match["command"]),))
    if (written_at - question.place[0]).total_seconds() > command.confirm_timeout:
        return Decision("confirmation-expired")
    written = answer(WrittenComment(int(match["comment"])))
    if isinstance(written, Unknown):
        return Decision("confirmation-unknown", cause_and_remedy(written))
    asked = _parse(written, inputs, context) if written and written.number == source.pr_number else None
    if written is None or asked is None or asked.command != command or written.is_edited or question.is_edited:
        return Decision("confirmation-changed")
    of_same = [one for one in questions if (found := _QUESTION.match(_text(one))) and found["comment"] == match["comment"]]
    people_since = _since(earlier, written.place, asked, request, lambda remark: _parse(remark, inputs, context))
    if isinstance(people_since, Decision):
        return people_since
    confirmers = {user.id: user for place, user in people_since if place > of_same[0].place}
    return _confirmed(request, asked, question, confirmers)


def _since(
    remarks: list[Remark],
    place: tuple[datetime, int],
    asked: CommandRequest,
    request: CommandRequest,
    parse: Callable[[Remark], CommandRequest | None],
) -> list[tuple[tuple[datetime, int], User]] | Decision:
    """Return who wrote `/confirm` after the command, and where; deny where one of the two people gave a newer command."""
    confirmers: list[tuple[tuple[datetime, int], User]] = []
    for remark in remarks:
        later = parse(remark) if remark.place > place and not remark.is_own else None
        author = remark.comment.author
        if later and later.command.confirm and any(author.is_same_as(one.source.actor) for one in (asked, request)):
            return Decision("confirmation-early", (f"{later.name} of {remark.comment.created_at}",))
        if later and later.command.confirms:
            confirmers.append((remark.place, author))
    return confirmers


def _confirmed(
    request: CommandRequest, asked: CommandRequest, question: Remark, others: dict[int, User]
) -> CommandRequest | Decision:
    """Return the confirmed request, or who may confirm it; `others` wrote `/confirm` before, by their ids."""
    confirmer, commander = request.source.actor, asked.source.actor
    if asked.command.confirm == "self":
        if not confirmer.is_same_as(commander):
            return Decision("may-not-confirm", (f"only who gave the command may confirm it: {commander.login}",))
        if commander.id in others:
            return Decision("confirmed-before")
        others.clear()
    elif confirmer.is_bot or not confirmer.id or confirmer.is_same_as(commander):
        return Decision("may-not-confirm", ("somebody else who may give this command must confirm it",))
    earlier = tuple(user for user in others.values() if not (user.is_bot or user.is_same_as(commander)))
    if len(earlier) > _MAX_CONFIRMERS:
        return Decision("confirmed-before")
    return replace(
        asked,
        sender_is_author=request.sender_is_author,
        is_closed=request.is_closed,
        rerun_by=request.rerun_by,
        confirmation=Confirmation(confirmer, request.source.comment_url, _text(question), earlier),
    )


def check_confirmers(evaluation: Evaluation) -> Decision | None:
    """Deny where who confirms may not give the command, or somebody who may has confirmed it before."""
    confirmation = evaluation.request.confirmation
    if confirmation is None:
        return None
    users = (confirmation.user, *confirmation.earlier)
    denials: list[Decision | None] = []
    questions: list[Question[Any]] = []
    for user in users:
        source = replace(evaluation.request.source, actor=user)
        as_user = replace(evaluation, request=replace(evaluation.request, source=source))
        try:
            denials.append(people.check_role(as_user) or people.check_allow_list(as_user))
        except Unanswered as unanswered:
            questions += unanswered.questions
    if questions:
        raise Unanswered(questions)
    if denials[0] is not None:
        return denials[0]
    return Decision("confirmed-before") if None in denials[1:] else None


def _text(remark: Remark) -> str:
    return remark.comment.body.replace("\r\n", "\n")


def _parse(remark: Remark, inputs: Inputs, context: Context) -> CommandRequest | None:
    """Return the command of a comment, as if it had just been written."""
    comment = remark.comment
    event = CommentEvent(
        name="issue_comment", action="created", sender=comment.author, repository="", default_branch="", payload={},
        comment=comment, number=remark.number, on_pull_request=True, pull_request=None,
    )  # fmt: skip
    return parse_event(event, inputs, context).request
