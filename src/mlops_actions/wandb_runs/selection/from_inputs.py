"""What the inputs ask of the tracker: which runs, and which of their values."""

from __future__ import annotations

from mlops_actions.core.runs import RunKeys
from mlops_actions.core.statistics.pairing import SEED_KEYS
from mlops_actions.wandb_runs.inputs import Inputs
from mlops_actions.wandb_runs.selection.base_commits import BaseCommits
from mlops_actions.wandb_runs.selection.runs import RunSelection


def selection_of(inputs: Inputs, base: BaseCommits | None = None) -> RunSelection:
    """Return how the inputs select candidates and baselines; `base` are the commits of the base branch, where they count."""
    return RunSelection(
        sha=inputs.sha or "",
        sha_config_key=inputs.sha_config_key,
        secondary_sha=inputs.secondary_sha or "",
        run_id=inputs.run_id or "",
        group=inputs.group or "",
        sweep=inputs.sweep or "",
        tracker_filter=inputs.filters,
        baseline_tags=inputs.baseline_tags or (),
        baseline_sha=inputs.baseline_sha or "",
        max_baselines=inputs.baseline_limit,
        base=base,
        by_group=inputs.aggregate == "group",
    )


def keys_of(inputs: Inputs) -> RunKeys:
    """Return the only keys to read: those that the report shows and those that gates name."""
    shown, gates_named = inputs.metrics or (), inputs.gates or ()
    names = [metric.name for metric in shown if not metric.is_pattern] + [gate.metric for gate in gates_named]
    names += [inputs.select_by.name] if inputs.select_by else []
    seed_keys = SEED_KEYS if inputs.aggregate == "group" else ()
    return RunKeys(
        config=tuple(dict.fromkeys([inputs.sha_config_key, *(inputs.config_keys or ()), *seed_keys])),
        summary=tuple(dict.fromkeys(names)),
        summary_patterns=tuple(metric.name for metric in shown if metric.is_pattern),
    )


def decisive_metrics(inputs: Inputs) -> tuple[str, ...]:
    """Return the names of the metrics that the verdict needs: those of gates, and the one that chooses a candidate."""
    names = [gate.metric for gate in inputs.gates or ()] + ([inputs.select_by.name] if inputs.select_by else [])
    return tuple(dict.fromkeys(names))
