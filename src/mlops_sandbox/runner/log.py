"""The log of a job: execute the workflow commands in it, and mask secrets by `***`."""

from __future__ import annotations

from dataclasses import dataclass, field

from mlops_sandbox.runner.files import LogCommand, read_log
from mlops_sandbox.runner.masks import Masks

_LABELS = {"error": "Error", "warning": "Warning", "notice": "Notice"}
_EMPTY_MASK = "Can't add secret mask for empty string in ##[add-mask] command."


@dataclass
class JobLog:
    """Reads a log line by line. `annotations` holds errors, warnings and notices, masked, as `(level, message)`."""

    masks: Masks = field(default_factory=Masks, repr=False)
    annotations: list[tuple[str, str]] = field(default_factory=list)
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
            self.annotations.append((command.name, message))
            title = self.masked(command.properties.get("title", ""))
            return f"{_LABELS[command.name]}: {title + ': ' if title else ''}{message}".splitlines()
        elif command.name == "group":
            self._grouped = True
            return [f"▸ {message}"]
        elif command.name == "endgroup":
            self._grouped = False
        return []

    def end_of_step(self) -> None:
        """Resume commands and close the group, so that neither affects the next step."""
        self._stop_token, self._grouped = None, False
