"""The bar: the one baseline, a run or a group, that the report compares with column by column.

"The best of each metric" is no model. A bar is one, and says how it was chosen and out of how many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlops_actions.core.runs import Run
from mlops_actions.wandb_runs.metrics.metric import Metric, finite_values
from mlops_actions.wandb_runs.statistics.seeds import SeedGroup


@dataclass(frozen=True)
class Bar:
    """The bar. `run` is the run, or represents the group: then its summary holds the means of `members`.

    `selected_by` is the metric by which it is the best of `out_of` runs or groups; None where it is the newest of them,
    since no metric tells which is the best.
    """

    run: Run
    members: tuple[Run, ...]
    out_of: int
    selected_by: Metric | None = None
    is_group: bool = False

    @property
    def noun(self) -> str:
        """What the bar was chosen among: `baselines`, or groups of them."""
        return "baseline group" if self.is_group else "baseline"

    @property
    def choice(self) -> str:
        """How it was chosen, in words: `the best of 10 baselines by accuracy`."""
        if self.out_of == 1:
            return f"the only {self.noun}"
        if self.selected_by is None:
            return f"the latest of {self.out_of} {self.noun}s"
        return f"the best of {self.out_of} {self.noun}s by {self.selected_by.name}"


def choose_bar(groups: Sequence[SeedGroup], metrics: Sequence[Metric], *, by_group: bool = False) -> Bar | None:
    """Return the best group by the first metric that has a direction and a value; without one the newest, the first.

    `groups` are single runs, or groups of seeds (`by_group`), newest first; None where there are none. Of equal ones the
    newest is chosen.
    """
    if not groups:
        return None
    runs = [group.run for group in groups]
    for metric in metrics:
        best = metric.best(finite_values(runs, metric))
        if best is not None:
            chosen = next(group for group in groups if finite_values([group.run], metric) == [best])
            return Bar(chosen.run, chosen.members, len(groups), metric, by_group)
    return Bar(groups[0].run, groups[0].members, len(groups), None, by_group)
