"""What a step says to the runner: command files (`GITHUB_OUTPUT` and its kin) and `::commands::` in its log.

The reader of the files follows the runner's FileCommandManager.cs, the reader of the log its ActionCommand.cs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_COMMAND = re.compile(r"^\s*::(?P<name>[\w-]+)(?: (?P<properties>[^:]*(?::(?!:)[^:]*)*))?::(?P<message>.*)$")
_LABELS = {"error": "Error", "warning": "Warning", "notice": "Notice"}


class CommandFileError(ValueError):
    """A command file that the runner would refuse; the message quotes the line."""


def read_pairs(text: str) -> dict[str, str]:
    """Names and values of a command file: lines `name=value`, or `name<<DELIMITER`, the value's lines, `DELIMITER`.

    A later pair wins over an earlier one of the same name. Raises CommandFileError.
    """
    pairs: dict[str, str] = {}
    # Only these two end a line for the runner; str.splitlines would also split at U+2028 and others.
    lines = iter(re.split(r"\r\n|\n", text))
    for line in lines:
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            name, value = line[:equals], line[equals + 1 :]
        elif heredoc >= 0:
            name, delimiter = line[:heredoc], line[heredoc + 2 :]
            if not delimiter:
                raise CommandFileError(f"`{line}` names no delimiter")
            value = _until(delimiter, lines)
        else:
            raise CommandFileError(f"`{line}` is neither name=value nor name<<DELIMITER")
        if not name:
            raise CommandFileError(f"`{line}` names nothing")
        pairs[name] = value
    return pairs


def _until(delimiter: str, lines: Iterable[str]) -> str:
    value: list[str] = []
    for line in lines:
        if line == delimiter:
            return "\n".join(value)
        value.append(line)
    raise CommandFileError(f"no line `{delimiter}` ends a value")


@dataclass
class LogReader:
    """One job's log: commands carried out line by line, and every masked value replaced by `***`.

    `annotations` holds the errors, warnings and notices, masked, as `(level, message)`.
    """

    masks: set[str] = field(default_factory=set)
    annotations: list[tuple[str, str]] = field(default_factory=list)
    debug: bool = False
    _stopped_by: str | None = None

    def mask(self, value: str) -> None:
        """Hide a value from now on, and each line of it, as the runner does."""
        self.masks.update(line for line in (value, *value.splitlines()) if line.strip())

    def clean(self, text: str) -> str:
        """The text without what is masked, longest values first, so that no rest of one stays."""
        for value in sorted(self.masks, key=len, reverse=True):
            text = text.replace(value, "***")
        return text

    def read(self, line: str) -> str | None:
        """What to show of a line, or None where it is only for the runner."""
        match = _COMMAND.match(line)
        if self._stopped_by is not None:
            if match and match["name"] == self._stopped_by:
                self._stopped_by = None
                return None
            return self.clean(line)
        if not match:
            return self.clean(line)
        return self._carry_out(match["name"].lower(), match["properties"] or "", unescape(match["message"]))

    def _carry_out(self, name: str, properties: str, message: str) -> str | None:
        if name == "add-mask":
            self.mask(message)
            return None
        if name == "stop-commands":
            self._stopped_by = message
            return None
        if name in _LABELS:
            said = self.clean(message)
            self.annotations.append((name, said))
            title = dict(pair.split("=", 1) for pair in properties.split(",") if "=" in pair).get("title", "")
            shown = self.clean(unescape(title.replace("%3A", ":").replace("%2C", ",")))
            return f"{_LABELS[name]}: {shown + ': ' if shown else ''}{said}"
        if name == "group":
            return f"▸ {self.clean(message)}"
        if name == "debug":
            return f"debug: {self.clean(message)}" if self.debug else None
        return None

    def end_of_step(self) -> None:
        """A step cannot leave commands stopped for the next one."""
        self._stopped_by = None


def unescape(text: str) -> str:
    """A command's message as it was before its author escaped it; `%` comes last, so that `%250A` is no line's end."""
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
