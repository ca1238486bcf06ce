"""Run the action: find the runs, wait for them where the user asked for it, and hand them on to what follows from them."""

from __future__ import annotations

from datetime import timedelta

from mlops_actions.core.context import Context
from mlops_actions.core.errors import BadInput
from mlops_actions.core.event import Event
from mlops_actions.core.outcome import Outcome
from mlops_actions.core.runs import RunQuery
from mlops_actions.wandb_runs.base_branch import base_commits
from mlops_actions.wandb_runs.inputs import Inputs
from mlops_actions.wandb_runs.ports import Ports
from mlops_actions.wandb_runs.reading import Reading
from mlops_actions.wandb_runs.selection import runs as selection
from mlops_actions.wandb_runs.selection import sweep
from mlops_actions.wandb_runs.selection.from_inputs import keys_of, selection_of

# What only follows from the runs. It is as much code again, so it is loaded while the tracker works on its answer.
CONCLUSION = "mlops_actions.wandb_runs.conclude"
_POLL_SECONDS = 20.0


def run(inputs: Inputs, context: Context, event: Event | None, ports: Ports) -> Outcome:
    """Run the action's main stage; the outcome carries the error of a failed gate or of a wait that timed out."""
    folder = ports.workspace.path(inputs.report_dir, "report-dir")
    reading = _read(inputs, event, ports)
    from mlops_actions.wandb_runs.conclude import conclude

    return conclude(inputs, context, event, ports, reading, folder)


def _read(inputs: Inputs, event: Event | None, ports: Ports) -> Reading:
    tracker, selected = ports.tracker, selection_of(inputs, base_commits(inputs, event, ports))
    candidate_query, baseline_query = selection.candidate_query(selected), selection.baseline_query(selected)
    found_sweep = tracker.sweep(inputs.sweep) if inputs.sweep and not inputs.run_id else None
    if inputs.sweep and not inputs.run_id and not found_sweep:
        raise BadInput(
            f"input 'sweep' names {inputs.sweep!r}, and {inputs.project} has no such sweep",
            "give the id at the end of the sweep's address",
        )
    inputs = sweep.guided_by(inputs, found_sweep)
    keys = sweep.with_parameters(keys_of(inputs), found_sweep)
    if inputs.debug:
        ports.runner.info(f"candidates: {tracker.native_query(candidate_query)}")
        ports.runner.info(f"baselines: {tracker.native_query(baseline_query) if baseline_query else 'none'}")
        ports.runner.info(f"summary keys: {', '.join(keys.summary)}; config keys: {', '.join(keys.config)}")
    timed_out = inputs.wait and not _wait(inputs, candidate_query, ports)
    read_at = ports.clock.now()
    result = tracker.find(candidate_query, baseline_query, keys)
    return Reading(inputs, selected, keys, result, read_at=read_at, timed_out=timed_out, sweep=found_sweep)


def _wait(inputs: Inputs, query: RunQuery, ports: Ports) -> bool:
    """Poll until there are enough candidates and all have ended; return False where the time ran out."""
    deadline = ports.clock.now() + timedelta(seconds=inputs.timeout)
    last_message = ""
    while True:
        candidates = ports.tracker.states(query)
        now = ports.clock.now()
        running = sum(not candidate.has_ended(now) for candidate in candidates)
        if len(candidates) >= inputs.min_runs and not running:
            return True
        message = f"waiting: {len(candidates)} of at least {inputs.min_runs} runs exist, {running} have not ended"
        if message != last_message:
            ports.runner.info(message)
            last_message = message
        left = (deadline - now).total_seconds()
        if left <= 0:
            return False
        ports.clock.sleep(min(_POLL_SECONDS, left))
