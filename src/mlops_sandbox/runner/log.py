"""The log of a job: execute the workflow commands in it, and mask secrets by `***`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from mlops_sandbox.runner.files import LogCommand, read_log
from mlops_sandbox.runner.masks import Masks

_LABELS = {"error": "Error", "warning": "Warning", "notice": "Notice"}
# ExecutionContext.cs: of each kind this many for one step, and this many characters.
_MAX_ANNOTATIONS, _MAX_MESSAGE = 10, 4096
_EMPTY_MASK = "Can't add secret mask for empty string in ##[add-mask] command."


class Annotation(NamedTuple):
    """An error, warning or notice that a step printed."""

    level: str
    message: str
    title: str = ""


@dataclass
class JobLog:
    """Reads a log line by line. `annotations` holds the job's errors, warnings and notices, masked."""

    masks: Masks = field(default_factory=Masks, repr=False)
    annotations: list[Annotation] = field(default_factory=list)
    _of_step: Counter[str] = field(default_factory=Counter)
    _stop_token: str | None = None
    _grouped: bool = False

    def mask(self, value: str) -> None:
        """Mask a value from now on; see `Masks.add`."""
        self.masks.add(value)

    def masked(self, text: str) -> str:
        """Return the masked text; see `Masks.apply`."""
        return self.masks.apply(text)

    def read(self, line: str) -> list[str]:
        """Return the lines to show for one line of a step's output; a command for the runner shows none."""
        if self._stop_token is not None:
            if line.strip() != f"::{self._stop_token}::":
                return self._text(line)
            self._stop_token = None
            return []
        lines: list[str] = []
        for entry in read_log(line):
            lines += self._text(entry) if isinstance(entry, str) else self._execute(entry)
        return lines

    def _text(self, line: str) -> list[str]:
        return [f"{'  ' if self._grouped else ''}{self.masked(line)}"]

    def _execute(self, command: LogCommand) -> list[str]:
        message = self.masked(command.message)
        if command.name == "add-mask":
            if not command.message.strip():
                return self._execute(LogCommand("warning", {}, _EMPTY_MASK))
            self.mask(command.message)
        elif command.name == "stop-commands":
            self._stop_token = command.message
        elif command.name in _LABELS:
            title = self.masked(command.properties.get("title", ""))
            self._of_step[command.name] += 1
            if self._of_step[command.name] <= _MAX_ANNOTATIONS:
                self.annotations.append(Annotation(command.name, message[:_MAX_MESSAGE], title))
            return f"{_LABELS[command.name]}: {title + ': ' if title else ''}{message}".splitlines()
        elif command.name == "group":
            self._grouped = True
            return [f"▸ {message}"]
        elif command.name == "endgroup":
            self._grouped = False
        return []

    def end_of_step(self) -> None:
        """Resume commands, close the group and count annotations anew, so that none of it affects the next step."""
        self._stop_token, self._grouped = None, False
        self._of_step.clear()
