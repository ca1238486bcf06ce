"""A sweep as the candidates: its own metric and goal choose the judged run, unless the inputs name another. Pure."""

from __future__ import annotations

from dataclasses import replace

from mlops_actions.core.errors import BadInput
from mlops_actions.core.runs import RunKeys, Sweep
from mlops_actions.wandb_runs.inputs import Inputs
from mlops_actions.wandb_runs.metrics import directions
from mlops_actions.wandb_runs.metrics.metric import Metric
from mlops_actions.wandb_runs.selection.judges import ALL, BEST

_MAX_SHOWN = 20  # parameters whose values are read of each run


def guided_by(inputs: Inputs, sweep: Sweep | None) -> Inputs:
    """Return the inputs with `select-by` from the sweep, where they name no metric; raises BadInput on a contradiction."""
    if sweep is None or inputs.select_by or inputs.judge not in (BEST, ALL) or not (sweep.metric and sweep.direction):
        return inputs
    metric = Metric(sweep.metric, sweep.direction)
    for contradiction in directions.contradictions(inputs.metrics or (), metric, inputs.gates or ()):
        raise BadInput(
            f"the goal of sweep {sweep.id} is {sweep.metric}:{sweep.direction}, which the inputs contradict: "
            + contradiction.cause.replace("input 'select-by'", "the sweep"),
            "name the metric that chooses the run in 'select-by', or correct 'metrics' or 'gates'",
        )
    return replace(inputs, select_by=metric)


def with_parameters(keys: RunKeys, sweep: Sweep | None) -> RunKeys:
    """Return the keys with the parameters that the sweep varies."""
    swept = sweep.parameters[:_MAX_SHOWN] if sweep else ()
    return replace(keys, config=tuple(dict.fromkeys([*keys.config, *swept])))
