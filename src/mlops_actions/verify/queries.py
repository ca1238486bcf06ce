"""Whether a stated query is one that wandb-runs writes. A condition more would hide runs from the verifier. Pure.

wandb-runs builds its queries in `wandb_runs/selection/runs.py`, which this module may not import: the tests verify what the
action writes for every way to select runs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import fields

from mlops_actions.core import run_query
from mlops_actions.core.provenance import is_sha
from mlops_actions.core.run_query import SECONDARY_KEY
from mlops_actions.core.runs import FINISHED, RunQuery
from mlops_actions.core.statement import Baselines, Training
from mlops_actions.verify.checks import Check
from mlops_actions.verify.policy import BASELINES, CANDIDATES


def check_candidate_query(training: Training, key: str) -> Iterator[Check]:
    """Check the form of the candidates' query, and that it looks for the commit in the config key of the policy."""
    if training.candidates is None:
        return
    query = training.candidates.query
    if query.run_ids:
        written = RunQuery(run_ids=query.run_ids[:1])
    else:
        written = RunQuery(
            commit=training.sha,
            commit_config_key=query.commit_config_key,
            config={name: value for name, value in query.config.items() if name == SECONDARY_KEY},
            group=query.group,
            sweep=query.sweep,
            tracker_filter=query.tracker_filter,
        )
        yield from _check_keys(CANDIDATES, {query.commit_config_key}, key)
    if odd := _differences(query, written):
        yield Check(CANDIDATES, False, f"candidates: wandb-runs never writes this into their query: {', '.join(odd)}")


def check_baseline_query(baselines: Baselines, key: str, *, by_group: bool) -> Iterator[Check]:
    """Check the form of the baselines' query, and that it looks for commits in the config key of the policy."""
    query = baselines.query
    by_commit = (query, *query.any_of) if query.commits else query.any_of
    yield from _check_keys(BASELINES, {one.commit_config_key for one in by_commit if one.any_commit}, key)
    if odd := odd_baseline_conditions(baselines, by_group=by_group):
        yield Check(BASELINES, False, f"baselines: wandb-runs never writes this into their query: {', '.join(odd)}")


def odd_baseline_conditions(baselines: Baselines, *, by_group: bool) -> list[str]:
    """Return the conditions of the baselines' query that wandb-runs never writes so."""
    query = baselines.query
    states = () if by_group else (FINISHED,)
    if query.commits:
        commits = tuple(commit for commit in query.commits if is_sha(commit))
        written = RunQuery(states=states, commits=commits, commit_config_key=query.commit_config_key)
    else:
        limit = 0 if by_group else baselines.limit
        written = RunQuery(states=states, any_of=_alternatives(query), stop_after=limit)
    return _differences(query, written)


def _alternatives(query: RunQuery) -> tuple[RunQuery, ...]:
    """Return the alternatives that wandb-runs could have written: one by tags, one by a commit."""
    by_tags = [RunQuery(tags=one.tags) for one in query.any_of if one.tags]
    by_commit = [
        RunQuery(commit=one.commit, commit_config_key=one.commit_config_key)
        for one in query.any_of
        if one.commit and not one.tags
    ]
    # Without an alternative the query would select every run.
    return (*by_tags[:1], *by_commit[:1]) or (RunQuery(),)


def _differences(query: RunQuery, written: RunQuery) -> list[str]:
    names = [field.name for field in fields(RunQuery)]
    return [run_query.condition(name) for name in names if getattr(query, name) != getattr(written, name)]


def _check_keys(name: str, stated: Collection[str], key: str) -> Iterator[Check]:
    for other in sorted(set(stated) - {key}):
        text = f"the stated query looks for the commit in the config key {other!r}, the policy says {key!r}"
        yield Check(name, None, f"{name}: {text}: name the key in the policy with 'sha-config-key'")
