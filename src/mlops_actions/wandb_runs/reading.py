"""What the tracker was asked and what it answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mlops_actions.core.runs import RunKeys, Sweep, TrackerResult
from mlops_actions.wandb_runs.inputs import Inputs
from mlops_actions.wandb_runs.selection.runs import RunSelection


@dataclass(frozen=True)
class Reading:
    """The runs as they were read at `read_at`; `timed_out` where some still ran when the time to wait was over.

    `inputs` are the user's, completed by what the sweep itself says.
    """

    inputs: Inputs
    selection: RunSelection
    keys: RunKeys
    result: TrackerResult
    read_at: datetime
    timed_out: bool
    sweep: Sweep | None
