"""Which runs count: one whose commit is contradicted is shown, but it is neither judged nor a baseline. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlops_actions.core.runs import Run, value_at
from mlops_actions.wandb_runs.selection.base_commits import commit_of
from mlops_actions.wandb_runs.selection.runs import RunSelection
from mlops_actions.wandb_runs.verdict.commit_evidence import CONTRADICTED, evidence_of


def usable_candidates(selection: RunSelection, candidates: Sequence[Run]) -> tuple[Run, ...]:
    """Return the candidates that may be judged: where the inputs name a commit, those that nothing ties to another one."""
    sha, key = selection.sha, selection.sha_config_key
    return tuple(run for run in candidates if not sha or evidence_of(run, sha, key) != CONTRADICTED)


def why_none_is_judged(candidates: Sequence[Run], usable: Sequence[Run]) -> str:
    """Return the reason why no candidate can be judged, in words; empty where one can."""
    if any(run.finished for run in usable):
        return ""
    # Without a finished run there is nothing to judge, whatever the commits are.
    finished = sum(run.finished for run in candidates)
    if not finished:
        return "no candidate finished"
    runs = "the only finished candidate is" if finished == 1 else f"all {finished} finished candidates are"
    return f"{runs} of another commit than 'sha', so no candidate counts"


@dataclass(frozen=True)
class UsableBaselines:
    """The runs that may be baselines; `commit` is the commit of the base branch that they are of, where one was looked for.

    `contradicted` are the finished runs that are of a baseline's commit by one of two records that contradict each other.
    """

    runs: tuple[Run, ...]
    commit: str = ""
    contradicted: tuple[Run, ...] = ()


def usable_baselines(selection: RunSelection, runs: Sequence[Run], candidates: Sequence[Run]) -> UsableBaselines:
    """Choose among the tracker's answers: no candidate, no contradicted commit; of the base branch the nearest commit's."""
    candidate_ids, key, base = {run.id for run in candidates}, selection.sha_config_key, selection.base
    others = [run for run in runs if run.id not in candidate_ids]
    named = base.commits if base else tuple(filter(None, [selection.baseline_sha]))
    contradicted = {run.id for run in others if _is_contradicted(selection, run, named)}
    usable = [run for run in others if run.id not in contradicted]
    excluded = tuple(run for run in others if run.id in contradicted and run.finished)
    if base is None:
        return UsableBaselines(tuple(usable), contradicted=excluded)
    commit = base.nearest([commit_of(run, key) for run in usable if run.finished])
    return UsableBaselines(tuple(run for run in usable if commit and commit_of(run, key) == commit), commit, excluded)


def _is_contradicted(selection: RunSelection, run: Run, commits: Sequence[str]) -> bool:
    """Tell whether a run is of one of the commits only by one of two records that contradict each other.

    A run with one of the baselines' tags is a baseline by its tag, whatever its commit.
    """
    if set(selection.baseline_tags) & set(run.tags):
        return False
    claimed = value_at(run.config, selection.sha_config_key)
    named = [sha for sha in commits if sha in (run.commit, claimed)]
    return any(evidence_of(run, sha, selection.sha_config_key) == CONTRADICTED for sha in named)
