"""The ports that several actions share. An action extends them, or defines its own, in its `ports.py`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mlops_actions.core.event import PullRequest


class Log(Protocol):
    """The job's log. Any text is safe: nothing that is logged can start a workflow command."""

    def info(self, text: str) -> None:
        """Print lines."""

    def debug(self, text: str) -> None:
        """Print lines that only a run with debug logging shows."""

    def notice(self, text: str, *, title: str = "", file: str = "", line: int = 0) -> None:
        """Annotate the run; `file` is relative to the workspace, `line` counts from 1 (0: none)."""

    def warning(self, text: str, *, title: str = "", file: str = "", line: int = 0) -> None:
        """Annotate the run with a warning."""

    def error(self, text: str, *, title: str = "", file: str = "", line: int = 0) -> None:
        """Annotate the run with an error; does not end the action (raise an ActionError for that)."""

    def group(self, title: str) -> AbstractContextManager[None]:
        """Fold what is logged inside. Groups do not nest on GitHub: an inner one ends the outer."""

    def mask(self, secret: str) -> None:
        """Hide a secret (each of its lines) in everything that the runner shows from now on."""


class Runner(Log, Protocol):
    """The log, the state and the summary of the step, and its private files."""

    def save_state(self, name: str, value: str) -> None:
        """Keep a value for this step's post stage, from this moment on (also when the process dies later)."""

    def state(self, name: str) -> str:
        """Return, in the post stage, the value that the main stage kept under this name; empty where it kept none."""

    def summary(self, markdown: str) -> None:
        """Append to the job's summary; a summary over the runner's limit of 1 MiB is cut and ends with a note."""

    def private_directory(self) -> Path:
        """Make a 0700 directory that is removed on every exit path that Python can see."""


class Clock(Protocol):
    """The current time, and waiting; tests replace it."""

    def now(self) -> datetime:
        """Return the current moment, in UTC."""

    def sleep(self, seconds: float) -> None:
        """Let time pass."""


class PullRequests(Protocol):
    """The pull requests of the workflow's repository. Every call raises Refused or Unavailable."""

    def pull_request(self, number: int) -> PullRequest:
        """Read a pull request."""

    def pull_request_of_commit(self, sha: str, head: str = "") -> int | None:
        """Return the number of the open pull request whose head is this commit; None where there is none, or several.

        `head` is the head's branch as `owner:branch`, where it is known: a commit of a fork is found only by its branch.
        """

    def upsert_comment(self, number: int, tag: str, body: str, *, keep: bool = False, replaces: bool = False) -> str:
        """Write a text into the comment of this tag, or create that comment; return its address.

        The comment is that of this run's command, else the newest of the tag. `keep` marks the body as a report, which later
        workflow runs fold below theirs. `replaces` hides the reports of earlier commands with this tag as outdated.
        """


class Workspace(Protocol):
    """The job's workspace. No call reaches a file outside of it; every call raises BadInput."""

    def find(self, pattern: str) -> list[str]:
        """Return the files that a path or glob names, relative to the workspace, sorted."""

    def read(self, path: str) -> str:
        """Return a file's text (UTF-8, at most 5 MiB)."""

    def file(self, path: str, input_name: str) -> Path:
        """Return the absolute path of an existing file that an input names."""

    def is_in_checkout(self, path: str) -> bool:
        """Return whether a path is in a checkout of a repository, whose commit may have brought the file."""

    def folder(self, path: str, input_name: str) -> Path:
        """Return the absolute path of an existing folder that an input names."""

    def path(self, path: str, input_name: str) -> Path:
        """Return the absolute path that an input names, whether or not it exists."""

    def make_folder(self, path: Path) -> None:
        """Make a folder, and those above it, at a path that `path` returned."""

    def hand_over(self, path: Path) -> None:
        """Give a file, or a folder with all in it, to the workspace's owner: a container's root is not the job's user."""
