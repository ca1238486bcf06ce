"""The GitHub runner: its log commands, its file commands.

Facts are from the runner's source: ActionCommand.cs (commands) and FileCommandManager.cs (files).
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from mlops_actions.core.markdown import SUMMARY_LIMIT

_LINE_END = re.compile(r"\r\n|\r|\n")
# A line is a command when it starts with `::` after white space (any Unicode's), or holds `##[` anywhere.
_COMMAND_START = re.compile(r"^([\s\ufeff\u200b\x00-\x1f\x7f]*):(?=:)")
_SHORTEST_MASK = 4
_PRIVATE_PREFIX = "mlops-actions-"
_CUT_NOTE = "\n\n_The summary was cut here: the runner shows at most 1 MiB of it._\n"


def safe_line(line: str) -> str:
    """Return a line of foreign text in a form that the runner never reads as a command: a zero-width space breaks it up."""
    line = _COMMAND_START.sub("\\1:\u200b", line)
    return line.replace("##[", "##\u200b[")


def escape_data(text: str) -> str:
    """Escape a command's message; the runner turns it back."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_property(text: str) -> str:
    """Escape the value of a command's property."""
    return escape_data(text).replace(":", "%3A").replace(",", "%2C")


def file_command(name: str, value: str) -> str:
    """Return a `name<<delimiter` record; the delimiter is 128 random bits, so no value can hold it."""
    delimiter = f"ghadelimiter_{os.urandom(16).hex()}"
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"


class GitHubRunner:
    """Implements `core.ports.Runner` on the environment and output of a real runner (or of a shell, where it is absent)."""

    def __init__(self, environ: Mapping[str, str], out: TextIO | None = None) -> None:
        self._environ = environ
        self._out = out or sys.stdout
        self._masked: set[str] = set()
        self._secret_lines: set[str] = set()
        # Names of outputs that hold a line of a secret. GitHub masks each line of a repository's secret, however short.
        self.outputs_with_secrets: list[str] = []
        self._directories: list[Path] = []
        self._summary_bytes = 0
        self.debugging = environ.get("RUNNER_DEBUG") == "1"

    # The log

    def info(self, text: str) -> None:
        """Print lines; see `safe_line`."""
        self._print(*(safe_line(line) for line in _LINE_END.split(text)))

    def debug(self, text: str) -> None:
        """Print lines where debug logging is on; without it, the runner would only hide them."""
        if self.debugging:
            self._command("debug", text)

    def notice(self, text: str, *, title: str = "", file: str = "", line: int = 0) -> None:
        """Annotate the run."""
        self._command("notice", text, title=title, file=file, line=str(line or ""))

    def warning(self, text: str, *, title: str = "", file: str = "", line: int = 0) -> None:
        """Annotate the run with a warning."""
        self._command("warning", text, title=title, file=file, line=str(line or ""))

    def error(self, text: str, *, title: str = "", file: str = "", line: int = 0) -> None:
        """Annotate the run with an error."""
        self._command("error", text, title=title, file=file, line=str(line or ""))

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """Fold what is logged inside."""
        self._command("group", title)
        try:
            yield
        finally:
            self._command("endgroup", "")

    def mask(self, secret: str) -> None:
        """Mask each line of a secret that has at least 4 characters.

        The runner splits what it shall mask into lines of any length, and drops a job output that holds a masked text: a
        JSON document as a whole would mask `{`, and so drop every output that is JSON. Programs show a secret line by line.
        """
        lines = [text for line in _LINE_END.split(secret) if (text := line.strip())]
        for text in lines:
            if len(lines) > 1 or len(text) >= _SHORTEST_MASK:
                self._secret_lines.add(text)
            # Masking a very short text would blank the log and hide nothing; the runner itself refuses an empty one.
            if len(text) >= _SHORTEST_MASK and text not in self._masked:
                self._masked.add(text)
                self._command("add-mask", text)

    def _command(self, command: str, message: str, **properties: str) -> None:
        parameters = ",".join(f"{name}={escape_property(value)}" for name, value in properties.items() if value)
        self._print(f"::{command}{' ' + parameters if parameters else ''}::{escape_data(message)}")

    def _print(self, *lines: str) -> None:
        # A log that nobody can read any more (a closed pipe) must not stop the work.
        try:
            self._out.write("".join(f"{line}\n" for line in lines))
            self._out.flush()
        except BrokenPipeError:
            pass
        except UnicodeEncodeError:
            self._out.write("".join(f"{line}\n" for line in lines).encode("ascii", "backslashreplace").decode("ascii"))
            self._out.flush()

    # Outputs, state, summary and private files

    def output(self, name: str, value: str) -> None:
        """Set a step output; without a runner it is printed."""
        # An output that is a secret itself, such as the App's token, is meant for later steps of the same job.
        if value not in self._secret_lines and any(line in value for line in self._secret_lines):
            self.outputs_with_secrets.append(name)
        self._append("GITHUB_OUTPUT", file_command(name, value), f"output {name}={value}")

    def save_state(self, name: str, value: str) -> None:
        """Keep a value for the post stage."""
        self._append("GITHUB_STATE", file_command(name, value), f"state {name}={value}")

    def state(self, name: str) -> str:
        """Read a value the main stage kept; empty where there is none."""
        return self._environ.get(f"STATE_{name}", "")

    def summary(self, markdown: str) -> None:
        """Append to the summary, cut at 1 MiB in all."""
        room = SUMMARY_LIMIT - self._summary_bytes
        data = f"{markdown}\n".encode("utf-8", "replace")
        if len(data) > room:
            note = _CUT_NOTE.encode()
            data = data[: max(0, room - len(note))].decode("utf-8", "ignore").encode() + note if room > len(note) else b""
        self._summary_bytes += len(data)
        self._append("GITHUB_STEP_SUMMARY", data.decode("utf-8"), "")

    def _append(self, variable: str, text: str, without_runner: str) -> None:
        path = self._environ.get(variable, "")
        if path:
            with Path(path).open("ab") as file:
                file.write(text.encode("utf-8", "replace"))
        elif without_runner:
            self.info(without_runner)

    def private_directory(self) -> Path:
        """Make a 0700 directory, removed by `close`."""
        import tempfile  # late, as it costs a fifth of the start and most events need none

        directory = Path(tempfile.mkdtemp(prefix=_PRIVATE_PREFIX, dir=_temporary(self._environ)))
        self._directories.append(directory)
        return directory

    def close(self) -> None:
        """Remove the private directories."""
        if not self._directories:
            return
        import shutil

        for directory in self._directories:
            shutil.rmtree(directory, ignore_errors=True)
        self._directories.clear()


def _temporary(environ: Mapping[str, str]) -> Path:
    """Return RUNNER_TEMP, or the container's own directory: an older runner names RUNNER_TEMP but does not mount it."""
    import tempfile

    named = Path(environ.get("RUNNER_TEMP") or "/nowhere")
    return named if named.is_dir() else Path(tempfile.gettempdir())


def remove_private(path: str, environ: Mapping[str, str]) -> None:
    """Remove a private directory that an earlier stage left behind when it was killed; any other path stays."""
    import shutil

    directory = Path(path)
    if path and directory.name.startswith(_PRIVATE_PREFIX) and directory.parent.resolve() == _temporary(environ).resolve():
        shutil.rmtree(directory, ignore_errors=True)
