"""Candidates that did not finish: a mean over those that did, or the best of them, hides what the others would have said."""

from __future__ import annotations

from mlops_actions.wandb_runs.selection.runs import RunCounts


def unfinished_doubt(counts: RunCounts) -> str:
    """Say how many candidates ended without an end; empty where all that ended finished, or none did."""
    ended = {"crashed": counts.crashed, "failed": counts.failed, "killed": counts.killed}
    number = sum(ended.values())
    if not number or not counts.finished:
        return ""
    kinds = ", ".join(f"{count} {kind}" for kind, count in ended.items() if count)
    rest = "the one that did" if counts.finished == 1 else f"the {counts.finished} that did"
    return f"{number} of {counts.candidates} candidates did not finish ({kinds}): the numbers are those of {rest}."
