"""Find the one command in a text, among those that the workflow declares, the built-in ones and `help`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_actions.chatops.inputs import Inputs
from mlops_actions.chatops.request import Decision
from mlops_actions.core.errors import BadInput

# The command language is imported only when a line looks like a command: most comments hold none, and every run pays.
if TYPE_CHECKING:
    from mlops_actions.chatops.arguments_below import Below
    from mlops_actions.chatops.grammar import CommandLine
    from mlops_actions.chatops.parameters import Command

HELP = "help"
_HEAD = re.compile(r"[\w.-]*\w")
_NO_ARGUMENT = ("", "/", "'", "’", "-", ".")
_MAX_COMMANDS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Match:
    """A command that was found in a text; `is_mistyped` marks one whose name is only near that of the command."""

    command: Command
    line: CommandLine
    below: Below | None = None
    is_mistyped: bool = False


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
        line = grammar.continued(known[0], text)
        return Match(command, line, arguments_below.read(text, line.number, command, inputs.prefix))
    if known:
        return Decision("help")
    for line in lines:
        if line.name.lower() not in COMMANDS and (near := nearest(line.name, names) or _attached(line.name, names)):
            return Match(by_name.get(near) or _built_in(near, inputs), line, is_mistyped=True)
    return Decision("no-command")


def _attached(word: str, names: Iterable[str]) -> str:
    """Return the name of a command that has its arguments attached (`/train—epochs=20`, `/train:lr=1`); else nothing.

    A slash makes a path of it, an apostrophe prose.
    """
    head = _HEAD.match(word)
    is_name = head is not None and head[0] in names and word[head.end() : head.end() + 1] not in _NO_ARGUMENT
    return head[0] if head and is_name else ""


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


def _built_in(name: str, inputs: Inputs) -> Command:
    from mlops_actions.chatops.parameters import Command

    return Command(HELP) if name == HELP else _control(name, inputs)


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
            f"input 'commands' {error}",
            "correct 'commands' in the step's 'with:'; actions/chatops/README.md shows its forms",
        ) from None
