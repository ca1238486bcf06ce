"""The ports of this action: the experiment tracker, and the pull requests that show the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mlops_actions.core.ports import Clock, PullRequests, Runner
from mlops_actions.core.runs import (
    Artifact,
    ArtifactFile,
    DetailsQuery,
    LoggedModel,
    Run,
    RunDetails,
    RunKeys,
    RunQuery,
    Sweep,
    TrackerInfo,
    TrackerResult,
)


class Tracker(Protocol):
    """One project of the experiment tracker. Every call raises Refused, Unavailable or BadInput (a filter it refuses)."""

    @property
    def info(self) -> TrackerInfo:
        """The tracker's name, and the addresses of its server and of the project."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about what the server could not be asked so far, and what is missing for it."""

    def native_query(self, query: RunQuery) -> str:
        """Return a query in the tracker's own language, for the log."""

    def find(self, candidates: RunQuery, baselines: RunQuery | None, keys: RunKeys) -> TrackerResult:
        """Read candidates and baselines with the named keys, in as few requests as possible."""

    def sweep(self, sweep_id: str) -> Sweep | None:
        """Read a sweep; None where the project has none of that id."""

    def states(self, candidates: RunQuery) -> tuple[Run, ...]:
        """Read the candidates without their metrics, which is all that polling needs."""

    def details(self, query: DetailsQuery) -> Mapping[str, RunDetails]:
        """Read details of chosen runs, by run id. It raises nothing: what is not answered is unknown, and a note says so."""

    def models(self, run: Run) -> tuple[LoggedModel, ...]:
        """Return every version of a model artifact that a run logged."""

    def files(self, artifact: Artifact, max_bytes: int) -> tuple[ArtifactFile, ...]:
        """Return the files of an artifact, which it reads to compute their SHA-256; refuse more than `max_bytes`."""

    def promote(self, run: Run, model: Artifact, alias: str) -> None:
        """Give a model that a run logged an alias."""


class ReportPublisher(PullRequests, Protocol):
    """The pull requests and check runs that show the report. Calls raise Refused or Unavailable."""

    def report_check_run(
        self, name: str, sha: str, conclusion: str, *, external_id: str, url: str, title: str, summary: str
    ) -> None:
        """Show a report as a check run; without a conclusion it stays in progress.

        A later report with the same name, commit and `external_id` concludes it.
        """


class CommitHistory(Protocol):
    """The commits of the workflow's repository. Calls raise Refused or Unavailable."""

    def default_branch(self) -> str:
        """Return the name of the repository's default branch."""

    def merge_base(self, base: str, head: str) -> str:
        """Return the nearest commit that both commits, branches or tags have."""

    def ancestors(self, sha: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield a commit and its ancestors, the newest first, each with its parents; reads pages as they are needed."""


class ReportFiles(Protocol):
    """The report's files in the job's workspace. Calls raise BadInput."""

    def path(self, path: str, input_name: str) -> Path:
        """Return the absolute path that an input names, whether or not it exists; refuse one outside the workspace."""

    def write(self, folder: Path, files: Mapping[str, str]) -> dict[str, str]:
        """Write files (name → content) into a folder, which is created; return their paths from the workspace by name."""


@dataclass(frozen=True)
class Ports:
    """Everything outside of this action; `publisher` and `history` are None where no token was given, or none is needed."""

    tracker: Tracker
    publisher: ReportPublisher | None
    workspace: ReportFiles
    runner: Runner
    clock: Clock
    history: CommitHistory | None = None
