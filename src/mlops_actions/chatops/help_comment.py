"""The one answer to `/help` that all workflows of a repository give together: a section for each of them.

Each workflow adds its own section to the comment, whose first line names the comment that asked. Whoever may write to the
repository can edit it. So the sections of other workflows are not kept as text: each carries its content as data, which is
checked and rendered again, with all texts escaped and cut. What is not of that form is dropped. Nothing is decided by it.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from mlops_actions.chatops.inputs import Inputs
from mlops_actions.chatops.parameters import Command, Parameter, format_value
from mlops_actions.chatops.reasons import REASONS
from mlops_actions.chatops.request import CommandSource
from mlops_actions.chatops.roles import PERMISSIONS
from mlops_actions.core.context import Context
from mlops_actions.core.json_text import parse_json
from mlops_actions.core.markdown import COMMENT_LIMIT, code, cut, escape, fold, table

_MARKER = "<!-- mlops-actions-help"
_DATA = re.compile(rf"^{_MARKER}-section:([A-Za-z0-9+/=]{{1,65536}}) -->$", re.MULTILINE)
_END = "<sub>`help`</sub>\n<!-- mlops-actions:chatops -->"
_MORE = "_There are more commands than one comment holds._"
_MAX_TEXT = 300
_MAX_COMMANDS = 100


@dataclass(frozen=True, order=True)
class CommandHelp:
    """What help shows of a command: its usage, purpose and role, and of each parameter name, values, default and meaning."""

    usage: str
    description: str
    role: str
    parameters: tuple[tuple[str, str, str, str], ...] = ()


@dataclass(frozen=True, order=True)
class Section:
    """The commands of one workflow; `key` is its job, `takes_commit` whether a command may name its commit."""

    workflow: str
    key: str
    commands: tuple[CommandHelp, ...]
    takes_commit: bool


def marker(source: CommandSource) -> str:
    """Return the first line of the answer to a comment; its address tells it from a review with the same number."""
    return f"{_MARKER}:{quote(source.comment_url.partition('#')[2] or source.comment_id, safe='')} -->"


def section(commands: Sequence[Command], inputs: Inputs, context: Context) -> Section:
    """Return the section of this workflow."""
    shown = tuple(
        CommandHelp(
            usage=command.usage(inputs.prefix)[:_MAX_TEXT],
            description=_purpose(command)[:_MAX_TEXT],
            role=command.permission or inputs.permission,
            parameters=tuple(map(_parameter, command.parameters or ())),
        )
        for command in commands[:_MAX_COMMANDS]
    )
    # Two workflows may have one name, but never one file.
    key = f"{(context.workflow_ref or context.workflow)[:_MAX_TEXT]} {context.job[:_MAX_TEXT]}"
    return Section(context.workflow[:_MAX_TEXT], key, shown, takes_commit=inputs.head != "latest")


def compose(first_line: str, own: Section, comments: Sequence[str] = ()) -> str:
    """Return the answer with this section and those that the present comments hold; the same sections give the same text."""
    sections = {one.key: one for text in comments for one in _read(text)} | {own.key: own}
    ordered = sorted(sections.values())
    has_names = len(ordered) > 1
    parts = ["\n".join(filter(None, (first_line, REASONS["help"].reply)))]
    size = len(parts[0]) + len(_MORE) + len(_END) + 10
    # The own section is never the one that is left out.
    for one in sorted(ordered, key=lambda one: one is not own):
        size += len(_render(one, has_names=has_names)) + 2
        if size > COMMENT_LIMIT and one is not own:
            ordered.remove(one)
    parts += [_render(one, has_names=has_names) for one in ordered]
    if len(ordered) < len(sections) or any(_MORE in text for text in comments):
        parts.append(_MORE)
    if any(one.takes_commit for one in ordered):
        parts.append(f"Any command may name the commit it is meant for: {code('sha=')} and its 40 digits.")
    return cut("\n\n".join((*parts, _END)), COMMENT_LIMIT, _MORE)


def _purpose(command: Command) -> str:
    needs = {"self": "needs a confirmation", "second": "needs the confirmation of somebody else"}.get(command.confirm, "")
    return "; ".join(filter(None, (command.description, needs)))


def _parameter(parameter: Parameter) -> tuple[str, str, str, str]:
    default = "" if parameter.default is None else format_value(parameter.default)
    texts = (parameter.name, parameter.allowed, "required" if parameter.required else default, parameter.description)
    name, allowed, shown, description = (text[:_MAX_TEXT] for text in texts)
    return name, allowed, shown, description


def _render(one: Section, *, has_names: bool) -> str:
    rows = [(code(command.usage), escape(command.description), code(command.role)) for command in one.commands]
    parts = [f"**{escape(one.workflow)}**"] if has_names and one.workflow else []
    parts.append(table(("command", "what it does", "role needed"), rows))
    parts += [
        fold(f"Parameters of {command.usage.partition(' ')[0]}", _parameters_table(command.parameters))
        for command in one.commands
        if command.parameters
    ]
    data = base64.b64encode(json.dumps(_as_json(one)).encode()).decode()
    return "\n\n".join((*parts, f"{_MARKER}-section:{data} -->"))


def _parameters_table(parameters: Sequence[tuple[str, str, str, str]]) -> str:
    rows = [
        (code(name), code(allowed), default if default == "required" else code(default), escape(meaning))
        for name, allowed, default, meaning in parameters
    ]
    return table(("parameter", "takes", "default", "meaning"), rows)


def _as_json(one: Section) -> list[Any]:
    commands = [[command.usage, command.description, command.role, command.parameters] for command in one.commands]
    return [one.workflow, one.key, commands, one.takes_commit]


def _read(text: str) -> list[Section]:
    """Return the sections of a comment; data that is not of their form is left out."""
    sections = []
    for match in _DATA.finditer(text.replace("\r\n", "\n")):
        try:
            workflow, key, commands, takes_commit = parse_json(base64.b64decode(match[1], validate=True))
            sections.append(
                Section(
                    _text(workflow),
                    _text(key, 2 * _MAX_TEXT + 1),
                    tuple(_command(*command) for command in commands[:_MAX_COMMANDS]),
                    takes_commit is True,
                )
            )
        except (ValueError, TypeError, binascii.Error):
            continue
    return sections


def _command(usage: Any, description: Any, role: Any, parameters: Any) -> CommandHelp:
    if role not in PERMISSIONS:
        raise ValueError(role)
    known = tuple(_four(*map(_text, parameter)) for parameter in parameters[:_MAX_COMMANDS])
    return CommandHelp(_text(usage), _text(description), role, known)


def _four(name: str, allowed: str, default: str, meaning: str) -> tuple[str, str, str, str]:
    return name, allowed, default, meaning


def _text(value: Any, limit: int = _MAX_TEXT) -> str:
    if not isinstance(value, str) or len(value) > limit:
        raise ValueError("no text")
    return value
