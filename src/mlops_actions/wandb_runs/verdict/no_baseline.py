"""What a gate that compares with a baseline becomes while there is none: the input `no-baseline`. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from mlops_actions.wandb_runs.selection.runs import RunSelection
from mlops_actions.wandb_runs.selection.usable import UsableBaselines

FAIL, PASS, NEUTRAL = "fail", "pass", "neutral"
POLICIES = (FAIL, PASS, NEUTRAL)
_NOTHING_FOUND = "No finished run has the tags or the commit of a baseline."


@dataclass(frozen=True)
class NoBaseline:
    """Why there is no baseline (`reason`, in words), and what a gate that needs one becomes (`policy`)."""

    policy: str = FAIL
    reason: str = "there is no baseline"


NO_BASELINE = NoBaseline()


def no_baseline(policy: str, selection: RunSelection, found: UsableBaselines, tracker_name: str) -> NoBaseline:
    """Return what the absence of baselines means. Only what is known to be absent may pass: anything else fails."""
    if selection.base and selection.base.error:
        return NoBaseline(FAIL, selection.base.error.cause)
    if found.contradicted:
        return NoBaseline(FAIL, contradiction(found, tracker_name))
    return NoBaseline(policy)


def why_no_baseline(selection: RunSelection, found: UsableBaselines) -> tuple[str, ...]:
    """Return the note about baselines that were not found; none where the report begins with GitHub's error anyway."""
    base = selection.base
    if base is None or found.contradicted:
        return (_NOTHING_FOUND,)
    return () if base.error else (base.nothing_found,)


def contradiction(found: UsableBaselines, tracker_name: str) -> str:
    """Say that runs are no baselines since their commits are contradicted; empty where all count."""
    if not found.contradicted:
        return ""
    first, others = found.contradicted[0], len(found.contradicted) - 1
    more = f" and {others} more are no baselines" if others else " is no baseline"
    return f"run {first.id}{more}: {tracker_name} recorded another commit than the config names"
