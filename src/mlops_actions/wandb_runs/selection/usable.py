"""Which runs count: a run whose commit is contradicted is shown, but it is neither judged nor a baseline of its commit."""

from __future__ import annotations

from collections.abc import Sequence

from mlops_actions.core.runs import Run, value_at
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


def is_contradicted_baseline(selection: RunSelection, run: Run, commits: Sequence[str]) -> bool:
    """Tell whether a run is a baseline only by a commit in its config that the tracker contradicts, or the other way round.

    A run with one of the baselines' tags is one by its tag, whatever its commit.
    """
    claimed = value_at(run.config, selection.sha_config_key)
    if set(selection.baseline_tags) & set(run.tags):
        return False
    named = [sha for sha in commits if sha in (run.commit, claimed)]
    return bool(named) and all(evidence_of(run, sha, selection.sha_config_key) == CONTRADICTED for sha in named)
