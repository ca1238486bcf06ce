"""One job's log: what steps say to the runner in it is carried out, and what must stay secret is replaced by `***`."""

from __future__ import annotations

from dataclasses import dataclass, field

from mlops_sandbox.runner.files import LogCommand, read_log

_LABELS = {"error": "Error", "warning": "Warning", "notice": "Notice"}


@dataclass
class JobLog:
    """Reads a log line by line. `annotations` holds errors, warnings and notices, masked, as `(level, message)`."""

    masks: set[str] = field(default_factory=set, repr=False)
    annotations: list[tuple[str, str]] = field(default_factory=list)
    _stopped_by: str | None = None
    _grouped: bool = False

    def mask(self, value: str) -> None:
        """Hide a value from now on, and each line of it, as the runner does."""
        self.masks.update(line for line in (value, *value.splitlines()) if line.strip())

    def clean(self, text: str) -> str:
        """The text without what is masked, longest values first, so that no rest of one stays."""
        for value in sorted(self.masks, key=len, reverse=True):
            text = text.replace(value, "***")
        return text

    def read(self, line: str) -> list[str]:
        """What to show for one line of a step's output; nothing where it is only for the runner."""
        if self._stopped_by is not None:
            if line.strip() != f"::{self._stopped_by}::":
                return self._text(line)
            self._stopped_by = None
            return []
        shown: list[str] = []
        for found in read_log(line):
            shown += self._text(found) if isinstance(found, str) else self._carry_out(found)
        return shown

    def _text(self, line: str) -> list[str]:
        return [f"{'  ' if self._grouped else ''}{self.clean(line)}"]

    def _carry_out(self, command: LogCommand) -> list[str]:
        message = self.clean(command.message)
        if command.name == "add-mask":
            self.mask(command.message)
        elif command.name == "stop-commands":
            self._stopped_by = command.message
        elif command.name in _LABELS:
            self.annotations.append((command.name, message))
            title = self.clean(command.properties.get("title", ""))
            return f"{_LABELS[command.name]}: {title + ': ' if title else ''}{message}".splitlines()
        elif command.name == "group":
            self._grouped = True
            return [f"▸ {message}"]
        elif command.name == "endgroup":
            self._grouped = False
        return []

    def end_of_step(self) -> None:
        """A step cannot leave commands stopped, or a group open, for the next one."""
        self._stopped_by, self._grouped = None, False
