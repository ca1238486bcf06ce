"""What stands beside a chart in words: its curves as a table, gaps, ends, and steps that it leaves out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import fmean

from mlops_actions.core import markdown
from mlops_actions.core.runs import MISSING
from mlops_actions.wandb_runs.report.curve_charts import Chart
from mlops_actions.wandb_runs.report.curve_points import Curve, LoggedValues
from mlops_actions.wandb_runs.report.numbers import NO_VALUE, aligned, format_number

_CROWDED = 10.0  # the axis's range, by the range of most values, from which on the latter is said
_MOST = 20  # all but one in so many values, at each end, are most values
_SPARSE = 4  # a curve with so many times fewer values than another is drawn in steps


def table(squares: Sequence[str], curves: Sequence[Curve]) -> str:
    """List the curves with their numbers, so that they can be told apart without colours, and what no line can show."""
    header = ("curve", "first", "last", "lowest (step)", "highest (step)", "remarks")
    rows = [
        [f"{square} {curve.label}", *numbers, "; ".join(_remarks(curve, curves)) or NO_VALUE]
        for square, curve, numbers in zip(squares, curves, _numbers(curves), strict=False)
    ]
    if all(row[-1] == NO_VALUE for row in rows):
        return markdown.table(header[:-1], [row[:-1] for row in rows], "lrrrr")
    return markdown.table(header, rows, "lrrrrl")


def sentences(curves: Sequence[Curve], charts: Sequence[Chart], *, bands: bool, samples: int) -> str:
    """Say what is true of the whole chart: steps left out, crowded values, uneven steps, thinned histories."""
    return " ".join(_sentences(curves, charts, bands=bands, samples=samples))


def _sentences(curves: Sequence[Curve], charts: Sequence[Chart], *, bands: bool, samples: int) -> Iterator[str]:
    if any(curve.is_group for curve in curves):
        yield (
            "The middle line of a group is the mean of its runs, the outer ones are their lowest and highest values."
            if bands
            else "The line of a group is the mean of its runs."
        )
    if charts and (left_out := charts[0].left_out):
        values = f"from {format_number(left_out[0])} to {format_number(left_out[-1])}"
        yield (
            f"Steps before {format_number(charts[0].start)} are not drawn: their values, {values}, would flatten all others."
        )
    if charts and (most := _most(charts[0].plot.values)):
        yield f"Most values are between {format_number(most[0])} and {format_number(most[1])}."
    if not all(chart.plot.even for chart in charts):
        yield "The steps are not evenly spaced."
    if any(len(run.finite) + len(run.lost) >= samples for curve in curves for run in curve.runs):
        yield f"At most {samples} points of a history were read: an extreme between them may be missing."


def _most(values: Sequence[float]) -> tuple[float, float] | None:
    """Return the range of most values where it is a small part of the range of all."""
    ordered = sorted(values)
    cut = len(ordered) // _MOST
    low, high = ordered[cut], ordered[len(ordered) - 1 - cut]
    return (low, high) if 0 < (high - low) * _CROWDED < ordered[-1] - ordered[0] else None


def _numbers(curves: Sequence[Curve]) -> list[list[str]]:
    """Return the cells of each curve: its first and last value, its extremes with their steps."""
    firsts = _column([[run.finite[0][1] for run in curve.runs if run.finite] for curve in curves])
    lasts = _column([[run.finite[-1][1] for run in curve.runs if run.finite] for curve in curves])
    extremes = []
    for choose in (min, max):
        points = [choose(curve.finite, key=lambda point: point[1], default=None) for curve in curves]
        values = aligned([point[1] if point else MISSING for point in points])
        extremes.append(
            [f"{value} ({format_number(point[0])})" if point else value for value, point in zip(values, points, strict=True)]
        )
    return [list(cells) for cells in zip(firsts, lasts, *extremes, strict=True)]


def _column(values: Sequence[Sequence[float]]) -> list[str]:
    """Write the value of each curve; of a group the mean, with the lowest and the highest."""
    numbers = [(fmean(found), min(found), max(found)) if found else (MISSING,) * 3 for found in values]
    texts = iter(aligned([number for three in numbers for number in three]))
    return [
        f"{mean} ({low} to {high})" if len(found) > 1 else mean
        for found, (mean, low, high) in zip(values, zip(texts, texts, texts, strict=True), strict=True)
    ]


def _remarks(curve: Curve, curves: Sequence[Curve]) -> Iterator[str]:
    if curve.is_group:
        yield f"{len(curve.runs)} runs"
    if not curve.finite:
        yield f"only {_kinds(curve.lost)}, no line"
        return
    if missing := sum(not run.finite for run in curve.runs):
        yield f"{missing} without a history of finite values, no line"
    if singles := sum(len(run.finite) == 1 for run in curve.runs):
        yield f"{singles} with a single finite value, no line" if curve.is_group else "a single finite value, no line"
    if curve.lost:
        yield _lost(curve)
    runs = [run for run in curve.runs if len(run.finite) > 1]
    others = [run for other in curves for run in other.runs if len(run.finite) > 1]
    if len(runs) == len(curve.runs):
        yield from _ends(runs, others)
        if min(len(run.finite) for run in runs) * _SPARSE <= max(len(run.finite) for run in others):
            yield "logged seldom: level between its values"


def _lost(curve: Curve) -> str:
    steps = sorted({step for step, _ in curve.lost})
    where = f"at step {format_number(steps[0])}"
    if len(steps) > 1:
        where = f"at {len(steps)} steps from {format_number(steps[0])} to {format_number(steps[-1])}"
    ended = [run for run in curve.runs if run.finite and run.lost and run.lost[-1][0] > run.last]
    return f"{_kinds(curve.lost)} {where}" + (", no finite value after that" if ended else "")


def _kinds(points: Sequence[tuple[float, float]]) -> str:
    kinds = {format_number(value if not math.isfinite(value) else math.copysign(math.inf, value)) for _, value in points}
    return " and ".join(sorted(kinds))


def _ends(runs: Sequence[LoggedValues], others: Sequence[LoggedValues]) -> Iterator[str]:
    """Say where a curve starts later or ends earlier than the others of its chart."""
    first, last = max(run.first for run in runs), min(run.last for run in runs)
    if first > min(run.first for run in others):
        yield f"starts at step {format_number(first)}"
    if last < max(run.last for run in others):
        yield f"ends at step {format_number(last)}"
