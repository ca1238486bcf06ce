"""Requirements beside the gates: which run this is, and not only how good it is.

Each requirement is checked against the tracker's answers. A requirement that the answers leave open does not hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlops_actions.core.provenance import is_sha, short
from mlops_actions.core.runs import ENDED_STATES, Run, RunDetails
from mlops_actions.wandb_runs.selection.runs import RunSelection
from mlops_actions.wandb_runs.verdict.commit_evidence import CommitEvidence
from mlops_actions.wandb_runs.verdict.datasets import DatasetComparison

ONE, FINISHED, VERIFIED, SAME_DATA, CLEAN = "one", "finished", "verified", "same-data", "clean"
REQUIREMENTS = (ONE, FINISHED, VERIFIED, SAME_DATA, CLEAN)


@dataclass(frozen=True)
class RequirementResult:
    """The result of one of REQUIREMENTS; `reason` says why it does not hold, and is empty where it holds.

    `waits` says that it will hold once the running candidates have finished.
    """

    name: str
    reason: str = ""
    waits: bool = False

    @property
    def holds(self) -> bool:
        """Whether the requirement holds."""
        return not self.reason


def parse(entries: Sequence[str]) -> tuple[str, ...]:
    """Parse the input; raises ValueError that names an unknown requirement."""
    for entry in entries:
        if entry not in REQUIREMENTS:
            raise ValueError(f"knows {', '.join(REQUIREMENTS)}, but not {entry!r}")
    return tuple(dict.fromkeys(entries))


@dataclass(frozen=True)
class RequirementCheck:
    """Everything that requirements are checked against; `tracker_name` is the tracker's name in a reason."""

    tracker_name: str
    selection: RunSelection
    candidates: tuple[Run, ...]
    commit: CommitEvidence
    datasets: DatasetComparison | None
    details: Mapping[str, RunDetails]

    def results(self, names: Sequence[str]) -> tuple[RequirementResult, ...]:
        """Check the requirements that the user asked for."""
        checks = {
            ONE: self._one,
            FINISHED: self._finished,
            VERIFIED: self._verified,
            SAME_DATA: self._same_data,
            CLEAN: self._clean,
        }
        return tuple(RequirementResult(name, checks[name](), waits=name == FINISHED and self._waits()) for name in names)

    def _waits(self) -> bool:
        """Return whether every candidate that has not finished can still do so."""
        unfinished = [run for run in self.candidates if not run.finished]
        return bool(unfinished) and all(run.state not in ENDED_STATES for run in unfinished)

    def _one(self) -> str:
        run_id = self.selection.run_id
        if not self.candidates:
            return f"there is no run {run_id} in this project" if run_id else "there is no run"
        if len(self.candidates) > 1:
            return f"there are {len(self.candidates)} runs"
        # A server that does not know the filter answers with any run.
        if run_id and self.candidates[0].id != run_id:
            return f"the tracker answered with run {self.candidates[0].id} when asked for {run_id}"
        return ""

    def _finished(self) -> str:
        if not self.candidates:
            return "no run has finished"
        unfinished = [run for run in self.candidates if not run.finished]
        if not unfinished:
            return ""
        return f"run {unfinished[0].id} is {unfinished[0].state or 'in an unknown state'}" + _and_more(unfinished)

    def _verified(self) -> str:
        if self.commit.verified:
            return ""
        if not self.candidates:
            return "there is no run of this commit"
        expected = _shown(self.commit.sha)
        if self.commit.contradicted:
            run = self.commit.contradicted[0]
            actual = (
                f"of commit {_shown(run.commit)}"
                if run.commit and run.commit != self.commit.sha
                else "of another commit by its config"
            )
            return f"run {run.id} is {actual}, not of {expected}" + _and_more(self.commit.contradicted)
        if self.commit.claimed:
            return f"only the run's own config names commit {expected}: {self.tracker_name} recorded no commit"
        return f"neither {self.tracker_name} nor the run's config ties the run to {expected}"

    def _same_data(self) -> str:
        if self.datasets is None or self.datasets.same is None:
            return "the runs recorded too little to compare their datasets"
        return "" if self.datasets.same else "the candidates used other datasets than the baselines"

    def _clean(self) -> str:
        if not self.candidates:
            return "there is no run"
        for run in self.candidates:
            details = self.details.get(run.id)
            if details is None or details.has_uncommitted_changes is None:
                return f"the tracker does not say whether run {run.id} had uncommitted changes"
            if details.has_uncommitted_changes:
                return f"run {run.id} is from a tree with uncommitted changes"
        return ""


def _shown(sha: str) -> str:
    return short(sha) if is_sha(sha) else sha


def _and_more(runs: Sequence[Run]) -> str:
    return f" (and {len(runs) - 1} more)" if len(runs) > 1 else ""
