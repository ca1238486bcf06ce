"""`wandb_report.csv`, with the columns of the action that this one replaces, in their order."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import Any

from mlops_actions.wandb_runs.model import MISSING, Run, metric_value, value_at
from mlops_actions.wandb_runs.show import plain

_LEADING = ("run.url", "run.name", "run.tags", "run.id", "run.entity", "run.project", "github_sha", "run.description")
CATEGORY = "__eval.category"
# What a formula begins with (the wide forms as well, which some spreadsheets take), and what they skip before it.
_FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
_INVISIBLE = re.compile(r"^[\s\ufeff\u200b-\u200f\u2060]+")


def header(metrics: Sequence[str], config_keys: Sequence[str]) -> list[str]:
    """Name the columns. A config column that would have a metric's name (`_x`) is called `_x (config)`."""
    taken = {*_LEADING, *metrics, CATEGORY}
    config = [f"_{key} (config)" if f"_{key}" in taken else f"_{key}" for key in config_keys]
    return [*_LEADING, *metrics, *config, CATEGORY]


def render(
    candidates: Sequence[Run],
    baselines: Sequence[Run],
    metrics: Sequence[str],
    config_keys: Sequence[str],
    sha_config_key: str,
) -> str:
    """Write the finished runs, candidates first; with none of them the header stands alone."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header(metrics, config_keys))
    for category, runs in (("candidate", candidates), ("baseline", baselines)):
        for run in runs:
            if run.finished:
                writer.writerow(_row(run, metrics, config_keys, sha_config_key, category))
    return out.getvalue()


def _row(run: Run, metrics: Sequence[str], config_keys: Sequence[str], sha_config_key: str, category: str) -> list[str]:
    sha = value_at(run.config, sha_config_key)
    values: list[Any] = [
        run.url,
        run.name,
        str(list(run.tags)),  # as the replaced action wrote it: ['a', 'b']
        run.id,
        run.entity,
        run.project,
        run.commit if sha is MISSING or sha is None else sha,
        run.description,
        *(metric_value(run, name) for name in metrics),
        *(value_at(run.config, key) for key in config_keys),
        category,
    ]
    return [_cell(value) for value in values]


def _cell(value: Any) -> str:
    """A cell; text that a spreadsheet would run as a formula is quoted with a leading `'`.

    Numbers stay numbers (`-0.5` is no formula).
    """
    if isinstance(value, bool):
        return str(value)  # True and False, as pandas wrote them
    if isinstance(value, int | float):
        return repr(value)
    # A lone carriage return would end the row for some readers, and Python's writer does not quote it.
    text = plain(value).replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if text[:1] == "\t" or _INVISIBLE.sub("", text)[:1] in _FORMULA else text
