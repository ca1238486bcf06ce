"""What makes the means of seeds doubtful: seeds that did not finish, and seeds that are none."""

from __future__ import annotations

from collections.abc import Iterator

from mlops_actions.core.statistics.pairing import repeated_seeds
from mlops_actions.wandb_runs.statistics.seeds import SeedGroup


def doubts(candidates: SeedGroup | None, baselines: SeedGroup | None) -> Iterator[str]:
    """Yield a sentence for each doubt about the groups that are compared."""
    for side, group in (("candidate", candidates), ("baseline", baselines)):
        if group is None:
            continue
        name = group.members[0].group or group.run.title
        if group.lost:
            yield (
                f"{group.survivors} of the {side} {name}: its means are those of the survivors, "
                "and tell nothing about the others."
            )
        if repeated_seeds(group.members):
            yield f"Runs of the {side} {name} have the same seed: their spread is not that of different seeds."
