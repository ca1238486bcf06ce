"""Slices: the metrics of one form (`eval/*/accuracy`) as a table of their own, in which the worst comes first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlops_actions.core import markdown
from mlops_actions.core.decimals import percent, subtract
from mlops_actions.core.runs import Run, finite_number, metric_value
from mlops_actions.wandb_runs.differences import MetricRow
from mlops_actions.wandb_runs.findings import Findings
from mlops_actions.wandb_runs.metrics.metric import MAX, Metric
from mlops_actions.wandb_runs.metrics.patterns import matches
from mlops_actions.wandb_runs.report.numbers import NO_VALUE, NumberFormat, format_percent
from mlops_actions.wandb_runs.report.table_parts import metric_title

ANY = "*"
OPEN_ROWS = 8  # further rows are folded
_MAX_NAME = 60  # characters of a slice's name
_VANISHED, _PARTIAL, _COMPARED, _ALONE = range(4)


@dataclass(frozen=True)
class Slice:
    """One slice: its name, and the values of candidate and bar as they were logged (`MISSING`: none).

    `better` is whether the report marks it as better, or worse (False); None where it says neither. `vanished` and `partial`
    are those of its `MetricRow`.
    """

    name: str
    value: Any
    reference: Any
    better: bool | None = None
    vanished: bool = False
    partial: str = ""

    def gain(self, direction: str) -> float | None:
        """Return how much better the candidate is than the bar, negative where it is worse; None where nothing tells."""
        value, reference = finite_number(self.value), finite_number(self.reference)
        if not direction or value is None or reference is None:
            return None
        return subtract(value, reference) if direction == MAX else subtract(reference, value)


def slice_patterns(patterns: Iterable[str]) -> tuple[str, ...]:
    """Return the patterns that name slices: a `*` with text before and behind it. `eval/*` names metrics of any kind."""
    return tuple(dict.fromkeys(pattern for pattern in patterns if all(pattern.partition(ANY)) and not pattern.endswith(ANY)))


def slice_tables(findings: Findings) -> str:
    """Return the table of each pattern that names slices; empty where nothing is judged."""
    bar = findings.bar.run if findings.bar else None
    if findings.judged.run is None:
        return ""
    tables = []
    rows = {row.metric.name: row for row in findings.rows}
    for pattern, metrics in sliced_metrics(findings).items():
        slices = slices_of(pattern, [rows[metric.name] for metric in metrics], bar)
        tables.append(slices_table(slices, replace(metrics[0], name=pattern), of_groups=findings.judged.by_group))
    return "\n\n".join(tables)


def sliced_metrics(findings: Findings) -> dict[str, list[Metric]]:
    """Return the metrics behind each pattern that names slices; a metric belongs to the first pattern that it matches."""
    found: dict[str, list[Metric]] = {}
    for metric in findings.metrics:
        pattern = next((one for one in slice_patterns(findings.patterns) if matches(one, metric.name)), None)
        if pattern:
            found.setdefault(pattern, []).append(metric)
    return found


def slices_of(pattern: str, rows: Sequence[MetricRow], bar: Run | None) -> tuple[Slice, ...]:
    """Return the slices that stand behind a pattern, from the rows of their metrics, the worst first.

    Worst is what vanished, then what some seeds lack, then what lost most against the bar; without a bar, the worst value.
    Without a direction the order of the metrics stays.
    """
    found = []
    direction = ""
    for row in rows:
        reference = metric_value(bar, row.metric.name) if bar else None
        better = row.bar.better if row.bar else None
        found.append(Slice(_name(pattern, row.metric.name), row.value, reference, better, row.vanished, row.partial))
        direction = direction or row.metric.direction
    return tuple(sorted(found, key=lambda one: _badness(one, direction)))


def _name(pattern: str, name: str) -> str:
    before, after = pattern.partition(ANY)[0], pattern.rpartition(ANY)[2]
    return name.removeprefix(before).removesuffix(after)


def _badness(one: Slice, direction: str) -> tuple[int, float]:
    """Return the key of the order, in which the worst is the smallest."""
    if one.vanished:
        return _VANISHED, 0.0
    if one.partial:
        return _PARTIAL, 0.0
    if (gain := one.gain(direction)) is not None:
        return _COMPARED, gain
    value = finite_number(one.value)
    return _ALONE, 0.0 if value is None or not direction else value if direction == MAX else -value


def slices_table(slices: Sequence[Slice], metric: Metric, *, of_groups: bool = False) -> str:
    """Return the slices of one pattern as Markdown; `metric` gives pattern, direction and unit. Empty without slices.

    `of_groups`: both sides are groups of seeds, so that better and worse are beyond noise.
    """
    if not slices:
        return ""
    has_bar = any(one.reference is not None for one in slices)
    pairs = [(one.value, one.reference) for one in slices]
    numbers = NumberFormat.of([value for pair in pairs for value in pair], pairs)
    rows = [
        [
            markdown.code(_cut(one.name)) or NO_VALUE,
            numbers.text(one.value),
            *([numbers.text(one.reference), _change(one, numbers)] if has_bar else []),
        ]
        for one in slices
    ]
    header, align = (["Slice", "Candidate", "Bar", ""], "lrrl") if has_bar else (["Slice", "Candidate"], "lr")
    table = markdown.table(header, rows[:OPEN_ROWS], align)
    if rest := rows[OPEN_ROWS:]:
        table += "\n\n" + markdown.fold(f"{len(rest)} more slices", markdown.table(header, rest, align))
    return f"{_title(slices, metric, has_bar=has_bar, of_groups=of_groups)}\n\n{table}"


def _title(slices: Sequence[Slice], metric: Metric, *, has_bar: bool, of_groups: bool) -> str:
    name = f"**Slices of** {metric_title(metric)}"
    number = f"{len(slices)} slice{'' if len(slices) == 1 else 's'}"
    if not metric.direction:
        return f"{name}: {number}, whose direction is not known"
    if not has_bar:
        return f"{name}: {number}, the worst first"
    vanished = sum(one.vanished for one in slices)
    # A value that vanished is lost.
    worse = vanished + sum(one.better is False for one in slices)
    if not of_groups:
        return f"{name}: {worse or 'none'} of {number} worse than the bar, the worst first"
    lost = f" ({vanished} vanished)" if vanished else ""
    return f"{name}: {worse or 'none'} of {number} worse than the bar by more than noise{lost}, the largest loss first"


def _change(one: Slice, numbers: NumberFormat) -> str:
    """Say how the candidate's value differs from the bar's, in words for those who see no colours."""
    value, reference = finite_number(one.value), finite_number(one.reference)
    if one.vanished:
        return "🔴 vanished"
    if one.partial:
        return f"⚠️ {markdown.escape(one.partial)}"
    if value is None or reference is None:
        return NO_VALUE if value is None else "new"
    change = percent(value, reference)
    relative = "" if change is None else f" ({format_percent(change)})"
    mark = {True: " 🟢 better", False: " 🔴 worse", None: ""}[one.better]
    return f"{numbers.difference(value, reference)}{relative}{mark}".replace(" ", "\u00a0")


def _cut(name: str) -> str:
    return name if len(name) <= _MAX_NAME else f"{name[: _MAX_NAME // 2]}…{name[-(_MAX_NAME // 2 - 1) :]}"
