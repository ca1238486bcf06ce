"""The ports of chatops. `boundary.github` implements those to GitHub; every call to GitHub raises ActionError."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mlops_actions.core.event import PullRequest
from mlops_actions.core.ports import Clock, Runner, Workspace
from mlops_actions.core.sticky import CommandComment, CommandMark


class RunRecords(Protocol):
    """The runs of workflow files, which hold the record of the commands that were accepted."""

    def unfinished(self, workflow_file: str, status: str) -> list[Mapping[str, Any]]:
        """Return the newest runs of a workflow file (`mlops.yml`) that have this status, newest first."""

    def unfinished_on(self, event: str, status: str) -> list[Mapping[str, Any]]:
        """Return the newest runs of all workflow files on an event that have this status, newest first."""

    def read(self, run: int) -> Mapping[str, Any] | None:
        """Read a run; None where the repository has none with this id."""

    def jobs(self, run: int) -> list[Mapping[str, Any]]:
        """Return the jobs of all attempts of a run."""

    def annotations(self, job: int, *, must_exist: bool = False) -> list[Mapping[str, Any]]:
        """Return the annotations of a job; where there are none by this id, nothing, or an error if they `must_exist`."""

    def cancel(self, run: int) -> bool:
        """Cancel a run; False where it has ended already."""

    def comment(self, place: str) -> Mapping[str, Any] | None:
        """Read a comment, `issues/comments/ID` or `pulls/comments/ID`; None where it was deleted."""


class Reader(Protocol):
    """The calls that read the facts for a decision from a repository."""

    @property
    def runs(self) -> RunRecords:
        """The runs of its workflow files."""

    def pull_request(self, number: int) -> PullRequest:
        """Read a pull request."""

    def permission(self, login: str) -> Mapping[str, Any]:
        """Read a user's permission in the repository, as GitHub's API returns it."""

    def is_team_member(self, team: str, login: str) -> bool:
        """Return whether a user is an active member of `org/team`."""

    def reviews(self, number: int) -> Iterator[Mapping[str, Any]]:
        """Yield the reviews of a pull request, oldest first."""

    def files(self, number: int) -> Iterator[Mapping[str, Any]]:
        """Yield the files that a pull request changes; GitHub lists at most 3,000."""

    def file(self, path: str, branch: str, limit: int) -> bytes | None:
        """Read a file of a branch; None where there is none. Raises ActionError for one of `limit` bytes or more."""

    def events(self, number: int) -> Iterator[Mapping[str, Any]]:
        """Yield what happened to a pull request, newest first."""

    def conversation(self, number: int, since: str) -> Iterator[Mapping[str, Any]]:
        """Yield the comments of a pull request that were written or changed since a moment (ISO 8601)."""

    def account(self) -> str:
        """Return the login of the account that writes the comments."""

    def activity(self, repository: str, ref: str) -> Iterator[Mapping[str, Any]]:
        """Yield the updates of a ref in `owner/name`, newest first."""

    def check_suites(self, sha: str) -> Iterator[Mapping[str, Any]]:
        """Yield the check suites of a commit."""

    def check_runs(self, sha: str) -> Iterator[Mapping[str, Any]]:
        """Yield the latest check runs of a commit."""

    def statuses(self, sha: str) -> Iterator[Mapping[str, Any]]:
        """Yield the latest status of each context of a commit."""

    def every_status(self, sha: str) -> Iterator[Mapping[str, Any]]:
        """Yield all statuses of a commit with their creators, newest first."""

    def app_id(self, slug: str) -> int:
        """Return the id of the GitHub App with this slug."""

    def workflow_run(self, run: int) -> Mapping[str, Any] | None:
        """Read a workflow run; None where the repository has no run with this id."""

    def commits(self, number: int) -> Iterator[Mapping[str, Any]]:
        """Yield the commits of a pull request."""

    def required_checks(self, branch: str) -> tuple[tuple[str, int], ...]:
        """Return the checks a branch requires: their names, each with the id of the App that must report it (0: any)."""


class Writer(Protocol):
    """The calls that write feedback to a repository, and find feedback there."""

    def react(self, target: str, content: str) -> int:
        """Add a reaction; returns its id, also where the reaction existed already."""

    def unreact(self, target: str, reaction: int) -> None:
        """Remove a reaction."""

    def comment(self, number: int, body: str) -> str:
        """Write a comment; returns its address."""

    def share_comment(self, number: int, beginning: str, compose: Callable[[Sequence[str]], str]) -> str:
        """Write one comment together with other workflow runs; returns its address.

        It begins with `beginning`; `compose` merges the texts of the comments that are there with this run's part.
        """

    def begin_command(self, number: int, tag: str, mark: CommandMark, about: str, *, again: bool = False) -> int:
        """Write the comment of a command that starts, or use that of an earlier attempt again; returns its id."""

    def end_command(self, number: int, comment_id: int, tag: str, mark: CommandMark, about: str) -> tuple[str, str]:
        """Say in the comment of a command how it ended; returns its address and the first line of its report.

        Both are empty where there is no such comment. An id of 0 is not known; the comment is then found by its mark.
        """

    def open_commands(self, number: int, label: str) -> list[CommandMark]:
        """Return the marks of the commands that have this pending label and still run, by their comments."""

    def add_labels(self, number: int, labels: list[str]) -> None:
        """Add labels."""

    def remove_label(self, number: int, label: str) -> None:
        """Remove a label."""

    def create_check_run(self, name: str, sha: str, *, url: str, title: str, summary: str, external_id: str = "") -> int:
        """Create a check run in progress; returns its id."""

    def check_runs_named(self, name: str, sha: str) -> Iterator[Mapping[str, Any]]:
        """Yield all check runs of a commit with this name, newest first."""

    def find_check_run(self, name: str, sha: str, external_id: str) -> int:
        """Return the id of the check run that was created with this external id; 0 where there is none."""

    def conclude_check_run(self, check_run: int, conclusion: str, *, title: str, summary: str) -> None:
        """Conclude a check run."""

    def create_deployment(self, sha: str, environment: str, payload: Mapping[str, Any], description: str) -> int:
        """Create a deployment; returns its id."""

    def deployment_status(
        self, deployment: int, state: str, *, url: str, description: str, environment_url: str = ""
    ) -> None:
        """Add a status to a deployment; `environment_url` is the address of what was deployed."""

    def deployments(self, sha: str, environment: str) -> Iterator[Mapping[str, Any]]:
        """Yield the deployments of a commit to an environment, newest first."""

    def deployment_state(self, deployment: int) -> str:
        """Return the state of a deployment; empty where it has none yet."""

    def find_deployment(self, sha: str, environment: str, description: str) -> int:
        """Return the id of the deployment that was created with this description; 0 where there is none."""


class Repository(Reader, Writer, Protocol):
    """One repository, read and written with one token."""

    def command_comments(self, number: int) -> list[CommandComment]:
        """Return the comments of commands on a pull request, oldest first."""


class Clients(Protocol):
    """The clients for the repository, one for each identity. Nothing is imported or sent before a client is requested."""

    def as_job(self) -> Repository:
        """Return a client that uses the job's token."""

    def as_app(self, permissions: Mapping[str, str]) -> Repository:
        """Return a client that acts as the GitHub App, with a new token.

        The token has those of the `permissions` that the App was granted, and no others.
        """

    def app_token(self, permissions: Mapping[str, str], *, require_all: bool) -> tuple[str, Mapping[str, str]]:
        """Mint a token of the App for later steps; returns it and its permissions.

        With `require_all` a permission that the App was not granted is an error, else it is left out.
        """


@dataclass(frozen=True)
class Ports:
    """The outside systems of chatops. `clients` and `workspace` are called late: an ignored event needs none of them."""

    runner: Runner
    clients: Callable[[], Clients]
    workspace: Callable[[], Workspace]
    clock: Clock
