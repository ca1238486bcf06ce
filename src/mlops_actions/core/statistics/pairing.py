"""Which runs of two groups belong together: those with the same random seed in their config."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlops_actions.core.runs import Run, value_at

# Where training scripts keep the seed, in the order in which the keys are tried.
_NAMES = ("seed", "random_seed", "manual_seed", "global_seed", "rng_seed", "torch_seed", "random_state", "seed_everything")
_PARENTS = ("training", "train", "trainer", "args", "hparams", "experiment", "run")
SEED_KEYS = (*_NAMES, *(f"{parent}.seed" for parent in _PARENTS))


def seeds_of(runs: Sequence[Run]) -> tuple[str, ...] | None:
    """Return the seed of each run, by the first key under which every run has one; None where there is no such key."""
    for key in SEED_KEYS:
        seeds = tuple(_seed(value_at(run.config, key)) for run in runs)
        if seeds and all(seeds):
            return seeds
    return None


def pair_up(candidates: Sequence[Run], baselines: Sequence[Run]) -> tuple[tuple[Run, Run], ...]:
    """Return the runs of both groups in pairs of equal seeds; empty unless each seed ran exactly once on each side."""
    ours, theirs = seeds_of(candidates), seeds_of(baselines)
    if ours is None or theirs is None or len(set(ours)) < len(ours) or sorted(ours) != sorted(theirs):
        return ()
    partner = dict(zip(theirs, baselines, strict=True))
    return tuple((run, partner[seed]) for run, seed in zip(candidates, ours, strict=True))


def repeated_seeds(runs: Sequence[Run]) -> bool:
    """Return whether runs of one group are known to have the same seed: their spread is then not that of seeds.

    A script may have several seeds, of which only one varies: it is enough that one of them differs in every run.
    """
    known = [seeds for key in SEED_KEYS if all(seeds := [_seed(value_at(run.config, key)) for run in runs])]
    return bool(known) and all(len(set(seeds)) < len(seeds) for seeds in known)


def _seed(value: Any) -> str:
    """Return a seed as text, so that `42`, `42.0` and `"42"` are the same; empty for what is no seed."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()
