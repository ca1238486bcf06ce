"""Runs that were recorded without a connection and uploaded while they still trained, as far as the record tells. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlops_actions.core.runs import FINISHED, Run

_MAX_NAMED = 3


def early_uploads(candidates: Sequence[Run], tracker_name: str) -> Iterator[str]:
    """Yield a doubt about candidates that were uploaded before their end: their state says that they have ended."""
    early = [run for run in candidates if run.uploaded_early and run.state != FINISHED]
    if not early:
        return
    named = ", ".join(f"{run.id} ({run.state})" for run in early[:_MAX_NAMED])
    more = f" and {len(early) - _MAX_NAMED} more" if len(early) > _MAX_NAMED else ""
    yield (
        f"Uploaded from an offline folder while still training, whatever state {tracker_name} shows: {named}{more}. "
        "Upload again what has ended."
    )
