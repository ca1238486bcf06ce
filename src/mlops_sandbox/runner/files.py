"""Read file commands and log commands as the runner does (FileCommandManager.cs, ActionCommand.cs)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


def read_file_command(text: str) -> dict[str, str]:
    """Read GITHUB_OUTPUT, GITHUB_STATE or GITHUB_ENV; raises ValueError where the runner fails the step.

    On Linux only LF ends a line, so a CR belongs to the value.
    """
    values: dict[str, str] = {}
    rest = text.removeprefix("\ufeff")
    while rest:
        line, _, rest = rest.partition("\n")
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            name, _, value = line.partition("=")
            if not name:
                raise ValueError(f"invalid format {line!r}: the name must not be empty")
        elif heredoc >= 0:
            name, _, delimiter = line.partition("<<")
            if not name or not delimiter:
                raise ValueError(f"invalid format {line!r}: name and delimiter must not be empty")
            value, rest = _heredoc(rest, delimiter)
        else:
            raise ValueError(f"invalid format {line!r}")
        values[name] = value
    return values


def _heredoc(text: str, delimiter: str) -> tuple[str, str]:
    lines: list[str] = []
    rest = text
    while rest:
        line, ended, rest = rest.partition("\n")
        if line == delimiter:
            return "\n".join(lines), rest
        if not ended:
            break
        lines.append(line)
    raise ValueError(f"invalid value: no line holds the delimiter {delimiter!r}")


@dataclass(frozen=True)
class LogCommand:
    """One workflow command of a log, unescaped."""

    name: str
    properties: dict[str, str]
    message: str


COMMANDS = frozenset({
    "add-mask", "add-path", "add-matcher", "remove-matcher", "set-env", "set-output", "save-state", "group", "endgroup",
    "debug", "notice", "warning", "error", "echo", "stop-commands", "internal-set-repo-path",
})  # fmt: skip


def read_log(text: str) -> Iterator[LogCommand | str]:
    """Yield the commands of a log, in both of the runner's syntaxes, and its other lines as they are."""
    # StreamReader.ReadLine, unlike str.splitlines, ends a line only at LF, CR and CR LF.
    for line in re.split(r"\r\n|\r|\n", text):
        yield _command(line) or _legacy_command(line) or line


def _command(line: str) -> LogCommand | None:
    # .NET's TrimStart: Unicode white space.
    stripped = line.lstrip()
    if not stripped.startswith("::"):
        return None
    head, closed, message = stripped[2:].partition("::")
    name, _, attributes = head.partition(" ")
    if not closed or name.lower() not in COMMANDS:
        return None
    properties: dict[str, str] = {}
    for pair in attributes.strip().split(","):
        key, equals, value = pair.partition("=")
        if equals:
            properties[key.strip()] = _unescape(_unescape(value, {"%3A": ":", "%2C": ","}, percent=False))
    return LogCommand(name.lower(), properties, _unescape(message))


def _legacy_command(line: str) -> LogCommand | None:
    """Read `##[command key=value;]message`, which may start anywhere in a line."""
    _, opened, rest = line.partition("##[")
    head, closed, message = rest.partition("]")
    name = head.partition(" ")[0].lower()
    return LogCommand(name, {}, message) if opened and closed and name in COMMANDS else None


def _unescape(text: str, table: dict[str, str] | None = None, *, percent: bool = True) -> str:
    for code, character in (table or {"%0D": "\r", "%0A": "\n"}).items():
        text = text.replace(code, character)
    return text.replace("%25", "%") if percent else text
