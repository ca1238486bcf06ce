"""What makes a comparison with baselines doubtful, as sentences that the report shows before everything else. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mlops_actions.core.runs import RunDetails
from mlops_actions.wandb_runs.selection.base_commits import BaseCommits
from mlops_actions.wandb_runs.selection.baseline_bar import Bar
from mlops_actions.wandb_runs.selection.usable import UsableBaselines
from mlops_actions.wandb_runs.verdict.gates import GateResult
from mlops_actions.wandb_runs.verdict.no_baseline import contradiction


def baseline_doubts(
    base: BaseCommits | None,
    found: UsableBaselines,
    bar: Bar | None,
    *,
    gates: Sequence[GateResult],
    details: Mapping[str, RunDetails],
    tracker_name: str,
) -> Iterator[str]:
    """Yield the doubts about the baselines and the bar."""
    if base and base.error:
        yield f"There is nothing to compare with: {base.error.cause}. {base.error.remedy}"
    if found.contradicted:
        yield f"There is a contradiction: {contradiction(found, tracker_name)}."
    unjudged = [result for result in gates if not result.judged]
    if unjudged:
        gates_text = f"{len(unjudged)} of {len(gates)} gates were" if len(gates) > 1 else "The gate was"
        yield f"{gates_text} not judged: {unjudged[0].reason}."
    dirty = [run for run in bar.members if _is_dirty(details.get(run.id))] if bar else []
    if bar and dirty:
        members = f" ({len(dirty)} of {len(bar.members)} runs)" if len(bar.members) > 1 else ""
        yield f"{bar.run.title}, {bar.choice}, is from a tree with uncommitted changes{members}."


def _is_dirty(details: RunDetails | None) -> bool:
    return details is not None and details.has_uncommitted_changes is True
