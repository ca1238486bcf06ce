"""Give the model artifact of an accepted candidate its alias; no other artifact gets one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mlops_actions.core.errors import ActionError
from mlops_actions.core.runs import Run
from mlops_actions.wandb_runs.findings import Findings


@dataclass(frozen=True)
class Promotion:
    """The result of `promote-alias`: `artifact` (`name:version`) has the alias, or `error` says why none has."""

    alias: str = ""
    artifact: str = ""
    error: ActionError | None = None


def promote(alias: str, findings: Findings, give_alias: Callable[[Run, str], str]) -> Promotion:
    """Give the alias where the verdict allows it."""
    if not alias or findings.accepted is None or not findings.verdict.promotes:
        return Promotion(alias)
    try:
        return Promotion(alias, artifact=give_alias(findings.accepted.run, alias))
    except ActionError as error:
        return Promotion(alias, error=error)
