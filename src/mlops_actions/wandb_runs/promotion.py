"""The model artifact of an accepted candidate gets its alias; nothing else does."""

from __future__ import annotations

from dataclasses import dataclass

from mlops_actions.core.errors import ActionError
from mlops_actions.wandb_runs.findings import FAILED, NOT_ASKED, Findings
from mlops_actions.wandb_runs.inputs import Inputs
from mlops_actions.wandb_runs.ports import Ports


@dataclass(frozen=True)
class Promotion:
    """What became of `promote-alias`: `artifact` (`name:version`) has it now, or it was not given, for `error` if any."""

    alias: str = ""
    artifact: str = ""
    error: ActionError | None = None


def promote(inputs: Inputs, ports: Ports, findings: Findings) -> Promotion:
    """Give the alias where gates and requirements were asked for and none of them failed."""
    alias = inputs.promote_alias or ""
    asked = {findings.gate, findings.required} - {NOT_ASKED}
    # With candidates still to come the best one is not known yet.
    if not alias or not asked or FAILED in asked or findings.best is None or findings.timed_out:
        return Promotion(alias)
    try:
        artifact = ports.tracker.promote(findings.best, alias)
    except ActionError as error:
        return Promotion(alias, error=error)
    ports.runner.notice(f"{artifact} is now '{alias}'", title="wandb-runs")
    return Promotion(alias, artifact)
