"""Which details of which runs to read: only what the report shows, and what a requirement needs."""

from __future__ import annotations

from collections.abc import Iterable

from mlops_actions.core.runs import DetailsQuery, Run
from mlops_actions.wandb_runs.comparison import Comparison
from mlops_actions.wandb_runs.inputs import Inputs
from mlops_actions.wandb_runs.report import curve_choice, curves
from mlops_actions.wandb_runs.selection.judges import ALL
from mlops_actions.wandb_runs.verdict.requirements import CLEAN, SAME_DATA

# Of so many runs the report tells the datasets and uncommitted changes of each. Of more it tells those of the judged
# candidate and of the baselines, which the verdict rests on, unless a requirement is about every run.
MAX_RUNS = 120


def details_query(inputs: Inputs, compared: Comparison) -> DetailsQuery:
    """Return the query for details of the judged candidate and the baselines, and of the other runs where they are few."""
    if not compared.candidates:
        return DetailsQuery()
    judged = [group for group in (compared.judged.accepted, compared.judged.group) if group]
    bar = compared.bar.members if compared.bar else ()
    decisive = _ids((*(run for group in judged for run in group.members), *bar, *compared.baselines))
    runs = _ids((*compared.candidates, *compared.baselines))
    shown = runs if len(runs) <= MAX_RUNS else decisive[:MAX_RUNS]
    # Where every candidate is judged, the gates tell later which one decides.
    compared_groups = compared.judged.candidates if inputs.judge == ALL else [group for group in judged if group.run.id]
    required = inputs.require or ()
    return DetailsQuery(
        datasets=(runs if SAME_DATA in required else shown) if inputs.lineage else (),
        uncommitted_changes=runs if CLEAN in required else shown if inputs.sha else (),
        config=_ids((*bar, *(run for group in compared_groups for run in group.members)))[:MAX_RUNS] if bar else (),
        curves_of=_drawn(compared) if inputs.curves else (),
        curves=inputs.curves or (),
        samples=curves.SAMPLES,
    )


def _drawn(compared: Comparison) -> tuple[str, ...]:
    judged, bar = compared.judged, compared.bar
    drawn = curve_choice.choose(
        compared.usable,
        compared.baselines,
        judged=judged.group.members if judged.group else (),
        bar=bar.members if bar else (),
        by_group=judged.by_group,
    )
    return _ids(run for curve in drawn for run in curve.runs)


def _ids(runs: Iterable[Run]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(run.id for run in runs))
