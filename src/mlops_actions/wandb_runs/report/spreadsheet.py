"""The report as CSV, with the columns of the action that this one replaces, in their order."""

from __future__ import annotations

import csv
import io
import re
import string
from collections.abc import Sequence
from typing import Any

from mlops_actions.core.runs import MISSING, Run, metric_value, value_at
from mlops_actions.wandb_runs.values import as_text

_RUN_COLUMNS = ("run.url", "run.name", "run.tags", "run.id", "run.entity", "run.project", "github_sha", "run.description")
_CATEGORY_COLUMN = "__eval.category"
# The first characters of a formula (with the wide forms, which some spreadsheets accept), and those skipped before it.
_FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
# Nearly every text starts with one of these, which begin no formula.
_PLAIN = frozenset(f"{string.ascii_letters}{string.digits}[{{/")
_INVISIBLE = re.compile(r"^[\s\ufeff\u200b-\u200f\u2060]+")


def header(metrics: Sequence[str], config_keys: Sequence[str]) -> list[str]:
    """Return the columns' names. A config column whose name is taken by a metric (`_x`) is called `_x (config)`."""
    names = {*_RUN_COLUMNS, *metrics, _CATEGORY_COLUMN}
    config = [f"_{key} (config)" if f"_{key}" in names else f"_{key}" for key in config_keys]
    return [*_RUN_COLUMNS, *metrics, *config, _CATEGORY_COLUMN]


def render(
    candidates: Sequence[Run],
    baselines: Sequence[Run],
    *,
    metrics: Sequence[str],
    config_keys: Sequence[str],
    sha_config_key: str,
) -> str:
    """Write the finished runs, candidates first; without finished runs the header stands alone."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    # A name may come from a run, by a pattern of `metrics`.
    writer.writerow([_cell(name) for name in header(metrics, config_keys)])
    for category, runs in (("candidate", candidates), ("baseline", baselines)):
        for run in runs:
            if run.finished:
                values = [
                    *_run_values(run, sha_config_key),
                    *(metric_value(run, name) for name in metrics),
                    *(value_at(run.config, key) for key in config_keys),
                    category,
                ]
                writer.writerow([_cell(value) for value in values])
    return out.getvalue()


def _run_values(run: Run, sha_config_key: str) -> list[Any]:
    sha = value_at(run.config, sha_config_key)
    return [
        run.url,
        run.name,
        str(list(run.tags)),  # the replaced action wrote Python's form: ['a', 'b']
        run.id,
        run.entity,
        run.project,
        run.commit if sha is MISSING or sha is None else sha,
        run.description,
    ]


def _cell(value: Any) -> str:
    """Return a cell's text; a text that a spreadsheet would run as a formula gets a leading `'`, numbers stay numbers."""
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, int):
        return str(value)  # also True and False, as pandas wrote them
    # A lone carriage return would end the row for some readers, and Python's writer does not quote it.
    text = as_text(value)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    first = text[:1]
    if not first or first in _PLAIN:
        return text
    return f"'{text}" if first == "\t" or _INVISIBLE.sub("", text)[:1] in _FORMULA else text
