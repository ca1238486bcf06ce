"""Learning curves as mermaid's `xychart-beta`, with a legend in text (mermaid's own is too recent to rely on)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mlops_actions.core import markdown
from mlops_actions.wandb_runs.show import figure

POINTS = 30
# Colours that can be told apart on white and on black, in the order in which the legend's squares name them.
_PALETTE = (("🟦", "#3b82f6"), ("🟧", "#f59e0b"), ("🟩", "#22a55b"), ("🟪", "#a855f7"), ("🟥", "#ef4444"), ("🟫", "#a0643c"))
MOST_LINES = len(_PALETTE)
_FARTHEST = 1e300  # beyond it differences are no finite numbers any more


@dataclass(frozen=True)
class Line:
    """One run's curve: `label` is Markdown already; `points` are (step, value)."""

    label: str
    points: Sequence[tuple[float, float]]


def _finite(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points that can be drawn, by step, the last of each step."""
    kept = {step: value for step, value in points if abs(step) <= _FARTHEST and abs(value) <= _FARTHEST}
    return sorted(kept.items())


def _at(points: Sequence[tuple[float, float]], step: float) -> float:
    """The value at a step, interpolated; beyond its ends a curve keeps its end's value."""
    if step <= points[0][0]:
        return points[0][1]
    for (left, low), (right, high) in pairwise(points):
        if step <= right:
            return low + (high - low) * ((step - left) / (right - left))
    return points[-1][1]


def chart(metric: str, lines: Sequence[Line]) -> str:
    """Draw one metric; empty where no line has two points.

    All lines share the steps of the axis, since mermaid places values by their index; a run that ended earlier is drawn
    flat from there on, which its entry in the legend says.
    """
    drawn = [(line, points) for line in lines if len(points := _finite(line.points)) > 1][:MOST_LINES]
    if not drawn:
        return ""
    first = min(points[0][0] for _, points in drawn)
    last = max(points[-1][0] for _, points in drawn)
    steps = [first + (last - first) * index / (POINTS - 1) for index in range(POINTS)]
    values = [[_at(points, step) for step in steps] for _, points in drawn]
    low, high = min(map(min, values)), max(map(max, values))
    margin = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
    span = high - low or abs(high) or 1.0
    colours = ", ".join(colour for _, colour in _PALETTE[: len(drawn)])
    title = markdown.mermaid_text(metric)
    diagram = "\n".join(
        [
            "---",
            "config:",
            "  themeVariables:",
            "    xyChart:",
            f'      plotColorPalette: "{colours}"',
            "---",
            "xychart-beta",
            f'  title "{title}"',
            f'  x-axis "step" {_plain(first, last - first)} --> {_plain(last, last - first)}',
            f"  y-axis {_plain(low - margin, span)} --> {_plain(high + margin, span)}",
            *(f"  line [{', '.join(_plain(value, span) for value in line)}]" for line in values),
        ]
    )
    legend = " · ".join(
        f"{square} {line.label}{_ends(points[-1][0], last)}"
        for (square, _), (line, points) in zip(_PALETTE, drawn, strict=False)
    )
    return f"{markdown.mermaid(diagram)}\n\n{legend}"


def _plain(value: float, span: float) -> str:
    """A number as finely as a chart that spans `span` can show, in the form mermaid's lexer takes: no exponent."""
    digits = max(0, 4 - math.floor(math.log10(span)))
    text = f"{value:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _ends(step: float, last: float) -> str:
    return "" if step == last else f" (ends at step {figure(step)}, flat from there)"


def lines_of(
    metric: str, curves: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]], labels: Mapping[str, str]
) -> list[Line]:
    """The lines of one metric; `curves` is run id → metric → points, `labels` run id → Markdown, in drawing order."""
    return [Line(label, curves[run][metric]) for run, label in labels.items() if metric in curves.get(run, {})]
