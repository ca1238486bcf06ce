"""Learning curves as mermaid's `xychart-beta`, with a legend in text (GitHub's mermaid may lack the chart's own legend)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mlops_actions.core import markdown
from mlops_actions.wandb_runs.report.numbers import format_number

Points = Sequence[tuple[float, float]]

POINTS = 30
# Colours that differ visibly on white and on black, in the order of the legend's squares.
_PALETTE = (("🟦", "#3b82f6"), ("🟧", "#f59e0b"), ("🟩", "#22a55b"), ("🟪", "#a855f7"), ("🟥", "#ef4444"), ("🟫", "#a0643c"))
MAX_CURVES = len(_PALETTE)
_MAX_MAGNITUDE = 1e300  # beyond it differences are no finite numbers any more


@dataclass(frozen=True)
class Curve:
    """One run's curve: `label` is Markdown; `points` are (step, value)."""

    label: str
    points: Points


def _drawable(points: Points) -> list[tuple[float, float]]:
    """Return the points that can be drawn, sorted by step; the last value of each step counts."""
    values = {step: value for step, value in points if abs(step) <= _MAX_MAGNITUDE and abs(value) <= _MAX_MAGNITUDE}
    return sorted(values.items())


def _value_at(points: Points, step: float) -> float:
    """Return the interpolated value at a step; before its first and after its last point a curve is flat."""
    if step <= points[0][0]:
        return points[0][1]
    for (left, low), (right, high) in pairwise(points):
        if step <= right:
            return low + (high - low) * ((step - left) / (right - left))
    return points[-1][1]


def chart(metric: str, curves: Sequence[Curve]) -> str:
    """Draw one metric; empty where no curve has two points.

    All curves share the axis's steps, since mermaid places values by their index. A run that ended earlier is drawn flat
    from its end, and its entry in the legend says so.
    """
    drawn = [(curve, points) for curve in curves if len(points := _drawable(curve.points)) > 1][:MAX_CURVES]
    if not drawn:
        return ""
    first = min(points[0][0] for _, points in drawn)
    last = max(points[-1][0] for _, points in drawn)
    steps = [first + (last - first) * index / (POINTS - 1) for index in range(POINTS)]
    values = [[_value_at(points, step) for step in steps] for _, points in drawn]
    legend = " · ".join(
        f"{square} {curve.label}{_end_note(points[-1][0], last)}"
        for (square, _), (curve, points) in zip(_PALETTE, drawn, strict=False)
    )
    return f"{markdown.mermaid(_diagram(metric, first, last, values))}\n\n{legend}"


def _diagram(metric: str, first: float, last: float, values: Sequence[Sequence[float]]) -> str:
    low, high = min(map(min, values)), max(map(max, values))
    margin = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
    span = high - low or abs(high) or 1.0
    colours = ", ".join(colour for _, colour in _PALETTE[: len(values)])
    return "\n".join(
        [
            "---",
            "config:",
            "  themeVariables:",
            "    xyChart:",
            f'      plotColorPalette: "{colours}"',
            "---",
            "xychart-beta",
            f'  title "{markdown.mermaid_text(metric)}"',
            f'  x-axis "step" {_number(first, last - first)} --> {_number(last, last - first)}',
            f"  y-axis {_number(low - margin, span)} --> {_number(high + margin, span)}",
            *(f"  line [{', '.join(_number(value, span) for value in line)}]" for line in values),
        ]
    )


def _number(value: float, span: float) -> str:
    """Write a number as precisely as a chart over `span` can show, without an exponent, which mermaid's lexer refuses."""
    digits = max(0, 4 - math.floor(math.log10(span)))
    text = f"{value:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _end_note(step: float, last: float) -> str:
    return "" if step == last else f" (ends at step {format_number(step)}, flat from there)"


def curves_of(metric: str, points_by_run: Mapping[str, Mapping[str, Points]], labels: Mapping[str, str]) -> list[Curve]:
    """Return the curves of one metric; `points_by_run` maps run id → metric → points, `labels` maps run id → Markdown."""
    return [
        Curve(label, points_by_run[run][metric]) for run, label in labels.items() if metric in points_by_run.get(run, {})
    ]
