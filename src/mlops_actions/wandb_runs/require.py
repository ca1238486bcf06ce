"""What must hold beside the gates: who deploys wants to know which run this is, and not only how good it is.

Each requirement is answered from what the tracker said; what it would not say does not hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlops_actions.core.provenance import is_sha, short
from mlops_actions.wandb_runs.model import Details, Run
from mlops_actions.wandb_runs.select import Choice
from mlops_actions.wandb_runs.trust import Commit, Data

ONE, FINISHED, VERIFIED, SAME_DATA, CLEAN = "one", "finished", "verified", "same-data", "clean"
REQUIREMENTS = (ONE, FINISHED, VERIFIED, SAME_DATA, CLEAN)


@dataclass(frozen=True)
class Requirement:
    """One of REQUIREMENTS; `reason` says why it does not hold, and is empty where it does."""

    name: str
    reason: str = ""

    @property
    def holds(self) -> bool:
        """Whether it does."""
        return not self.reason


def parse(entries: Sequence[str]) -> tuple[str, ...]:
    """Read the input; raises ValueError naming what is no requirement."""
    for entry in entries:
        if entry not in REQUIREMENTS:
            raise ValueError(f"knows {', '.join(REQUIREMENTS)}, but not {entry!r}")
    return tuple(dict.fromkeys(entries))


def examine(
    names: Sequence[str],
    choice: Choice,
    candidates: Sequence[Run],
    commit: Commit,
    data: Data | None,
    details: Mapping[str, Details],
) -> tuple[Requirement, ...]:
    """Answer each of the requirements asked for."""
    answers = {
        ONE: lambda: _one(choice, candidates),
        FINISHED: lambda: _finished(candidates),
        VERIFIED: lambda: _verified(commit, candidates),
        SAME_DATA: lambda: _same_data(data),
        CLEAN: lambda: _clean(candidates, details),
    }
    return tuple(Requirement(name, answers[name]()) for name in names)


def _nothing(choice: Choice) -> str:
    return f"there is no run {choice.run_id} in this project" if choice.run_id else "there is no run"


def _one(choice: Choice, candidates: Sequence[Run]) -> str:
    if not candidates:
        return _nothing(choice)
    if len(candidates) > 1:
        return f"there are {len(candidates)} runs"
    # A server that does not know the filter answers with any run.
    if choice.run_id and candidates[0].id != choice.run_id:
        return f"the tracker answered with run {candidates[0].id} when asked for {choice.run_id}"
    return ""


def _finished(candidates: Sequence[Run]) -> str:
    if not candidates:
        return "no run has finished"
    going = [run for run in candidates if not run.finished]
    if not going:
        return ""
    return f"run {going[0].id} is {going[0].state or 'of no known state'}" + _more(going)


def _verified(commit: Commit, candidates: Sequence[Run]) -> str:
    if commit.verified:
        return ""
    if not candidates:
        return "no run is of this commit"
    wanted = _shown(commit.sha)
    if commit.contradicted:
        run = commit.contradicted[0]
        says = (
            f"of commit {_shown(run.commit)}"
            if run.commit and run.commit != commit.sha
            else "of another commit by its config"
        )
        return f"run {run.id} is {says}, not of {wanted}" + _more(commit.contradicted)
    if commit.claimed:
        return f"only the run's own config says that it is of {wanted}: W&B recorded no commit"
    return f"nothing ties the run to {wanted}"


def _same_data(data: Data | None) -> str:
    if data is None or data.same is None:
        return "the runs recorded too little to tell"
    return "" if data.same else "the candidates used other datasets than the baselines"


def _clean(candidates: Sequence[Run], details: Mapping[str, Details]) -> str:
    if not candidates:
        return "there is no run"
    for run in candidates:
        found = details.get(run.id)
        if found is None or found.dirty is None:
            return f"whether run {run.id} came from a clean tree is not known"
        if found.dirty:
            return f"run {run.id} is from a tree with uncommitted changes"
    return ""


def _shown(sha: str) -> str:
    return short(sha) if is_sha(sha) else sha


def _more(runs: Sequence[Run]) -> str:
    return f" (and {len(runs) - 1} more)" if len(runs) > 1 else ""
