"""What makes the means of seeds doubtful: seeds that did not finish, seeds without a value, and seeds that are none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlops_actions.core.runs import finite_values
from mlops_actions.core.statistics.pairing import repeated_seeds
from mlops_actions.wandb_runs.metrics.metric import Metric
from mlops_actions.wandb_runs.statistics.seeds import SeedGroup

_MAX_NAMED = 3


def doubts(candidates: SeedGroup | None, baselines: SeedGroup | None) -> Iterator[str]:
    """Yield a sentence for each doubt about the groups that are compared."""
    for side, group in (("candidate", candidates), ("baseline", baselines)):
        if group is None:
            continue
        name = _name(group)
        if group.lost:
            yield (
                f"{group.survivors} of the {side} {name}: its means are those of the survivors, "
                "and tell nothing about the others."
            )
        if repeated_seeds(group.members):
            yield f"Runs of the {side} {name} have the same seed: their spread is not that of different seeds."


def lacking_doubts(candidates: SeedGroup | None, baselines: SeedGroup | None, metrics: Sequence[Metric]) -> Iterator[str]:
    """Yield a sentence for each side of which only some seeds have a finite value of a metric.

    The candidates can be the mean of several groups, of which every seed counts.
    """
    for side, group in (("candidate", candidates), ("baseline", baselines)):
        if group is None:
            continue
        total = len(group.members)
        known = {metric.name: len(finite_values(group.members, metric.name)) for metric in metrics}
        lacking = [f"{name} ({total - number} of {total})" for name, number in known.items() if 0 < number < total]
        if lacking:
            rest = len(lacking) - _MAX_NAMED
            names = ", ".join(lacking[:_MAX_NAMED]) + (
                f" and {rest} more metrics" if rest > 1 else " and 1 more metric" if rest == 1 else ""
            )
            yield f"Seeds of the {side} {_name(group)} have no finite value of {names}: their means are not known."


def _name(group: SeedGroup) -> str:
    # A mean of several groups has no id, and its members are of different groups.
    return group.members[0].group if group.run.id and group.members[0].group else group.run.title
