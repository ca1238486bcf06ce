"""Where a reader sees the compared runs side by side in the tracker."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mlops_actions.core import markdown
from mlops_actions.core.runs import Run, TrackerInfo

_MAX_RUNS = 10  # runs to search for: with more, the text is too long to copy


def side_by_side(runs: Sequence[Run], tracker: TrackerInfo) -> str:
    """Return the line as Markdown: the page of runs, and the text that finds these. Empty for fewer than two runs.

    A tracker has no address that opens chosen runs, so the reader copies the text into the page's search field.
    """
    ids = list(dict.fromkeys(run.id for run in runs if run.id))[:_MAX_RUNS]
    if len(ids) < 2 or not tracker.runs_url:
        return ""
    pattern = f"^({'|'.join(_escaped(identifier) for identifier in ids)})$"
    page = markdown.link(f"all runs in {tracker.name}", tracker.runs_url)
    return f"**Side by side:** search {page} for {markdown.code(pattern)}"


def _escaped(identifier: str) -> str:
    """Escape what is special in a regular expression of any common syntax, and nothing else: `-` is not."""
    return re.sub(r"([\\.^$*+?()\[\]{}|])", r"\\\1", identifier)
