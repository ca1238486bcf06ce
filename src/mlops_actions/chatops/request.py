"""What an event asks for: a decision that needs no facts, or a request to run a command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_actions.chatops.reasons import REASONS, DecisionKind
from mlops_actions.core.user import User

if TYPE_CHECKING:
    from mlops_actions.chatops.arguments_below import Below
    from mlops_actions.chatops.confirmed import Confirmation
    from mlops_actions.chatops.parameters import Command
    from mlops_actions.core.callback import CallBack


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
    about. `pins` are the commits that the control named by `sha=` for the command that it gives again. `confirmation` is set
    where a later comment confirmed the command.
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
    pins: tuple[str, ...] = ()
    confirmation: Confirmation | None = None


@dataclass(frozen=True, slots=True)
class ParsedEvent:
    """The content of an event: a request, or a decision that needs no facts from GitHub.

    `source` is None where nobody is answered. `commands` are the declared ones, for an answer that lists them. `meant` is
    the command that a mistyped name probably means: only somebody who may give that command is told so. Where `could_give`
    has requests, only somebody who may give one of them is answered.
    """

    decision: Decision | None = None
    request: CommandRequest | None = None
    source: CommandSource | None = None
    commands: tuple[Command, ...] = ()
    meant: CommandRequest | None = None
    could_give: tuple[CommandRequest, ...] = ()
