"""What chatops needs of GitHub; `boundary.github.GitHub` has it. All calls raise ActionError."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from mlops_actions.core.event import PullRequest


class Reader(Protocol):
    """What is read before the decision."""

    def pull_request(self, number: int) -> PullRequest:
        """Read a pull request."""

    def permission(self, login: str) -> Mapping[str, Any]:
        """Ask for a user's role."""

    def is_team_member(self, team: str, login: str) -> bool:
        """Ask whether a user is in `org/team`."""

    def reviews(self, number: int) -> Iterator[Mapping[str, Any]]:
        """Yield reviews, oldest first."""

    def activity(self, ref: str) -> Iterator[Mapping[str, Any]]:
        """Yield a ref's updates, newest first."""

    def check_suites(self, sha: str) -> Iterator[Mapping[str, Any]]:
        """Yield a commit's check suites."""

    def check_runs(self, sha: str) -> Iterator[Mapping[str, Any]]:
        """Yield a commit's check runs."""

    def statuses(self, sha: str) -> Iterator[Mapping[str, Any]]:
        """Yield a commit's statuses."""

    def workflow_run(self, run: int) -> Mapping[str, Any] | None:
        """Read a workflow run of this repository; None where it has none of that id."""

    def commits(self, number: int) -> Iterator[Mapping[str, Any]]:
        """Yield a pull request's commits."""

    def required_checks(self, branch: str) -> tuple[tuple[str, int], ...]:
        """Name the checks a branch requires, each with the id of the App whose it must be (0: anybody's)."""


class Writer(Protocol):
    """What is written as feedback."""

    def react(self, target: str, content: str) -> int:
        """Put a reaction; returns its id, also where it was there already."""

    def unreact(self, target: str, reaction: int) -> None:
        """Take a reaction away."""

    def comment(self, number: int, body: str) -> str:
        """Write a comment; returns its address."""

    def add_labels(self, number: int, labels: list[str]) -> None:
        """Set labels."""

    def remove_label(self, number: int, label: str) -> None:
        """Take a label away."""

    def create_check_run(self, name: str, sha: str, *, url: str, title: str, summary: str, external_id: str = "") -> int:
        """Open a check run in progress; returns its id."""

    def check_runs_named(self, name: str, sha: str) -> Iterator[Mapping[str, Any]]:
        """Yield all check runs of a name on a commit, newest first."""

    def find_check_run(self, name: str, sha: str, external_id: str) -> int:
        """Look for the check run that was opened with an external id; 0 where there is none."""

    def conclude_check_run(self, check_run: int, conclusion: str, *, title: str, summary: str) -> None:
        """End a check run."""

    def create_deployment(self, sha: str, environment: str, payload: Mapping[str, Any], description: str) -> int:
        """Create a deployment; returns its id."""

    def deployment_status(self, deployment: int, state: str, *, url: str, description: str) -> None:
        """Report on a deployment."""

    def find_deployment(self, sha: str, environment: str, description: str) -> int:
        """Look for the deployment that was created with a description; 0 where there is none."""


class Repository(Reader, Writer, Protocol):
    """One repository, seen with one token."""


class GitHubDoor(Protocol):
    """The ways to reach the repository. Nothing is imported or sent before one is taken."""

    def as_job(self) -> Repository:
        """With the job's token."""

    def as_app(self, permissions: Mapping[str, str]) -> Repository:
        """As the GitHub App, with a token minted now: these of its permissions that it was granted, and no others."""

    def app_token(self, permissions: Mapping[str, str], *, all_of_them: bool) -> tuple[str, Mapping[str, str]]:
        """Mint a token of the App to hand on; returns it and the permissions it has.

        With `all_of_them` one that was not granted is an error, else it is left out.
        """
