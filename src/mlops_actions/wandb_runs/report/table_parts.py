"""The parts that the report's tables share: columns, titles of metrics, links to runs, the legend."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from mlops_actions.core import markdown
from mlops_actions.core.runs import Run
from mlops_actions.wandb_runs.metrics.metric import INFERRED, Metric

_NO_BREAK_SPACE = "\u00a0"

Item = TypeVar("Item")


@dataclass(frozen=True)
class Column(Generic[Item]):
    """A column of a table: its title, the cell of each item (a row), and its alignment (`l` or `r`)."""

    title: str
    cell: Callable[[Item], str]
    align: str = "r"


def draw_table(columns: Sequence[Column[Item]], items: Iterable[Item]) -> str:
    """Return a table with a row for each item."""
    rows = [[column.cell(item) for column in columns] for item in items]
    return markdown.table([column.title for column in columns], rows, "".join(column.align for column in columns))


def metric_title(metric: Metric) -> str:
    """Return a metric's name with its unit and the arrow of its direction."""
    unit = f" {markdown.escape(f'[{metric.unit}]')}" if metric.unit else ""
    arrow = f" {metric.arrow}" if metric.arrow else ""
    return markdown.code(metric.name) + unbroken(f"{unit}{arrow}" + (" \\*" if metric.source == INFERRED else ""))


def legend(metrics: Sequence[Metric]) -> str:
    """Explain the arrows and stars of metrics; empty where none needs it."""
    parts = []
    if any(metric.direction for metric in metrics):
        parts = ["↑ higher is better, ↓ lower is better"]
    if any(metric.source == INFERRED for metric in metrics):
        parts.append("\\* direction inferred from the name; give `:min` or `:max` in `metrics`")
    if any(not metric.direction for metric in metrics):
        parts.append("without an arrow: direction not known")
    return f"<sub>{' · '.join(parts)}</sub>" if parts else ""


def unbroken(text: str) -> str:
    """Return text that is never wrapped."""
    return text.replace(" ", _NO_BREAK_SPACE)


def run_link(run: Run) -> str:
    """Return a link to a run's page."""
    return markdown.link(run.title, run.url)


def plural(number: int, noun: str) -> str:
    """Return a number with its noun: `1 run`, `2 runs`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
