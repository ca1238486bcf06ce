"""Give the model artifact of an accepted candidate its alias; no other artifact gets one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mlops_actions.core.errors import ActionError, Refused
from mlops_actions.core.runs import Artifact, Run
from mlops_actions.wandb_runs.findings import Findings
from mlops_actions.wandb_runs.verdict.verdict import PASSED

# Returns the model of a run that is attested and promoted; None where the run logged none. Raises ActionError.
ModelOf = Callable[[Run], Artifact | None]
GiveAlias = Callable[[Run, Artifact, str], None]


@dataclass(frozen=True)
class Promotion:
    """The result of `promote-alias`: `artifact` (`name:version`) has the alias, or `error` or `reason` says why none has.

    `remedy` goes with `reason`.
    """

    alias: str = ""
    artifact: str = ""
    error: ActionError | None = None
    reason: str = ""
    remedy: str = ""


def promote(alias: str, findings: Findings, model_of: ModelOf, give_alias: GiveAlias) -> Promotion:
    """Give the alias where the verdict allows it."""
    if not alias:
        return Promotion()
    if findings.accepted is None or not findings.verdict.promotes:
        return _refused(alias, findings)
    run = findings.accepted.run
    try:
        model = model_of(run)
        if model is None:
            raise Refused(
                f"run {run.id} logged no artifact of type 'model'", "log one in the training, or leave 'promote-alias' out"
            )
        give_alias(run, model, alias)
    except ActionError as error:
        return Promotion(alias, error=error)
    return Promotion(alias, artifact=model.label)


def _refused(alias: str, findings: Findings) -> Promotion:
    """Say why nothing is promoted where all that was asked for holds."""
    if findings.verdict.state != PASSED:
        return Promotion(alias)
    if findings.data_difference:
        return Promotion(
            alias,
            reason=findings.data_difference,
            remedy="train a baseline on the same data, or give 'lineage: false' where the data are not to be compared",
        )
    # With `judge: all` every candidate can pass although none is known to be the best.
    if findings.accepted is None:
        remedy = "log this metric in the training, or name another one in 'select-by'"
        return Promotion(alias, reason=findings.judged.reason, remedy=remedy)
    return Promotion(alias)
