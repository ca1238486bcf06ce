"""What wandb-runs needs of the world outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mlops_actions.core.ports import Runner
from mlops_actions.wandb_runs.model import Artifact, Details, Keys, Query, Run


@dataclass(frozen=True)
class Found:
    """What one look at the project brought, newest first in each list; `notes` says what the server would not do."""

    candidates: tuple[Run, ...]
    baselines: tuple[Run, ...] = ()
    notes: tuple[str, ...] = ()


class Tracker(Protocol):
    """One project of the experiment tracker. Every call raises Refused or Unavailable."""

    @property
    def project_url(self) -> str:
        """The page of the project."""

    @property
    def server_url(self) -> str:
        """Where the server's pages begin."""

    def find(self, candidates: Query, baselines: Query | None, keys: Keys) -> Found:
        """Candidates and baselines with the named keys, in one request where one page holds them."""

    def states(self, candidates: Query) -> tuple[Run, ...]:
        """The candidates without their numbers: all that polling needs."""

    def details(self, runs: Sequence[Run], *, curves: Sequence[str], lineage: bool, samples: int) -> Mapping[str, Details]:
        """History, inputs and cleanliness of chosen runs, by run id."""

    def model(self, run: Run) -> Artifact | None:
        """The newest model artifact that a run logged; None where it logged none."""

    def promote(self, run: Run, alias: str) -> str:
        """Give the model artifact that a run logged an alias; returns `name:version`."""


class PullRequests(Protocol):
    """The part of GitHub that shows the report. Calls raise Refused (GitHub's `status` on it) or Unavailable."""

    def upsert_comment(self, number: int, tag: str, body: str, *, keep: bool = False) -> str:
        """Write the one comment with this tag, or bring it up to date; returns its address.

        `keep` says that the body is a report, which later runs of the workflow fold below theirs.
        """

    def create_check_run(self, name: str, sha: str, *, url: str, title: str, summary: str) -> int:
        """Open a check run; returns its id."""

    def conclude_check_run(self, check_run: int, conclusion: str, *, title: str, summary: str) -> None:
        """End a check run."""


class Clock(Protocol):
    """Time, as the tests may move it."""

    def now(self) -> datetime:
        """The current moment, UTC."""

    def sleep(self, seconds: float) -> None:
        """Let time pass."""


@dataclass(frozen=True)
class Ports:
    """The world as this action sees it; `pull_requests` is None where no token was given."""

    tracker: Tracker
    pull_requests: PullRequests | None
    runner: Runner
    clock: Clock
